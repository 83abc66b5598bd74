"""`plan`, `apply` and `destroy`: what they ask and answer, whatever the platform."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from workaday.cli import image
from workaday.cli.output import answer_json, confirmed, say
from workaday.cli.run import Exit
from workaday.cli.tree import show_warnings

if TYPE_CHECKING:
    from workaday.execute.saved import Planned
    from workaday.execute.workspace import Folders, Workspace
    from workaday.project.nodes import Document


def plan(file: Path, stage: str | None, *, only: str | None = None, detailed: bool, as_json: bool) -> int:
    """Show and save what apply would do."""
    from workaday.execute import deploy
    from workaday.execute.workspace import open_workspace

    workspace = open_workspace(file, stage)
    deploy.hold(workspace)
    if not as_json:
        show_warnings(workspace)
        image.show_unbuilt(workspace)
    planned = deploy.plan(workspace, only)
    if as_json:
        answer = {"changes": [asdict(change) for change in planned.changes], "dead": planned.dead}
        answer_json(answer | view_of(workspace).more(workspace, planned))
    else:
        view_of(workspace).show(workspace, planned)
        if planned.changes:
            say("\nthe plan is saved; `workaday apply` runs it")
    return Exit.CHANGES if detailed and planned.changes else Exit.DONE


def plan_offline(file: Path, stage: str | None, *, against: Path | None, detailed: bool, as_json: bool) -> int:
    """Show what Terraform would do, without an account; nothing is saved but the tree."""
    from workaday.cli import offline
    from workaday.execute import deploy
    from workaday.execute.workspace import open_workspace

    workspace = open_workspace(file, stage)
    if not as_json:
        show_warnings(workspace)
    deploy.write_tree(workspace)
    return offline.plan_offline(workspace, against=against, detailed=detailed, as_json=as_json)


def apply(file: Path, stage: str | None, *, only: str | None = None, yes: bool, as_json: bool) -> int:
    """Run the saved plan, or make, show and confirm one where there is none that still holds."""
    from workaday.execute import deploy, saved
    from workaday.execute.workspace import open_workspace

    workspace = open_workspace(file, stage)
    image.refuse_unbuilt(workspace)
    deploy.hold(workspace)
    view = view_of(workspace)
    planned = deploy.saved_plan(workspace, only)
    shown_before = planned is not None
    if planned is None:
        planned = deploy.plan(workspace, only)
    if planned.changes and not shown_before and not as_json:
        view.show(workspace, planned)
    if planned.changes:
        agree(view.risky(planned.changes), shown_before=shown_before, yes=yes)
    if planned.preview:
        planned = after_bucket(workspace, planned, yes=yes, as_json=as_json)
    if planned.changes:
        progress = view.Progress(workspace, planned.changes, quiet=as_json)
        deploy.apply(workspace, planned, progress)
    else:
        saved.forget(workspace)
        say_unless(as_json, "nothing to do")
    view.report(workspace, as_json=as_json)
    return Exit.DONE


# No Helm, no credentials, no cluster, no rights: the file says what was not done.
UNREACHED = frozenset({"X180", "X181", "X182", "X183"})


def apply_edited(document: Document, text: str, file: Path, stage: str | None, *, yes: bool, as_json: bool) -> int:
    """Give a project file a new text and apply it; the old one comes back where the new one is wrong or gets no yes.

    Whatever else fails leaves the new text, from which the next `apply` goes on; of what was not begun, that is said.
    """
    from workaday.execute.edits import changed
    from workaday.execute.workspace import open_workspace
    from workaday.project.diagnostics import ProjectError

    raw = document.path.read_bytes()
    with changed(document, text):
        open_workspace(file, stage)
    try:
        return apply(file, stage, yes=yes, as_json=as_json)
    except ProjectError as error:
        codes = [each.code for each in error.diagnostics]
        if len(codes) == 1 and codes[0] in UNREACHED:
            where = f" --env {stage}" if stage else ""
            [found], hint = (
                error.diagnostics,
                f"{document.file} keeps the edit: the next `workaday apply{where}` does it",
            )
            raise ProjectError([replace(found, hints=(*found.hints, hint))], error.sources) from None
        if codes != ["X102"]:
            raise
        document.path.write_bytes(raw)
        hint = f"{document.file} is as it was; to do it, say the same with `--yes`"
        raise ProjectError([replace(each, hints=(hint,)) for each in error.diagnostics]) from None


def after_bucket(workspace: Workspace, planned: Planned, *, yes: bool, as_json: bool) -> Planned:
    """Make the state's bucket, then the plan that could only be previewed; ask again if it is another one."""
    from workaday.execute import cloud
    from workaday.execute.saved import Planned as Saved

    view = view_of(workspace)
    changes = cloud.make_bucket(workspace, view.Progress(workspace, planned.changes, quiet=as_json))
    from workaday.execute.stages import chosen

    made = Saved(chosen(changes, planned.only, workspace), planned.tree, only=planned.only)
    if {(each.address, each.action) for each in changes} - {(each.address, each.action) for each in planned.changes}:
        if not as_json:
            view.show(workspace, made)
        agree(view.risky(changes), shown_before=False, yes=yes)
    return made


def agree(risky: list[str], *, shown_before: bool, yes: bool) -> None:
    """Ask where a plan was not shown before, or takes something away.

    Raises ProjectError (X102): nobody said yes.
    """
    from workaday.project.diagnostics import Diagnostic, ProjectError

    if yes or (shown_before and not risky) or confirmed("apply this?"):
        return
    why = "it removes " + ", ".join(risky) if risky else "it was not shown before"
    hint = "look at `workaday plan`, then run `workaday apply --yes`"
    if not risky:
        hint = "run `workaday plan`, then `workaday apply`; or `workaday apply --yes`"
    raise ProjectError([Diagnostic(code="X102", message=f"the plan needs a yes: {why}", hints=(hint,))])


def destroy(
    file: Path, stage: str | None, *, only: str | None = None, yes: bool, confirm: str | None, as_json: bool
) -> int:
    """Remove everything that apply made, or one stage of it; asks first, and without a person needs to be told."""
    from workaday.execute import cloud
    from workaday.execute.workspace import folders_of

    folders = folders_of(file, stage)
    if cloud.is_cloud(folders):
        from workaday.cli import cloud as view

        return view.destroy(file, folders, only=only, yes=yes, confirm=confirm, as_json=as_json)
    if is_existing(file, folders):
        from workaday.cli import existing as other

        return other.destroy(file, folders, only=only, yes=yes, as_json=as_json)
    return destroy_local(file, folders, yes=yes, as_json=as_json)


def is_existing(file: Path, folders: Folders) -> bool:
    """Return whether there is a cluster to remove releases from: the tree says it or, before there is one, the file."""
    from workaday.execute import existing
    from workaday.layout import DEFAULT_STAGE
    from workaday.project import load
    from workaday.project.diagnostics import ProjectError

    if folders.tree.is_dir():
        return existing.is_existing(folders)
    try:
        loaded = load(file, None if folders.stage == DEFAULT_STAGE else folders.stage)
    except ProjectError:
        return False
    return loaded.project.platform.kind == "existing"


def destroy_local(file: Path, folders: Folders, *, yes: bool, as_json: bool) -> int:
    """Stop and remove the local platform's processes."""
    from workaday.cli import local as view
    from workaday.execute import deploy, local, probe
    from workaday.layout import DEFAULT_STAGE
    from workaday.project.diagnostics import Diagnostic, ProjectError

    if not folders.state.is_dir():
        from workaday.project import load

        # a mistyped file or environment must not read as "it is gone"
        load(file, None if folders.stage == DEFAULT_STAGE else folders.stage)
        if as_json:
            answer_json({"destroyed": []})
        else:
            say("nothing to destroy")
        return Exit.DONE
    deploy.hold(folders)
    running = sorted(probe.resources_in_state(folders))
    if running and not yes and not confirmed(f"stop and remove {len(running)} resources?"):
        raise ProjectError(
            [Diagnostic(code="X103", message="destroy needs a yes", hints=("run `workaday destroy --yes`",))]
        )
    local.destroy(folders, view.Progress(None, (), quiet=as_json))
    if as_json:
        answer_json({"destroyed": running})
    else:
        say("destroyed: no process, port or state is left (deploy/ keeps what was rendered)")
    return Exit.DONE


def view_of(workspace: Workspace) -> ModuleType:
    """Return how this project's platform shows its plans and progress."""
    if workspace.blueprint.cloud:
        from workaday.cli import cloud

        return cloud
    if workspace.blueprint.platform == "existing":
        from workaday.cli import existing

        return existing
    from workaday.cli import local

    return local


def say_unless(quiet: bool, line: str) -> None:
    """Print a line for people."""
    if not quiet:
        say(line)
