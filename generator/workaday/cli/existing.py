"""Plan, progress and state in a cluster that is already there, as people see them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workaday.cli.cloud import elapsed, readable
from workaday.cli.output import answer_json, confirmed, note, say, table
from workaday.cli.run import Exit

if TYPE_CHECKING:
    from workaday.execute.existing import Event
    from workaday.execute.grading import Change
    from workaday.execute.saved import Planned
    from workaday.execute.workspace import Folders, Workspace

WORDS = {"create": "install", "update": "upgrade", "replace": "upgrade", "delete": "REMOVE"}
MANY = 3  # changed keys that a row names


def show(workspace: Workspace, planned: Planned) -> None:
    """Print a plan as a table."""
    if not planned.changes:
        say("nothing to do: the cluster runs what project.yaml says")
        return
    say(rows_of(planned.changes))


def rows_of(changes: Sequence[Change]) -> str:
    """Return releases' changes as a table, add-ons before models."""
    from workaday.execute.addons import is_addon

    rows = [("release", "kind", "action", "detail")]
    rows += [
        (change.key, "add-on" if is_addon(change) else "model" if change.name == "inference" else "shared",
         WORDS[change.action], detail(change))
        for change in changes
    ]  # fmt: skip
    return table(rows)


def detail(change: Change) -> str:
    """Return what a plan's row says about a release."""
    more = len(change.changed) - MANY
    return ", ".join(change.changed[:MANY]) + (f" and {more} more" if more > 0 else "")


def more(workspace: Workspace, planned: Planned) -> dict[str, object]:
    """Return what a plan's JSON has beside the changes: nothing here."""
    return {}


def risky(changes: Sequence[Change]) -> list[str]:
    """Return what a plan takes away, and so must be agreed to."""
    from workaday.execute.addons import is_addon

    gone = [change for change in changes if change.action == "delete"]
    return [f"{'add-on' if is_addon(change) else 'release'} {change.key}" for change in gone]


class Progress:
    """Prints a line as each release is done; to a person also how far the others are."""

    def __init__(self, workspace: Workspace | None, changes: Sequence[Change], *, quiet: bool) -> None:
        self.width = max((len(change.key) for change in changes), default=0)
        self.quiet = quiet

    def __call__(self, event: Event) -> None:
        """Take one event of a release."""
        if self.quiet:
            return
        found = event.standing
        count = f"{found.ready}/{found.wanted}" if found else ""
        row = f"{event.release:<{self.width}}  {event.what:<11} {count:>5}  {elapsed(event.seconds):>8}"
        row += f"  {event.said}" if event.said else ""
        if event.what != "waiting":
            say(row.rstrip())
        elif found:
            note(row + (f"  {found.causes[0]}" if found.causes else ""))


def report(workspace: Workspace, *, as_json: bool) -> None:
    """Print what runs now."""
    from workaday.cli import use

    if not as_json:
        say()
    use.show_state(workspace, as_json=as_json)


def destroy(file: Path, folders: Folders, *, only: str | None = None, yes: bool, as_json: bool) -> int:
    """Remove this project's releases, or one stage of them; says what stays.

    Raises:
        ProjectError: X103, nobody agreed.
    """
    from workaday.execute import deploy, existing, installed, stages
    from workaday.execute.refusals import at_its_origin
    from workaday.project.diagnostics import mistake

    workspace = readable(file, folders)
    stages.refuse_unknown(only)
    deploy.hold(workspace)
    with at_its_origin(workspace):
        place = existing.place_of(workspace)
        models = [each.name for each in existing.ours(workspace, place)] if only != stages.ADDONS else []
        beside = [each.name for each in installed.own(workspace, place)] if only != stages.MODELS else []
        left = only != stages.MODELS and installed.has_left(workspace, place)
    names = [*models, *beside]
    if not names and not left:
        answer_json({"destroyed": []}) if as_json else say("nothing to destroy")
        return Exit.DONE
    if not yes and not confirmed(f"remove {', '.join(names)} from {place.namespace} of {place.cluster.context}?"):
        raise mistake(
            "X103", f"destroy would remove {', '.join(names)}: it needs a yes", "run `workaday destroy --yes`"
        )
    existing.destroy(workspace, Progress(workspace, (), quiet=as_json), only)
    if as_json:
        answer_json({"destroyed": names, "kept": [f"namespace/{place.namespace}"]})
        return Exit.DONE
    say(
        f"destroyed; the namespace stays, as it may hold what is not ours: `kubectl delete namespace {place.namespace}`"
    )
    if not beside:
        say("so do KServe, KEDA and their definitions, which other projects may use")
    return Exit.DONE
