"""Promises that spot nodes cannot keep (C401, C402): each function is one code."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from workaday.blueprint.model import Blueprint, Pool
from workaday.blueprint.placement import names_pools, place
from workaday.catalog import read
from workaday.catalog.clouds import usable_notice
from workaday.project.diagnostics import Diagnostic, Label
from workaday.project.units import format_duration

if TYPE_CHECKING:
    from workaday.project import Loaded

# How long a stopping replica goes on answering, until every proxy has heard that it is leaving.
DRAIN_SECONDS = 15.0


def promise_without_fallback(loaded: Loaded, blueprint: Blueprint) -> list[Diagnostic]:
    """C401: an availability is promised, and when no spot node is to be had nothing runs, or too little."""
    found = []
    for index, (model, written) in enumerate(zip(blueprint.models, loaded.project.models, strict=True)):
        promised = written.slo and written.slo.availability
        mine = _pools(loaded, blueprint, index)
        if not promised or not mine or not all(pool.spot and pool.spot.fallback == "none" for _, pool in mine):
            continue
        kept = sum(pool.spot.on_demand_base for _, pool in mine if pool.spot)
        what = f"only {kept} on-demand node{'s' * (kept > 1)} stay{'s' * (kept == 1)}" if kept else "nothing runs"
        found.append(
            Diagnostic(
                "C401",
                f"`{model.name}` promises {promised:g} % availability, but {what} when no spot node is to be had",
                ("models", index, "slo", "availability"),
                hints=("`spot: {fallback: on_demand}`, or a second pool without spot",),
                secondary=tuple(Label(("pools", place, "spot", "fallback"), "no fallback") for place, _ in mine),
                severity="warning" if kept else "error",
            )
        )
    return found


def longer_than_notice(loaded: Loaded, blueprint: Blueprint) -> list[Diagnostic]:
    """C402: a request may take longer than a spot node lives once it is called back.

    A warning: `limits.timeout` bounds what requests take, and only those that are that slow are lost.
    """
    cloud = blueprint.cloud
    if cloud is None:
        return []
    notice = usable_notice(cloud.kind, cloud.kubernetes, cloud.provisioner)
    found = []
    for index, model in enumerate(blueprint.models):
        spot = [(place, pool) for place, pool in _pools(loaded, blueprint, index) if pool.spot]
        timeout = model.limits.timeout_seconds
        if not spot or timeout + DRAIN_SECONDS <= notice:
            continue
        room = format_duration(notice - DRAIN_SECONDS)
        found.append(
            Diagnostic(
                "C402",
                f"`{model.name}` may be cut off: a request has {format_duration(timeout)}, draining takes "
                f"{format_duration(DRAIN_SECONDS)}, and {blueprint.platform} takes a spot node back after "
                f"{format_duration(notice)}",
                ("models", index, "limits", "timeout"),
                f"at most {room}" if notice > DRAIN_SECONDS else "no request outlives the notice",
                hints=("run it on a pool without spot, or let callers retry",),
                secondary=tuple(Label(("pools", place, "spot"), "spot nodes") for place, _ in spot),
                severity="warning",
            )
        )
    return found


def _pools(loaded: Loaded, blueprint: Blueprint, index: int) -> list[tuple[int, Pool]]:
    """Return the pools that a model can run on, with their place in the file."""
    placed = place(
        blueprint.models[index],
        blueprint.pools,
        read(blueprint.platform),
        region=getattr(loaded.project.platform, "region", None),
        named=names_pools(blueprint, index),
    )
    possible = {each.pool for each in placed if each.possible}
    return [(number, pool) for number, pool in enumerate(blueprint.pools) if pool.name in possible]


CHECKS: tuple[Callable[[Loaded, Blueprint], list[Diagnostic]], ...] = (promise_without_fallback, longer_than_notice)
