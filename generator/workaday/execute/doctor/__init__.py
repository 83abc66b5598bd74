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
        more = machine.checks if workspace.blueprint.platform == "local" else machine.existing
        return looked({**checks, **more(workspace)})
    from workaday.execute.doctor import account as room

    opened = cache(lambda: account or room.account_of(cloud))
    checks["credentials"] = lambda: room.credentials(cloud, now, opened)
    found = looked({**checks, **room.alone(workspace, now)})
    if any(each.what == "credentials" and each.state != "ok" for each in found):
        return (*found, *room.unasked())
    return (*found, *looked(room.checks(workspace.blueprint, opened())))


def failed(findings: tuple[Finding, ...]) -> bool:
    """Return whether something would stop an apply for certain."""
    return any(each.state == FAILED for each in findings)
