"""Read the files that a project names, once: after this, all is pure until the tree is written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workaday.blueprint.predictor import example_of

if TYPE_CHECKING:
    from workaday.project import Loaded
    from workaday.project.overlays import Overlays

PREDICTOR_CLASS = "Predictor"


@dataclass(frozen=True)
class Inputs:
    """What the named files hold.

    Attributes:
        digests: sha256 of a predictor's code (all Python files of its folder) or of a requirements file, by path as
            written in project.yaml.
        examples: a predictor's example payload, by the same path.
        overlays: templates, modules and values of overlays, or None.
    """

    digests: Mapping[str, str] = field(default_factory=dict)
    examples: Mapping[str, Any] = field(default_factory=dict)
    overlays: Overlays | None = None


def read_inputs(loaded: Loaded) -> Inputs:
    """Read the predictors and requirements of a project's torch models; `load` has checked that they exist."""
    digests: dict[str, str] = {}
    examples: dict[str, Any] = {}
    for model in loaded.project.models:
        predictor = getattr(model.server, "predictor", None)
        if predictor is not None and predictor not in examples:
            path = loaded.root / predictor
            digests[predictor] = code_digest(path)
            examples[predictor] = example_of(path.read_text(encoding="utf-8"), PREDICTOR_CLASS)
        requirements = getattr(model.server, "requirements", None)
        if requirements is not None:
            digests[requirements] = hashlib.sha256((loaded.root / requirements).read_bytes()).hexdigest()
    return Inputs(digests, examples, loaded.overlays)


def code_digest(predictor: Path) -> str:
    """Return one hash for a predictor and the Python files beside and below it, which it may import."""
    digest = hashlib.sha256(predictor.name.encode())
    for each in sorted(predictor.parent.rglob("*.py")):
        if any(part.startswith(".") for part in each.relative_to(predictor.parent).parts):
            continue
        digest.update(f"\0{each.relative_to(predictor.parent).as_posix()}\0".encode())
        digest.update(each.read_bytes())
    return digest.hexdigest()
