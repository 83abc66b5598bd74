"""Read the files that a project names, once: after this, all is pure until the tree is written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workaday.blueprint.images import parse
from workaday.blueprint.predictor import example_of
from workaday.layout import TREES
from workaday.project.lock import LOCK_NAME

if TYPE_CHECKING:
    from workaday.project import Loaded
    from workaday.project.overlays import Overlays

PREDICTOR_CLASS = "Predictor"
MODEST = 2**20  # a larger file beside a predictor is weights by another name


@dataclass(frozen=True)
class Inputs:
    """What the named files hold.

    Attributes:
        digests: sha256 of a predictor and what lies beside it, or of a requirements file, by path as written in
            project.yaml.
        examples: a predictor's example payload, by the same path.
        overlays: templates, modules and values of overlays, or None.
        images: the digest of each image that was pushed, by reference with its tag, as workaday.lock says.
    """

    digests: Mapping[str, str] = field(default_factory=dict)
    examples: Mapping[str, Any] = field(default_factory=dict)
    overlays: Overlays | None = None
    images: Mapping[str, str] = field(default_factory=dict)


def read_inputs(loaded: Loaded) -> Inputs:
    """Read the predictors and requirements of a project's torch models; `load` has checked that they exist.

    Raises:
        ProjectError: X133, workaday.lock cannot be read.
    """
    digests: dict[str, str] = {}
    examples: dict[str, Any] = {}
    weights = local_weights(loaded)
    for server in servers(loaded):
        predictor = getattr(server, "predictor", None)
        if predictor is not None and predictor not in examples:
            path = loaded.root / predictor
            digests[predictor] = code_digest(path, loaded.root, weights)
            examples[predictor] = example_of(path.read_text(encoding="utf-8"), PREDICTOR_CLASS)
        requirements = getattr(server, "requirements", None)
        if requirements is not None:
            digests[requirements] = hashlib.sha256((loaded.root / requirements).read_bytes()).hexdigest()
    return Inputs(digests, examples, loaded.overlays, locked_images(loaded))


def locked_images(loaded: Loaded) -> dict[str, str]:
    """Return what workaday.lock says of images; nothing on this machine, which runs none."""
    path = loaded.root / LOCK_NAME
    if loaded.project.platform.kind == "local" or not path.is_file():
        return {}
    return parse(path.read_text(encoding="utf-8", errors="replace"))


def local_weights(loaded: Loaded) -> set[Path]:
    """Return where the weights of all models are on this machine."""
    return {loaded.root / each.weights.local for each in loaded.project.models if each.weights and each.weights.local}


def servers(loaded: Loaded) -> Iterator[object]:
    """Yield the server of each model, and of its canary where that has another."""
    for model in loaded.project.models:
        yield model.server
        if model.canary and model.canary.overrides.server:
            yield model.canary.overrides.server


def code_digest(predictor: Path, root: Path, weights: Collection[Path] = ()) -> str:
    """Return one hash for a predictor and what lies beside and below it, which it may import or open.

    Data counts where the predictor has a folder of its own, not the whole project's; large files and `weights` do not:
    they are rarely committed, and another machine must find the same hash.
    """
    digest = hashlib.sha256(predictor.name.encode())
    for each in code_files(predictor, root, weights)[0]:
        digest.update(f"\0{each.relative_to(predictor.parent).as_posix()}\0".encode())
        digest.update(each.read_bytes())
    return digest.hexdigest()


def code_files(predictor: Path, root: Path, weights: Collection[Path] = ()) -> tuple[list[Path], list[Path]]:
    """Return the files that are a predictor's code, and those beside it that are too large to be."""
    folder = predictor.parent
    code: list[Path] = []
    large: list[Path] = []
    for each in _files(folder, {root / TREES, *weights}):
        if each.suffix == ".py" or (folder != root and each.stat().st_size <= MODEST):
            code.append(each)
        elif folder != root:
            large.append(each)
    return code, large


def _files(folder: Path, skipped: Collection[Path]) -> list[Path]:
    found: list[Path] = []
    for here, folders, names in os.walk(folder):
        at = Path(here)
        folders[:] = [each for each in folders if not _hidden(each) and at / each not in skipped]
        files = (at / each for each in names if not _hidden(each))
        found += (each for each in files if each not in skipped and each.is_file() and os.access(each, os.R_OK))
    return sorted(found)


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__pycache__"
