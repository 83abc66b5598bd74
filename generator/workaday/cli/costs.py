"""What a plan costs, as people see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workaday.cli.output import say, table

if TYPE_CHECKING:
    from workaday.execute.workspace import Workspace
    from workaday.foresight.cost import CostTable


def hourly(workspace: Workspace) -> CostTable | None:
    """Return what a project's cluster costs an hour; None where nothing is known of its cloud's prices.

    Raises ProjectError (P3xx, X13x): `workaday.lock` cannot be read.
    """
    from workaday.catalog import read
    from workaday.foresight import cost
    from workaday.foresight.locked import LOCK_NAME, parse

    catalogue = read(workspace.blueprint.platform)
    if catalogue is None:
        return None
    lock = workspace.root / LOCK_NAME
    prices = parse(lock.read_text("utf-8") if lock.is_file() else None)
    return cost.hourly(workspace.blueprint, catalogue, prices)


def show(workspace: Workspace) -> None:
    """Print what the cluster costs an hour, below its plan."""
    from workaday.foresight import cost

    found = hourly(workspace)
    if found is not None:
        say("\n" + table(cost.as_cells(found)))
        say("\n".join(cost.summary(found)))


def as_json(workspace: Workspace) -> dict[str, Any] | None:
    """Return the same as data: US dollars an hour."""
    if (found := hourly(workspace)) is None:
        return None
    return {"low": found.low, "high": found.high, "dearest": found.dearest, "unknown": found.unknown}
