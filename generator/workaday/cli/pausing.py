"""`pause` and `resume`: no replicas of a model for a while, by way of the project file, which stays the truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workaday.cli.use import find_model
from workaday.cli.versions import index_of, say_unless

if TYPE_CHECKING:
    from workaday.execute.workspace import Workspace
    from workaday.project.diagnostics import KeyPath
    from workaday.project.nodes import Document

KEY = "paused"


def pause(name: str, file: Path, stage: str | None, *, yes: bool, as_json: bool) -> int:
    """Write `paused: true` into a model, and apply: of an environment, into its own file.

    Raises:
        ProjectError: X178, the environment's file has no place for it; P308, a file that cannot be rewritten.
    """
    return switch(name, file, stage, paused=True, yes=yes, as_json=as_json)


def resume(name: str, file: Path, stage: str | None, *, yes: bool, as_json: bool) -> int:
    """Take `paused: true` out of a model again, and apply; in an environment, where it is paused below, say so there.

    Raises:
        ProjectError: X178, the environment's file has no place for it; P308, a file that cannot be rewritten.
    """
    return switch(name, file, stage, paused=False, yes=yes, as_json=as_json)


def switch(name: str, file: Path, stage: str | None, *, paused: bool, yes: bool, as_json: bool) -> int:
    """Make a model paused or not, where it is otherwise; then apply, as an earlier run may have been cut off."""
    from workaday.cli import deploy
    from workaday.execute.workspace import open_workspace
    from workaday.project.diagnostics import dotted
    from workaday.project.rewriting import rewritten

    workspace = open_workspace(file, stage)
    refuse_others(workspace, name)
    if find_model(workspace, name).paused == paused:
        say_unless(as_json, f"`{name}` is {'paused already' if paused else 'not paused'}")
        return deploy.apply(file, stage, yes=yes, as_json=as_json)
    document, sets, removes = edit(workspace, name, stage, paused=paused)
    text = rewritten(document, sets, removes)
    for key in removes:
        say_unless(as_json, f"{document.file}: {dotted(key)} is gone")
    for key in sets:
        say_unless(as_json, f"{document.file}: {dotted(key)} is now {str(paused).lower()}")
    return deploy.apply_edited(document, text, file, stage, yes=yes, as_json=as_json)


def refuse_others(workspace: Workspace, name: str) -> None:
    """Stop where a name is a pipeline's, or that of a model without a pod of its own.

    Raises:
        ProjectError: L122, there is no such name; X179.
    """
    from workaday.project.diagnostics import mistake

    find_model(workspace, name)
    for each in workspace.blueprint.pipelines:
        models = {step.model for step in each.steps}
        if name == each.model.name:
            hint = f"pause its models: {', '.join(f'`workaday pause {it}`' for it in sorted(models))}"
            raise mistake("X179", f"`{name}` is a pipeline", hint)
        if name in {held.name for held in each.held}:
            raise mistake(
                "X179", f"`{name}` is in the pod of pipeline `{each.model.name}`", "it comes and goes with it"
            )


def edit(
    workspace: Workspace, name: str, stage: str | None, *, paused: bool
) -> tuple[Document, dict[KeyPath, Any], list[KeyPath]]:
    """Return the file to change, what to set in it and what to remove."""
    sources, path = workspace.loaded.sources, ("models", index_of(workspace, name))
    said = sources.written((*path, KEY))
    places = sources.written(path)
    document, own = places[-1]
    if stage is not None and not sources.is_above(document.file):
        return environment(workspace, stage, name, paused=paused)
    if not paused and said[-1][0] is document and not any(value(each) for each in said[:-1]):
        return document, {}, [(*own, KEY)]
    return document, {(*own, KEY): paused}, []


def environment(
    workspace: Workspace, stage: str, name: str, *, paused: bool
) -> tuple[Document, dict[KeyPath, Any], list[KeyPath]]:
    """Return what an environment's file has to say that does not name the model yet.

    Raises:
        ProjectError: X178, it lists other models, among which there is no writing without moving them.
    """
    from workaday.project.diagnostics import Diagnostic, ProjectError

    document = workspace.loaded.sources.layers[-1]
    entry = {"name": name, KEY: paused}
    if "models" in (document.data or {}):
        line = f"- {{name: {name}, paused: {str(paused).lower()}}}"
        message = f"{document.file} lists models, and `{name}` is not among them"
        hint = f"add `{line}` to its `models`, then run `workaday apply --env {stage}`"
        raise ProjectError([Diagnostic("X178", message, hints=(hint,))])
    return document, {("models",): [entry]}, []


def value(place: tuple[Document, KeyPath]) -> Any:
    """Return what a document has at a key path."""
    document, path = place
    found: Any = document.data
    for part in path:
        found = found[part]
    return found
