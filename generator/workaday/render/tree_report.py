"""Tell about a tree: readable diffs, and findings about files that are the user's."""

from __future__ import annotations

import difflib
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workaday.project.diagnostics import Diagnostic, ProjectError, Span

Code = Literal["T101", "T102"]
_SHOWN_LINES = 40
_DIFFED_LINES = 5_000


@dataclass(frozen=True)
class Conflict:
    """Something of the user's where we would write or remove.

    Attributes:
        path: what is in the way: a file that we would write, or a folder or temporary file on its way.
        code: T101 for what we once wrote there, T102 for what we never did.
        found: what stands there: `file`, `symlink`, `folder`, `other`.
        before: its content, if a file.
        after: what we would write there, or None where we would remove it or need a folder.
    """

    path: str
    code: Code
    found: str
    before: bytes | None
    after: bytes | None


def conflict_finding(root: Path, conflict: Conflict) -> Diagnostic:
    """Return what the user is told about a conflict: the file, what they changed, and the ways out."""
    shown = display(root / conflict.path)
    remove = f"rm {'-r ' if conflict.found == 'folder' else ''}{shown}"
    label, hints = "", [f"or drop it: `{remove}`, then render again"]
    if conflict.code == "T102":
        message = f"`{conflict.path}` is not ours, and render would overwrite it"
        hints = [f"move it, or remove it: `{remove}`, then render again"]
    elif conflict.after is None and conflict.found == "file":
        message = f"`{conflict.path}` was edited by hand, and render would remove it: it is no longer part of the tree"
        hints.insert(0, f"keep it: move it out of `{display(root)}`, render, move it back; then it is yours")
    else:
        message = f"`{conflict.path}` was edited by hand, and render would overwrite it"
        hints.insert(0, "keep the change: make it in project.yaml, which this file is rendered from")
        hints[-1] = f"or drop it: `{remove}` (committed? `git checkout {shown}`), then render again"
    if conflict.found != "file":
        kind = {"other": "special file"}.get(conflict.found, conflict.found)
        message = f"`{conflict.path}` is a {kind}, and render would put something else there"
    elif conflict.before is not None and conflict.after is not None:
        lines = unified(conflict.after, conflict.before)
        more = [f"... {len(lines) - _SHOWN_LINES} more lines: `workaday render --check` shows all"]
        lines = lines[:_SHOWN_LINES] + (more if len(lines) > _SHOWN_LINES else [])
        label = "\n  ".join(["`-` as rendered, `+` as it is", *lines])
    return Diagnostic(conflict.code, message, label=label, hints=tuple(hints), span=whole(root / conflict.path))


def lock_error(file: Path, why: str) -> ProjectError:
    """Return T103: the lock cannot be read, so nothing proves which files are ours."""
    shown = display(file)
    return ProjectError(
        [
            Diagnostic(
                "T103",
                f"the tree's lock cannot be read: {why}",
                hints=(
                    f"committed? `git checkout {shown}`",
                    f"or `rm {shown}` and render again: files that are as rendered are ours again, others are listed",
                ),
                span=whole(file),
            )
        ]
    )


def access_error(root: Path, error: OSError) -> ProjectError:
    """Return T104: the file system does not let us read or write the tree."""
    file = Path(error.filename) if isinstance(error.filename, str) else root
    reason = (error.strerror or str(error)).lower()
    hints = ("nothing is half-done that the next run does not mend",)
    return ProjectError(
        [Diagnostic("T104", f"the tree cannot be read or written: {reason}", hints=hints, span=whole(file))]
    )


def display(path: Path) -> str:
    """Return a path as the user types it: relative where it lies below the current folder."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def whole(file: Path) -> Span:
    """Return the position that stands for a whole file."""
    return Span(display(file), 1, 1, 1)


def unified(before: bytes, after: bytes) -> list[str]:
    """Return the hunks of a unified diff, or one line in their place where they would not read."""
    old, new = _lines(before), _lines(after)
    if old is None or new is None:
        return [f"binary files differ: {len(before)} and {len(after)} bytes"]
    if max(len(old), len(new)) > _DIFFED_LINES:
        return [f"files differ: {len(old)} and {len(new)} lines"]
    return list(difflib.unified_diff(old, new, lineterm=""))[2:]


def _lines(content: bytes) -> list[str] | None:
    """Return a text's lines, control characters made visible, or None for what is no text."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    if not text.isprintable():
        text = "".join(c if c in "\n\t" or unicodedata.category(c) != "Cc" else f"\\x{ord(c):02x}" for c in text)
    lines = text.split("\n")
    last = lines.pop()
    return [*lines, f"{last}  (no newline at the end)"] if last else lines
