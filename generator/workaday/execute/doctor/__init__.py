"""Look for what would stop an apply, or a model from starting, before it does. Nothing is changed."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from workaday.execute.doctor.findings import FAILED, Check, Finding, looked

if TYPE_CHECKING:
    from workaday.execute.clouds import Account
    from workaday.execute.workspace import Workspace

__all__ = ["Finding", "examine", "failed"]


def examine(workspace: Workspace, now: datetime, account: Account | None = None) -> tuple[Finding, ...]:
    """Return what was looked at and how it is, in an order that does not change.

    Args:
        workspace: the project in one environment.
        now: the time, with a zone.
        account: whom to ask; by default the project's cloud.
    """
    from workaday.execute.doctor import machine, tools

    checks: dict[str, Check] = {"terraform": lambda: tools.terraform(workspace)}
    cloud = workspace.blueprint.cloud
    if cloud is None:
        if workspace.blueprint.platform == "local":
            return looked({**checks, **machine.checks(workspace)})
        found = looked({**checks, **machine.existing(workspace)})
        return (*found, *in_cluster(workspace, now, found))
    from workaday.execute.doctor import account as room

    opened = cache(lambda: account or room.account_of(cloud))
    checks["credentials"] = lambda: room.credentials(cloud, now, opened)
    found = looked({**checks, **room.alone(workspace, now)})
    if any(each.what == "credentials" and each.state != "ok" for each in found):
        return (*found, *room.unasked())
    found = (*found, *looked(room.checks(workspace.blueprint, opened())))
    return (*found, *in_cluster(workspace, now, found))


def in_cluster(workspace: Workspace, now: datetime, found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return how the cluster is; nothing where it cannot be reached, or before it is made."""
    from workaday.execute.doctor import cluster

    if workspace.blueprint.cloud is not None and not (workspace.state / "kubeconfig").exists():
        return (Finding("cluster", "unknown", "not asked: `workaday kubeconfig` leads to it once it is made"),)
    if any(each.what == "context" and each.state == FAILED for each in found):
        return ()
    checks = cluster.checks(workspace, now)
    first = looked({"cluster": checks["cluster"]})
    if first[0].state in (FAILED, "unknown"):
        return first
    return (*first, *looked({what: each for what, each in checks.items() if what != "cluster"}))


def failed(findings: tuple[Finding, ...]) -> bool:
    """Return whether something would stop an apply for certain."""
    return any(each.state == FAILED for each in findings)
