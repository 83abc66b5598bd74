"""Older versions of the project file, and how they become the current one.

A migration is a list of edits of text: only the characters that must change do, so comments, quotes, order, blank lines
and line ends stay. A round-tripping YAML library would write the whole file anew, and with it every line of its diff.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..diagnostics import Diagnostic, ProjectError
from ..nodes import Document
from ..source import decode, parse, read_bytes
from ..sources import Sources

if TYPE_CHECKING:
    from .edits import Edit

CURRENT = 1
_BOM = b"\xef\xbb\xbf"


class Rewritten(NamedTuple):
    """A file and what it becomes; `changes` says what was done, one line each."""

    path: Path
    old: bytes
    new: bytes
    changes: tuple[str, ...]


def migrations() -> dict[int, tuple[Edit, ...]]:
    """Return the edits that lead from each older version to the next."""
    from . import v1

    return {0: v1.EDITS}


def require_current(document: Document) -> None:
    """Raise ProjectError (P306, P307) for a file of another version; a missing or odd one is the schema's to say."""
    version = _version(document)
    if version is None or version == CURRENT:
        return
    if version in migrations():
        hint = "`workaday upgrade` rewrites the file and keeps its comments"
        found = Diagnostic(
            "P307", f"version {version} is out of date", ("version",), f"current: {CURRENT}", hints=(hint,)
        )
    else:
        hint = f"this workaday reads version {CURRENT}: a newer one may read this file"
        found = Diagnostic("P306", f"version {version} is unknown", ("version",), f"known: {CURRENT}", hints=(hint,))
    raise ProjectError([found], Sources([document]))


def upgrade(path: Path) -> list[Rewritten]:
    """Return what an old project's files become; nothing for a current one. Nothing is written.

    The project's environments and overlays are written in project.yaml's version, so they are rewritten with it.

    Raises:
        ProjectError: a file cannot be read (P1xx), its version is unknown (P306), or an edit does not fit it (P308).
    """
    from ..environments import beside

    raw = read_bytes(path, path.name)
    document = parse(decode(raw, path.name), path.name, path)
    version = _version(document)
    if version is None or version not in migrations():
        require_current(document)
        return []
    files = {path: path.name, **beside(document, path.parent)}
    rewritten = (_rewrite(file, name, version) for file, name in files.items())
    return [each for each in rewritten if each.old != each.new]


def _version(document: Document) -> int | None:
    version = document.data.get("version")
    return version if isinstance(version, int) and not isinstance(version, bool) else None


def _rewrite(path: Path, name: str, version: int) -> Rewritten:
    from .edits import apply

    raw = read_bytes(path, name)
    text = decode(raw, name)
    changes: list[str] = []
    for step in range(version, CURRENT):
        for edit in migrations()[step]:
            text = apply(edit, parse(text, name, path), changes)
    mark = _BOM if raw.startswith(_BOM) else b""
    return Rewritten(path, raw, mark + text.encode(), tuple(changes))
