"""`promote` and `rollback`: another version of a model, by way of the project file, which stays the truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workaday.cli.output import say
from workaday.cli.use import find_model

if TYPE_CHECKING:
    from workaday.execute.workspace import Workspace
    from workaday.project.diagnostics import KeyPath
    from workaday.project.nodes import Document

MERGED = ("config", "env")


def promote(name: str, file: Path, stage: str | None, *, yes: bool, as_json: bool) -> int:
    """Make what a model's canary has otherwise the model's own, remove the canary, and apply.

    Raises:
        ProjectError: X187, the model has no canary, or it is written in several files.
    """
    from workaday.cli import deploy
    from workaday.execute.workspace import open_workspace
    from workaday.project.diagnostics import Diagnostic, ProjectError, dotted
    from workaday.project.rewriting import rewritten

    workspace = open_workspace(file, stage)
    find_model(workspace, name)
    index = index_of(workspace, name)
    path = ("models", index)
    found = workspace.loaded.sources.written((*path, "canary"))
    if len(found) != 1:
        message = f"the canary of `{name}` is written in several files" if found else f"`{name}` has no canary"
        raise ProjectError([Diagnostic("X187", message, path)], workspace.loaded.sources)
    document, own = found[0]
    canary = value_at(document, own)
    sets = {(*own[:-1], *key): value for key, value in overrides(canary["overrides"])}
    text = rewritten(document, sets, [own])
    for key, value in sets.items():
        say_unless(as_json, f"{document.file}: {dotted(key)} is now {value}")
    say_unless(as_json, f"{document.file}: {dotted(own)} is gone")
    return deploy.apply_edited(document, text, file, stage, yes=yes, as_json=as_json)


def rollback(name: str, file: Path, stage: str | None, *, to: int | None, yes: bool, as_json: bool) -> int:
    """Make a model again what an earlier revision of its release was.

    Where the revision's values can be written into the project file, so that it renders to them exactly, the file is
    changed and applied. Elsewhere Helm rolls back, at once, and what the file still says otherwise is told.

    Raises:
        ProjectError: X187, there is no such revision; X188, it was rolled back, but the file says otherwise.
    """
    from workaday.blueprint import naming
    from workaday.cli import deploy
    from workaday.execute import deploy as execute
    from workaday.execute import undoing
    from workaday.execute.workspace import open_workspace
    from workaday.project.diagnostics import dotted, mistake

    workspace = open_workspace(file, stage)
    model = find_model(workspace, name)
    if workspace.blueprint.platform == "local":
        raise mistake("X187", "on this machine there are no revisions", "use the project file's history: `git log -p`")
    release = naming.release(model.name)
    target = undoing.target_of(workspace, release, to)
    edit = undoing.edit_of(workspace, index_of(workspace, name), target)
    if edit is None:
        execute.hold(workspace)
        left = undoing.roll_back(workspace, release, target)
        say_unless(as_json, f"{release}: rolled back to revision {target.revision}")
        raise undoing.says_otherwise(workspace, index_of(workspace, name), target, left)
    for key, value in edit.sets.items():
        say_unless(as_json, f"{edit.document.file}: {dotted(key)} is now {value}")
    for key in edit.removes:
        say_unless(as_json, f"{edit.document.file}: {dotted(key)} is gone")
    return deploy.apply_edited(edit.document, edit.text, file, stage, yes=yes, as_json=as_json)


def overrides(written: Mapping[str, Any]) -> Iterator[tuple[KeyPath, Any]]:
    """Yield what a canary has otherwise, by key path: maps of the user's own are merged, all else takes the place."""
    from workaday.project.rewriting import leaves

    for key, value in written.items():
        if key in MERGED:
            yield from leaves(value, (key,))
        else:
            yield (key,), value


def index_of(workspace: Workspace, name: str) -> int:
    """Return the place of a model in the project's list."""
    return [model.name for model in workspace.blueprint.models].index(name)


def value_at(document: Document, path: tuple[str | int, ...]) -> dict[str, Any]:
    """Return the map at a key path of a document."""
    found = document.data
    for part in path:
        found = found[part]
    return dict(found)


def say_unless(quiet: bool, line: str) -> None:
    """Print a line for people."""
    if not quiet:
        say(line)
