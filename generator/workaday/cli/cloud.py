"""A cloud's plan and progress as people see them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workaday.cli import costs
from workaday.cli.changes import kind_of, shown, title
from workaday.cli.output import answer_json, note, say
from workaday.cli.run import Exit

if TYPE_CHECKING:
    from workaday.execute.existing import Event as Released
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
    from workaday.cli import existing
    from workaday.execute.stages import is_infra

    infra = [each for each in planned.changes if is_infra(each)]
    releases = [each for each in planned.changes if not is_infra(each)]
    if infra:
        say(f"{cloud.name} on {cloud.kind}: {summary(infra)}\n{shown(infra)}")
    if planned.preview:
        say(f"first of all, `{cloud.state.bucket}` is made to keep Terraform's state; the rest is planned again then")
    if releases:
        say(f"\nthen in the cluster:\n{existing.rows_of(releases)}" if infra else existing.rows_of(releases))
    if infra:
        costs.show(workspace)


def more(workspace: Workspace, planned: Planned) -> dict[str, object]:
    """Return what a plan's JSON has beside the changes."""
    return {"preview": planned.preview, "usd_hour": costs.as_json(workspace)}


def risky(changes: Sequence[Change]) -> list[str]:
    """Return what a plan takes away, and so must be agreed to."""
    from workaday.cli import existing
    from workaday.execute.stages import is_infra

    infra = [change for change in changes if is_infra(change)]
    gone = [title(change) for change in infra if change.action in ("replace", "delete")]
    return gone + existing.risky([change for change in changes if not is_infra(change)])


class Progress:
    """Prints a line as each resource or release is done, and to a person also what takes long."""

    def __init__(self, workspace: Workspace | None, changes: Sequence[Change], *, quiet: bool) -> None:
        from workaday.cli import existing

        self.left = len(changes)
        self.quiet = quiet
        self.of_releases = existing.Progress(workspace, changes, quiet=quiet)

    def __call__(self, event: Event | Released) -> None:
        """Take one of Terraform's JSON messages, or what happened to a release."""
        if not isinstance(event, Mapping):
            self.of_releases(event)
            return
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


def destroy(
    file: Path, folders: Folders, *, only: str | None = None, yes: bool, confirm: str | None, as_json: bool
) -> int:
    """Remove what is in the cluster, then the cluster and all around it, but for the bucket of Terraform's state.

    Raises ProjectError: X103, the cluster's name was not given; X115, the cloud is told to protect it.
    """
    from workaday.execute import cloud, deploy, stages
    from workaday.execute.failures import at_its_origin
    from workaday.execute.grading import summary

    stages.refuse_unknown(only)
    workspace = readable(file, folders)
    if only in (stages.MODELS, stages.ADDONS):
        from workaday.cli import existing

        cloud.at_its_cluster(workspace)
        return existing.destroy(file, folders, only=only, yes=yes, as_json=as_json)
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
    if only is None:
        cloud.empty(workspace, Progress(workspace, (), quiet=as_json))
    with at_its_origin(workspace):
        cloud.plan_destroy(workspace)
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
