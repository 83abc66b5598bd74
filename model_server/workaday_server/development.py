"""`serve PREDICTOR.py`: one predictor, loaded anew at each change of the files beside it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workaday_server.config import NAME, ModelConfig, ServerConfig
from workaday_server.errors import ConfigError

POLL_SECONDS = 0.5
IGNORED = {"__pycache__", "weights", "node_modules"}


def serve_predictor(
    path: Path, name: str | None, host: str, port: int, config_file: Path | None, *, reload: bool
) -> None:
    """Serve one predictor on its name's route.

    Raises:
        ConfigError: there is no such file, or the name or the configuration cannot be used.
        StartError: the port is taken.
    """
    if not path.is_file():
        raise ConfigError(f"no such file: {path}")
    path = path.resolve()
    name = (
        name or re.sub(r"[^A-Za-z0-9._-]", "-", path.parent.name if path.stem == "predictor" else path.stem) or "model"
    )
    if not NAME.fullmatch(name):
        raise ConfigError(f"`{name}` is no name for a model: use letters, digits, `.`, `_` and `-`")
    model = ModelConfig(name, "", path, config=_settings(config_file), route=f"/{name}")

    def read() -> ServerConfig:
        fresh = dataclasses.replace(model, revision=fingerprint(path.parent), config=_settings(config_file))
        return ServerConfig(host=host, port=port, models=(fresh,))

    from workaday_server.process import serve

    first = read()
    if reload:
        threading.Thread(target=_watch, args=(path.parent, first.models[0].revision), daemon=True).start()
    serve(first, read)


def fingerprint(folder: Path) -> str:
    """Return a digest of the names, sizes and times of the folder's files; not of their contents."""
    digest = hashlib.sha256()
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if each not in IGNORED and not each.startswith("."))
        for each in sorted(files):
            try:
                status = (Path(parent) / each).stat()
            except OSError:
                continue
            digest.update(f"{parent}/{each}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(errors="replace"))
    return digest.hexdigest()[:12]


def _watch(folder: Path, seen: str) -> None:
    """Have the server read its configuration again when the folder changes and has come to rest."""
    waiting = threading.Event()
    changed = seen
    while True:
        waiting.wait(POLL_SECONDS)
        now = fingerprint(folder)
        if now != seen and now == changed:
            seen = now
            os.kill(os.getpid(), signal.SIGHUP)
        changed = now


def _settings(path: Path | None) -> Mapping[str, Any]:
    if path is None:
        return {}
    try:
        settings = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(settings, dict):
        raise ConfigError(f"{path}: must hold a mapping")
    return settings
