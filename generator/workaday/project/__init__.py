"""The project file: read, checked, merged with its environment, and pointed into when something is wrong.

`load` is the one way in. What it needs is imported inside it, so that importing this package costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .diagnostics import Diagnostic, Label, ProjectError, Span, render_text, to_json

if TYPE_CHECKING:
    from .environments import Change
    from .overlays import Overlays
    from .schema import Project
    from .sources import Sources

__all__ = ["Diagnostic", "Label", "Loaded", "ProjectError", "Span", "diff", "load", "render_text", "to_json"]


@dataclass(frozen=True)
class Loaded:
    """A project without mistakes.

    Attributes:
        project: what the user wrote, merged and typed.
        sources: where each key stands.
        root: the folder of project.yaml; every path in the file is relative to it.
        files: every file that was read: project.yaml, the environment, overlays' files, predictors and what else
            the project names.
        env: the environment's name, or None.
        overlays: what overlays hold beside their defaults; None where they hold no more.
    """

    project: Project
    sources: Sources
    root: Path
    files: tuple[Path, ...]
    env: str | None = None
    overlays: Overlays | None = None


def load(path: Path, env: str | None = None) -> Loaded:
    """Read and check a project file, merged with its overlays and `environments/<env>.yaml`.

    Raises:
        ProjectError: with every finding, ordered by position.
    """
    from .speed import without_collection

    with without_collection():
        return _load(path, env)


def _load(path: Path, env: str | None) -> Loaded:
    from . import credentials, files, references
    from .environments import overlay_folders, read_layers
    from .overlays import read_overlays
    from .parts import salvage, whole
    from .validation import validate

    sources = read_layers(path, env)
    found = [*sources.found, *credentials.literal_credentials(sources.data)]
    project, mistakes = validate(sources)
    valid = whole(project, sources, env or "default") if project else salvage(sources, env or "default")
    missing, used = files.check(valid, path.parent)
    found += [*mistakes, *references.check(valid), *missing]
    overlays = read_overlays(overlay_folders(sources, path.parent), found)
    if found or project is None:
        raise ProjectError(found, sources)
    own = (path.parent / name for name in overlays.names)
    read = (*(layer.path for layer in sources.layers), *used, *own)
    return Loaded(project, sources, path.parent, read, env, overlays or None)


def diff(a: Loaded, b: Loaded) -> list[Change]:
    """Return what is different in `b`, in the order of the file."""
    from .environments import changes

    return changes(a, b)
