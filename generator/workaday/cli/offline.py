"""`plan --offline` as people see it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workaday.cli import costs
from workaday.cli.changes import shown
from workaday.cli.output import answer_json, say, table
from workaday.cli.run import Exit

if TYPE_CHECKING:
    from workaday.execute.offline.grading import OfflinePlan
    from workaday.execute.workspace import Workspace


def plan_offline(workspace: Workspace, *, against: Path | None, detailed: bool, as_json: bool) -> int:
    """Show what Terraform would do, asking no account; the tree has been rendered. Returns the exit code.

    Args:
        workspace: the project.
        against: an earlier rendered tree, to show the change from it.
        detailed: answer 2 where there are changes.
        as_json: answer as JSON.

    Raises ProjectError: what the schemas forbid, and what the offline plan lacks (X140 to X143).
    """
    from workaday.execute.offline.rendered import plan_tree, release_changes

    plans = plan_tree(workspace, against)
    releases = release_changes(workspace.tree, against) if against else {}
    if as_json:
        roots = {name: each.as_json() for name, each in plans.items()}
        answer_json({"offline": True, "roots": roots, "releases": releases, "usd_hour": costs.as_json(workspace)})
    else:
        say("\n\n".join(described(name, each) for name, each in plans.items()))
        if against:
            say(f"\n{in_releases(releases)}")
        costs.show(workspace)
    changed = bool(releases) or any(each.changes for each in plans.values())
    return Exit.CHANGES if detailed and changed else Exit.DONE


def described(root: str, plan: OfflinePlan) -> str:
    """Return a root's plan, with a line that says what it is."""
    from workaday.execute.grading import summary
    from workaday.execute.offline.grading import MARK

    head = f"{root}: {summary(plan.changes)} ({MARK})"
    return f"{head}\n{shown(plan.changes)}" if plan.changes else head


def in_releases(changes: dict[str, str]) -> str:
    """Return what changes in the tree's releases, which Helm applies after Terraform."""
    if not changes:
        return "releases: no changes"
    return "releases:\n" + table(((what, name) for name, what in changes.items()), indent="  ")
