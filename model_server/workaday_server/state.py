"""The run folder: a lock that lives as long as the process, and `state.json`, replaced at each change."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workaday_server.errors import StartError

# Whoever probes the lock holds it for an instant.
PROBE_SECONDS = 1.0


class RunFolder:
    """The folder of `state_file`; nothing is written where that is None.

    Raises:
        StartError: another server holds the lock.
    """

    def __init__(self, state_file: Path | None) -> None:
        self.state_file = state_file
        self._lock = -1 if state_file is None else _hold(state_file.with_name("server.lock"))

    def write(self, state: Mapping[str, Any]) -> None:
        """Replace `state.json`, so that readers see the old one or the new one and nothing between.

        A folder that has been removed under the running server is left alone.
        """
        if self.state_file is None:
            return
        beside = self.state_file.with_name(f".{self.state_file.name}.{os.getpid()}")
        try:
            beside.write_text(json.dumps(state), encoding="utf-8")
            beside.replace(self.state_file)
        except FileNotFoundError:
            beside.unlink(missing_ok=True)


def _hold(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StartError(f"cannot write {path}: {(error.strerror or 'failed').lower()}") from None
    deadline = time.monotonic() + PROBE_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                pid = os.pread(lock, 32, 0).decode(errors="replace").strip()
                os.close(lock)
                raise StartError(f"another server holds {path} (pid {pid or 'unknown'}); stop it first") from None
            time.sleep(0.01)
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock
