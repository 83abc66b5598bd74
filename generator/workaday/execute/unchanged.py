"""Whether a render would find nothing to do, known without reading the project: nothing was touched since the last one.

A render that ends well leaves a note in the state folder: how each file and folder that it read looked, and its tree's
lock. While they look the same, and the tree's files are what the lock says, the same bytes would be written again.
Whatever raises a doubt is no error: the project is then read and rendered as if there were no note.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workaday.blueprint.inputs import servers
from workaday.layout import TREES
from workaday.project.diagnostics import ProjectError, render_text
from workaday.project.lock import LOCK_NAME
from workaday.render.tree import intact
from workaday.resources import bundle, package

if TYPE_CHECKING:
    from workaday.execute.workspace import Folders, Workspace

NOTE = "rendered.json"
# What was touched later than this before a render began may have been touched again while it read: clocks are coarse,
# and a file server has its own. Such a render leaves no note; the next one does.
SETTLED_NS = 2_000_000_000


@dataclass(frozen=True)
class Unchanged:
    """A tree that a render would not change: how many files it has, and the warnings that the render would print."""

    files: int
    warnings: str


def tree_unchanged(folders: Folders, file: Path, env: str | None) -> Unchanged | None:
    """Return what a render would say if it would change nothing, or None if that is not known."""
    try:
        note = json.loads((folders.state / NOTE).read_bytes())
        looks = {path: look(folders.root, path)[0] for path in [*note["looks"], *product()]}
        tree = intact(folders.tree)
        if tree and note == _note(file, env, looks, tree[0], note["warnings"]):
            return Unchanged(tree[1], str(note["warnings"]))
    except (OSError, ValueError, TypeError, KeyError, ProjectError):
        pass
    return None


def remember(workspace: Workspace, file: Path, env: str | None, begun_ns: int) -> None:
    """Leave a note of a render that has just ended well and began at `begun_ns`, unless something was touched since."""
    tree = intact(workspace.tree)
    if tree is None:
        return
    looks: dict[str, str] = {}
    for path in dict.fromkeys([*read_by(workspace), *product()]):
        looks[path], touched = look(workspace.root, path)
        if touched > begun_ns - SETTLED_NS:
            return
    draft = workspace.state / f".{NOTE}.{os.getpid()}"
    with contextlib.suppress(OSError):  # a project that cannot be written to has its tree read anew each time
        workspace.state.mkdir(parents=True, exist_ok=True)
        warnings = render_text(workspace.warnings, workspace.loaded.sources) if workspace.warnings else ""
        draft.write_text(json.dumps(_note(file, env, looks, tree[0], warnings)))
        draft.replace(workspace.state / NOTE)


def _note(file: Path, env: str | None, looks: dict[str, str], lock: str, warnings: str) -> dict[str, Any]:
    # the file as it was given: so it stands in the warnings
    return {"file": str(file), "env": env, "looks": looks, "lock": lock, "warnings": warnings}


def read_by(workspace: Workspace) -> Iterator[str]:
    """Yield the files and folders that a project was read from, relative to its root; a folder is all that is in it."""
    loaded = workspace.loaded
    project = loaded.project
    named = [*loaded.files, loaded.root / LOCK_NAME, *(loaded.root / each for each in project.overlays)]
    predictors = [predictor for each in servers(loaded) if (predictor := getattr(each, "predictor", None))]
    named += [(loaded.root / predictor).parent for predictor in predictors]
    named += [loaded.root / each.weights.local for each in project.models if each.weights and each.weights.local]
    for path in dict.fromkeys(named):
        yield os.path.relpath(path.absolute(), workspace.root)


def product() -> list[str]:
    """Return where Workaday itself lies: what it renders with and from."""
    return [os.fspath(each) for each in (package(), bundle() / "charts", bundle() / "infra", bundle() / "templates")]


def look(root: Path, path: str) -> tuple[str, int]:
    """Return how a file or folder looks, as a hash of what no write leaves as it was, and when it was last touched.

    Hidden files and rendered trees are not looked at; links to folders are not followed below `path`.
    """
    seen, touched = sha256(), 0
    for name, found in _walk(root / path, os.fspath(root / TREES)):
        touched = max(touched, found.st_ctime_ns)
        kept = () if stat.S_ISDIR(found.st_mode) else (found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        seen.update(repr((name, found.st_mode, found.st_ino, *kept)).encode(errors="surrogateescape"))
    return seen.hexdigest(), touched


def _walk(top: Path, skipped: str) -> Iterator[tuple[str, os.stat_result]]:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        found = top.stat()
        yield "", found
        queue = [os.fspath(top)] if stat.S_ISDIR(found.st_mode) else []
        for folder in queue:
            with os.scandir(folder) as entries:
                for entry in sorted(entries, key=lambda each: each.name):
                    if entry.name.startswith(".") or entry.name == "__pycache__" or entry.path == skipped:
                        continue
                    yield entry.path, entry.stat(follow_symlinks=not entry.is_dir())
                    if entry.is_dir(follow_symlinks=False):
                        queue.append(entry.path)
