"""Older versions of the project file, and how they become the current one.

A migration edits text, so that comments, quotes, order and blank lines stay: it says which key paths are renamed,
moved or set, and `rewrite` changes the lines that hold them and no other.
"""

from __future__ import annotations

from .diagnostics import Diagnostic, ProjectError
from .nodes import Document
from .sources import Sources

CURRENT = 1


def require_current(document: Document) -> None:
    """Raise ProjectError (P306, P307) for a file of another version; a missing or odd one is the schema's to say."""
    version = document.data.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version == CURRENT:
        return
    if version > CURRENT or version < 0:
        hint = f"this workaday reads version {CURRENT}: a newer one may read this file"
        found = Diagnostic("P306", f"version {version} is unknown", ("version",), f"known: {CURRENT}", hints=(hint,))
    else:
        hint = "`workaday upgrade` rewrites the file and keeps its comments"
        found = Diagnostic(
            "P307", f"version {version} is out of date", ("version",), f"current: {CURRENT}", hints=(hint,)
        )
    raise ProjectError([found], Sources([document]))
