"""What a project is made of beside project.yaml: overlays below it, an environment above; how two of them differ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import migrations
from .diagnostics import Diagnostic, KeyPath, ProjectError, Span
from .nodes import Document
from .overlays import DEFAULTS, HOLDS, shown
from .source import read
from .sources import Sources, child, named
from .spelling import meant

if TYPE_CHECKING:
    from . import Loaded

FOLDER = "environments"
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Change:
    """One key whose value differs; `old` or `new` is None where it is absent, `path` is spelled with items' names."""

    path: str
    old: Any
    new: Any
    origin: Span | None


def read_layers(path: Path, env: str | None) -> Sources:
    """Read project.yaml, the overlays that it names and the environment; return them merged.

    Raises:
        ProjectError: one of them cannot be read (P1xx), there is no such environment or overlay (P3xx), or the file is
            of another version.
    """
    base = read(path, path.name)
    migrations.require_current(base)
    found: list[Diagnostic] = []
    layers = [*_overlays(base, path.parent, found), base]
    if env is not None:
        layers.append(_environment(path.parent, env, found))
    return Sources(layers, layers.index(base), found)


def environments(root: Path) -> list[str]:
    """Return the names of the environments that exist beside a project file."""
    folder = root / FOLDER
    return sorted(each.stem for each in folder.glob("*.yaml")) if folder.is_dir() else []


def beside(base: Document, root: Path) -> dict[Path, str]:
    """Return the environments and overlays that belong to a project file, with the names that messages give them."""
    files = {root / FOLDER / f"{env}.yaml": f"{FOLDER}/{env}.yaml" for env in environments(root)}
    listed = base.data.get("overlays")
    for name in listed if isinstance(listed, list) else []:
        if isinstance(name, str) and (root / name / DEFAULTS).is_file():
            files[root / name / DEFAULTS] = _defaults_name(name)
    return files


def _defaults_name(overlay: str) -> str:
    return f"{shown(overlay)}/{DEFAULTS}"


def overlay_folders(sources: Sources, root: Path) -> dict[int, tuple[str, Path]]:
    """Return the overlays that exist, by their place in the project's list: what they are called, and the folder."""
    listed = sources.data.get("overlays")
    named = enumerate(listed if isinstance(listed, list) else [])
    return {index: (name, root / name) for index, name in named if isinstance(name, str) and (root / name).is_dir()}


def _environment(root: Path, env: str, found: list[Diagnostic]) -> Document:
    known = environments(root)
    if env not in known:
        listed = f"environments: {', '.join(known)}" if known else f"there are none: write `{FOLDER}/{env}.yaml`"
        label = meant(env, known)
        raise ProjectError([Diagnostic("P301", f"there is no environment `{env}`", label=label, hints=(listed,))])
    document = read(root / FOLDER / f"{env}.yaml", f"{FOLDER}/{env}.yaml")
    found += _refused(document, ("version", "overlays"), "an environment")
    if not _NAME.fullmatch(env):
        better = re.sub(r"[^a-z0-9]+", "-", env.lower()).strip("-0123456789") or "prod"
        message = f"`{env}` is no name for an environment"
        hint = f"it becomes part of names: rename the file to `{FOLDER}/{better}.yaml`"
        label = "lower-case letters, digits and `-`, a letter first"
        found.append(Diagnostic("P309", message, label=label, hints=(hint,), span=Span(document.file, 1, 1, 1)))
    return document


def _overlays(base: Document, root: Path, found: list[Diagnostic]) -> list[Document]:
    listed = base.data.get("overlays")
    documents = []
    for index, name in enumerate(listed if isinstance(listed, list) else []):
        if not isinstance(name, str):
            continue  # the schema says so
        folder = root / name
        path: KeyPath = ("overlays", index)
        if not folder.is_dir():
            hint = f"an overlay is a folder that holds {', '.join(f'`{each}`' for each in HOLDS)}"
            found.append(Diagnostic("P302", f"there is no overlay `{name}`", path, "no such folder", hints=(hint,)))
        elif (folder / DEFAULTS).is_file():
            document = read(folder / DEFAULTS, _defaults_name(name))
            found += _refused(document, ("version", "name", "overlays"), "an overlay")
            documents.append(document)
    return documents


def _refused(document: Document, keys: tuple[str, ...], what: str) -> Iterator[Diagnostic]:
    for key in keys:
        if key in document.data:
            _, node, value = document.find((key,))
            span = document.span(node, value, "key")
            yield Diagnostic("P303", f"{what} cannot set `{key}`", (key,), "only project.yaml has it", span=span)


def changes(a: Loaded, b: Loaded) -> list[Change]:
    """Return the keys in which `b` differs from `a`, in the order of the file; named items are matched by name."""
    found: list[Change] = []
    _compare(a.sources.data, b.sources.data, "", (), b, found)
    return found


def _compare(old: Any, new: Any, spelled: str, path: KeyPath | None, b: Loaded, found: list[Change]) -> None:
    """Compare two values; `path` is the key path in `b`, or None where `b` has no such key."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            inner = (*path, key) if path is not None and key in new else None
            _compare(old.get(key), new.get(key), f"{spelled}.{key}".lstrip("."), inner, b, found)
    elif named(old) and named(new):
        places = {item["name"]: index for index, item in enumerate(new)}
        before = {item["name"]: item for item in old}
        for name in [*before, *(name for name in places if name not in before)]:
            inner = (*path, places[name]) if path is not None and name in places else None
            _compare(before.get(name), child(new, places.get(name, -1)), f"{spelled}[{name}]", inner, b, found)
    elif old != new:
        found.append(Change(spelled, old, new, b.sources.origin(path) if path is not None else None))
