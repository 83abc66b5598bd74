"""A cloud's plan and progress as people see them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workaday.cli import costs
from workaday.cli.changes import kind_of, shown, title
from workaday.cli.output import answer_json, note, say
from workaday.cli.run import Exit

if TYPE_CHECKING:
    from workaday.execute.grading import Change
    from workaday.execute.saved import Planned
    from workaday.execute.terraform import Event
    from workaday.execute.workspace import Folders, Workspace

DONE = {"create": "created", "update": "changed", "delete": "destroyed", "read": "read"}


def show(workspace: Workspace, planned: Planned) -> None:
    """Print a plan, and what it costs."""
    from workaday.execute.grading import summary

    if not planned.changes:
        say("nothing to do: the cloud is as project.yaml says")
        return
    cloud = workspace.blueprint.cloud
    assert cloud is not None
    say(f"{cloud.name} on {cloud.kind}: {summary(planned.changes)}\n{shown(planned.changes)}")
    if planned.preview:
        say(f"first of all, `{cloud.state.bucket}` is made to keep Terraform's state; the rest is planned again then")
    costs.show(workspace)


def more(workspace: Workspace, planned: Planned) -> dict[str, object]:
    """Return what a plan's JSON has beside the changes."""
    return {"preview": planned.preview, "usd_hour": costs.as_json(workspace)}


def risky(changes: Sequence[Change]) -> list[str]:
    """Return what a plan takes away, and so must be agreed to."""
    return [title(change) for change in changes if change.action in ("replace", "delete")]


class Progress:
    """Prints a line as each resource is done, and to a person also what takes long."""

    def __init__(self, workspace: Workspace | None, changes: Sequence[Change], *, quiet: bool) -> None:
        self.left = len(changes)
        self.quiet = quiet

    def __call__(self, event: Event) -> None:
        """Take one of Terraform's JSON messages."""
        hook = event.get("hook", {})
        resource = hook.get("resource", {})
        if self.quiet or not resource:
            return
        name = f"{kind_of(resource['resource_type'])} {resource.get('resource_key') or ''}".rstrip()
        took = elapsed(hook.get("elapsed_seconds", 0))
        match event.get("type"):
            case "apply_progress":
                note(f"{name}: {hook.get('action', '')} for {took} so far")
            case "apply_complete":
                self.left -= 1
                say(f"{name:<44} {DONE.get(hook['action'], hook['action']):<10} {took:>8}")
            case "apply_errored":
                say(f"{name:<44} {'failed':<10} {took:>8}")


def elapsed(seconds: float) -> str:
    """Return a time as people read it: `8 s`, `9 min 12 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def report(workspace: Workspace, *, as_json: bool) -> None:
    """Print what there is now."""
    cloud = workspace.blueprint.cloud
    assert cloud is not None
    answer = {"cluster": cloud.name, "platform": cloud.kind, "region": cloud.region, "account": cloud.account}
    if as_json:
        answer_json(answer)
    else:
        say(f"\ncluster `{cloud.name}` is up in {cloud.region} ({cloud.kind} {cloud.account})")


def destroy(file: Path, folders: Folders, *, yes: bool, confirm: str | None, as_json: bool) -> int:
    """Remove the cluster and all around it, but for the bucket that keeps Terraform's state.

    Raises ProjectError: X103, the cluster's name was not given; X115, the cloud is told to protect it.
    """
    from workaday.execute import cloud, deploy
    from workaday.execute.failures import at_its_origin
    from workaday.execute.grading import summary

    workspace = readable(file, folders)
    deploy.hold(folders)
    with at_its_origin(workspace):
        changes = cloud.plan_destroy(workspace)
    if not changes:
        answer_json({"destroyed": []}) if as_json else say("nothing to destroy")
        return Exit.DONE
    made = workspace.blueprint.cloud
    assert made is not None
    if not as_json:
        say(f"{made.name} on {made.kind}: {summary(changes)}\n{shown(changes, each=False)}")
    agree_by_name(made.name, protected=made.deletion_protection, count=len(changes), yes=yes, confirm=confirm)
    with at_its_origin(workspace):
        cloud.destroy(workspace, Progress(workspace, changes, quiet=as_json))
    if as_json:
        answer_json({"destroyed": [change.address for change in changes]})
    else:
        say(f"destroyed; the bucket `{made.state.bucket}` stays, with every former state: remove it by hand")
    return Exit.DONE


def readable(file: Path, folders: Folders) -> Workspace:
    """Return the workspace of a project whose tree is the one that was applied."""
    from workaday.execute.workspace import open_workspace
    from workaday.layout import DEFAULT_STAGE

    return open_workspace(file, None if folders.stage == DEFAULT_STAGE else folders.stage)


def agree_by_name(name: str, *, protected: bool, count: int, yes: bool, confirm: str | None) -> None:
    """Have the cluster's name typed, or given as `--confirm NAME`.

    Raises ProjectError: X115 while `deletion_protection` is on, X103 when the name is another or none.
    """
    from workaday.project.diagnostics import Diagnostic, ProjectError

    if protected:
        hints = ("set `deletion_protection: false`, run `workaday apply`, then destroy",)
        path = ("platform", "deletion_protection")
        raise ProjectError([Diagnostic("X115", f"`{name}` is protected from deletion", path, hints=hints)])
    if confirm is None and sys.stdin.isatty() and sys.stdout.isatty():
        sys.stdout.write(f"type `{name}` to destroy {count} resources: ")
        sys.stdout.flush()
        confirm = sys.stdin.readline().strip()
    if confirm != name:
        what = f"`{confirm}` is not its name" if confirm else "`--yes` is not enough here" if yes else "nobody agreed"
        hints = (f"run `workaday destroy --confirm {name}`",)
        raise ProjectError([Diagnostic("X103", f"destroying `{name}` needs its name: {what}", hints=hints)])
