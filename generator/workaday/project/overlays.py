"""What an overlay holds beside its defaults: files in place of Workaday's own, and values over what is rendered.

`templates/` replaces file by file, and `templates/extra/` adds; `infra/` replaces a Terraform module as a whole,
`charts/` a chart; `values/` merges over rendered JSON. Everything is read here, once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from workaday.resources import bundled, modules

from .diagnostics import At, Diagnostic, KeyPath, Span
from .nodes import Document
from .source import decode, read, read_bytes
from .spelling import closest, meant

DEFAULTS = "defaults.yaml"
TEMPLATES, INFRA, CHARTS, VALUES = "templates", "infra", "charts", "values"
EXTRA = f"{TEMPLATES}/extra/"
TEMPLATED = ".j2"
HOLDS = (DEFAULTS, TEMPLATES, INFRA, CHARTS, VALUES)
# `init` writes these; they are part of no tree
_NOT_RENDERED = f"{TEMPLATES}/init/"
_LOOK_ALIKE = 0.8  # `template` is one of `templates`, `tests` is not


@dataclass(frozen=True, slots=True)
class File:
    """A file of an overlay: what messages call it, what it holds, and its overlay's place in the list."""

    name: str
    content: bytes
    overlay: int

    def locate(self, path: KeyPath, at: At = "value") -> Span | None:
        """Return None: a template has no key paths."""
        return None

    def line(self, file: str, number: int) -> str | None:
        """Return a line of this file."""
        lines = self.content.decode("utf-8", "replace").splitlines()
        return lines[number - 1] if file == self.name and 0 < number <= len(lines) else None


@dataclass(frozen=True)
class Overlays:
    """All overlays of a project, later ones over earlier ones.

    Attributes:
        files: templates and modules, by path (`templates/…`, `infra/…`, `charts/…`).
        values: what merges over rendered JSON, lowest first: the path under `values/` without its ending, and the file.
    """

    files: Mapping[str, File] = field(default_factory=dict)
    values: tuple[tuple[str, Document], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.files or self.values)

    @property
    def names(self) -> list[str]:
        """What messages call the files: their paths relative to the project's folder."""
        return [file.name for file in self.files.values()] + [document.file for _, document in self.values]

    def values_of(self, target: str) -> tuple[Document, ...]:
        """Return the files whose values merge over one target, lowest first."""
        return tuple(document for each, document in self.values if each == target)


NONE = Overlays()


def shown(overlay: str) -> str:
    """Return what messages call an overlay: `./overlays/team/` is `overlays/team`."""
    return re.sub(r"^\./|/$", "", overlay)


def read_overlays(folders: Mapping[int, tuple[str, Path]], found: list[Diagnostic]) -> Overlays:
    """Read the overlays that exist, by their place in the project's list; what is wrong with them goes to `found`.

    Raises:
        ProjectError: a file cannot be read (P1xx).
    """
    files: dict[str, File] = {}
    values: list[tuple[str, Document]] = []
    for index, (overlay, folder) in folders.items():
        found += _mistaken(index, overlay, folder)
        new = {path: name for kind in (TEMPLATES, INFRA, CHARTS) for path, name in _listed(kind, overlay, folder)}
        replaced = {module for path in new if (module := module_of(path))}
        files = {path: file for path, file in files.items() if module_of(path) not in replaced}
        for path, name in new.items():
            found += _stray(path, name, index)
            raw = read_bytes(folder / path, name)
            files[path] = File(name, decode(raw, name).encode() if path.endswith(TEMPLATED) else raw, index)
        for path, name in _listed(VALUES, overlay, folder):
            values += _values(path, name, folder, index, found)
    return Overlays(files, tuple(values)) if files or values else NONE


def module_of(path: str) -> str | None:
    """Return the Terraform module or chart that a path lies in, such as `infra/aws/network`, or None."""
    parents = (parent.as_posix() for parent in PurePosixPath(path).parents)
    return next((parent for parent in parents if parent in modules()), None)


def _listed(kind: str, overlay: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the files of one kind: path within the overlay, and what messages call it. Hidden ones are nobody's."""
    for file in sorted((folder / kind).rglob("*")):
        path = file.relative_to(folder)
        if file.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in path.parts):
            yield path.as_posix(), f"{shown(overlay)}/{path.as_posix()}"


def _mistaken(index: int, overlay: str, folder: Path) -> Iterator[Diagnostic]:
    """P302: an overlay with nothing in it, or with a misspelt name at its top."""
    names = sorted(each.name for each in folder.iterdir())
    guesses = {name: guess for name in names if name not in HOLDS and (guess := closest(name, HOLDS, _LOOK_ALIKE))}
    hint = (f"an overlay holds {', '.join(f'`{each}`' for each in HOLDS)}",)
    for name, guess in guesses.items():
        message = f"`{name}` of the overlay `{overlay}` is not read"
        yield Diagnostic("P302", message, ("overlays", index), f"did you mean `{guess}`?", hints=hint)
    if not guesses and not set(HOLDS) & set(names):
        message = f"the overlay `{overlay}` holds nothing"
        yield Diagnostic("P302", message, ("overlays", index), "nothing in it is read", hints=hint)


def _stray(path: str, name: str, index: int) -> Iterator[Diagnostic]:
    """P310: a file that takes no place: there is no such template, or no such module."""
    here: KeyPath = ("overlays", index)
    kind, what = (CHARTS, "chart") if path.startswith(f"{CHARTS}/") else (INFRA, "module")
    if path.startswith(f"{kind}/"):
        if module_of(path) is None:
            folder = PurePosixPath(path).parent.as_posix()
            known = [each for each in modules() if each.startswith(f"{kind}/")]
            label = meant(folder, known, f"no {what} lies there")
            hint = (f"{what}s: {', '.join(known)}",)
            yield Diagnostic("P310", f"`{name}` belongs to no {what}", here, label, hints=hint)
    elif not path.startswith(EXTRA):
        templates = [each for each in bundled(TEMPLATES) if not each.startswith(_NOT_RENDERED)]
        if path not in templates:
            label = meant(path, templates, "there is no such template")
            hint = ("a file of your own belongs into `templates/extra/`; it is rendered to `extra/`",)
            yield Diagnostic("P310", f"`{name}` replaces no template", here, label, hints=hint)


def _values(path: str, name: str, folder: Path, index: int, found: list[Diagnostic]) -> Iterator[tuple[str, Document]]:
    target = PurePosixPath(path).relative_to(VALUES)
    if target.suffix not in (".json", ".yaml", ".yml"):
        here: KeyPath = ("overlays", index)
        found.append(Diagnostic("P311", f"`{name}` is no values file", here, "values are `.yaml` or `.json`"))
        return
    document = read(folder / path, name)
    if not isinstance(document.data, dict):
        found.append(Diagnostic("P311", f"`{name}` is no map", span=Span(name, 1, 1, 1), label="values are a map"))
        return
    yield target.with_suffix("").as_posix(), document
