"""A project's account, asked in one order whichever cloud it is. Each check is a small function over `Account`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from workaday.catalog import read
from workaday.execute.clouds import Account, Offer, account_of
from workaday.execute.doctor import network, tools
from workaday.execute.doctor.findings import FAILED, OK, UNKNOWN, WARNING, Check, Finding, looked
from workaday.execute.doctor.quotas import judged, needs

if TYPE_CHECKING:
    from workaday.blueprint.cloud import Cloud
    from workaday.blueprint.model import Blueprint
    from workaday.execute.workspace import Workspace

__all__ = ["account_of", "alone", "checks", "credentials", "unasked"]

# An apply that makes a cluster takes twenty minutes, a large one twice that.
APPLY = timedelta(hours=1)
SHOWN = 8
ASKED = ("permissions", "instance types", "quotas", "state", "cluster api")


def alone(workspace: Workspace, now: datetime) -> Mapping[str, Check]:
    """Return what can be looked at without an account."""
    cloud = workspace.blueprint.cloud
    assert cloud
    return {
        "helm": lambda: tools.helm(WARNING),
        "prices": lambda: prices(workspace, now),
        "own address": lambda: network.let_in(cloud.access),
    }


def credentials(cloud: Cloud, now: datetime, account: Callable[[], Account]) -> Sequence[Finding]:
    """Return whose credentials these are, whether they lead to the project's account, and how long they last."""
    from workaday.project.diagnostics import ProjectError

    try:
        who = account().who()
    except ProjectError as error:
        first = error.diagnostics[0]
        state = FAILED if first.code in ("X112", "X150") else UNKNOWN
        return [Finding("credentials", state, first.message, "; ".join(first.hints))]
    if who.account.lower() != cloud.account.lower():
        said = f"{who.name} leads to {who.account}; this project is for {cloud.account or 'none that is written'}"
        key = {"aws": "account", "gcp": "project", "azure": "subscription"}[cloud.kind]
        return [Finding("credentials", FAILED, said, f"choose other credentials, or correct `platform.{key}`")]
    found = [Finding("credentials", OK, f"{who.name} in {who.account}")]
    if who.expires:
        left = who.expires - now
        said = f"ends at {who.expires:%H:%M %Z}, in {max(left, timedelta()) // timedelta(minutes=1)} minutes"
        state = FAILED if left <= timedelta() else WARNING if left < APPLY else OK
        fix = "" if state == OK else "log in again: an apply that makes a cluster takes 20 minutes and more"
        found.append(Finding("session", state, said, fix))
    return found


def unasked() -> Sequence[Finding]:
    """Return what is not known without credentials."""
    return [Finding(each, UNKNOWN, "not asked: see `credentials`") for each in ASKED]


def checks(blueprint: Blueprint, account: Account) -> Mapping[str, Check]:
    """Return what an account is asked once its credentials are good."""
    cloud = blueprint.cloud
    assert cloud
    return {
        "permissions": lambda: permissions(account, cloud),
        "machines": lambda: machines(account, blueprint),
        "state": lambda: state(account, cloud),
        "cluster api": lambda: network.answering(account.address(), cloud.access),
    }


def permissions(account: Account, cloud: Cloud) -> Finding:
    """Return which permissions are missing."""
    missing = sorted(set(account.missing()))
    if not missing:
        return Finding("permissions", OK, "each that was asked for is there")
    more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
    said = f"{len(missing)} missing: {', '.join(missing[:SHOWN])}{more}"
    return Finding("permissions", FAILED, said, f"see `Rights` in docs/clouds/{cloud.kind}.md")


def machines(account: Account, blueprint: Blueprint) -> Sequence[Finding]:
    """Return whether the nodes' types are to be had in their zones, and whether the limits allow as many."""
    from workaday.execute.prices import wanted

    cloud, catalogue = blueprint.cloud, read(blueprint.platform)
    assert cloud
    assert catalogue
    offers: dict[str, Offer] = {}

    def types() -> Sequence[Finding]:
        offers.update(account.offers(wanted(blueprint, catalogue)))
        return offered(blueprint, offers)

    def limits() -> Sequence[Finding]:  # after the types: azure's are known by these
        return list(judged(needs(blueprint, catalogue, offers), account.quotas(), cloud.kind, cloud.region))

    return [*looked({"instance types": types}), *looked({"quotas": limits})]


def offered(blueprint: Blueprint, offers: Mapping[str, Offer]) -> Sequence[Finding]:
    """Return a finding for the system's nodes and for each pool: which of its types it can have, and where."""
    from workaday.blueprint.node_groups import capacities
    from workaday.foresight.cost import types_of

    cloud, catalogue = blueprint.cloud, read(blueprint.platform)
    assert cloud
    assert catalogue
    asked = [("system", list(cloud.system.instances), cloud.zones)]
    for pool in blueprint.pools:
        names = [
            each.name for capacity, _, _ in capacities(pool) for each in types_of(pool, capacity, blueprint, catalogue)
        ]
        asked.append((pool.name, list(dict.fromkeys(names)), pool.zones or cloud.zones))
    return [placed(whose, names, zones, offers) for whose, names, zones in asked]


def placed(whose: str, names: Sequence[str], zones: Sequence[str], offers: Mapping[str, Offer]) -> Finding:
    """Return whether nodes of one of some types can be had in some zones."""
    what, where = f"types of {whose}", ", ".join(zones)
    if not names:
        return Finding(what, UNKNOWN, "no type that the catalogue knows")
    open_to_us = {name: offers[name] for name in names if name in offers and not offers[name].barred}
    # A region without zones says none; its types are offered in the region.
    fitting = {name for name, offer in open_to_us.items() if not offer.zones or offer.zones & set(zones)}
    missing = [name for name in names if name not in fitting]
    barred = "".join(f"; {name}: {offers[name].barred}" for name in missing if name in offers and offers[name].barred)
    if not fitting:
        elsewhere = sorted({zone for offer in open_to_us.values() for zone in offer.zones})
        fix = f"`zones: [{', '.join(elsewhere)}]` has it" if elsewhere else "another region, or other instance types"
        return Finding(what, FAILED, f"none of {', '.join(names)} in {where}{barred}", fix)
    if missing:
        return Finding(what, WARNING, f"not in {where}: {', '.join(missing)}{barred}", "the others stand in for it")
    return Finding(what, OK, f"{', '.join(names)} in {where}")


def state(account: Account, cloud: Cloud) -> Finding:
    """Return whether the store of Terraform's state is there."""
    if account.state_store():
        return Finding("state", OK, f"`{cloud.state.bucket}` is there")
    return Finding("state", OK, f"`{cloud.state.bucket}` is not there yet: the first apply makes it")


def prices(workspace: Workspace, now: datetime) -> Finding:
    """Return how old the fetched prices are."""
    from workaday.execute.prices import text_of
    from workaday.foresight.locked import LOCK_NAME, parse, stale

    cloud = workspace.blueprint.cloud
    assert cloud
    locked = parse(text_of(workspace.root / LOCK_NAME))
    found = locked.of(cloud.kind, cloud.region)
    if found is None:
        fix = "`workaday prices refresh`, to know spot prices"
        return Finding("prices", OK, f"none in {LOCK_NAME} for {cloud.region}: the catalogue's are used", fix)
    old = stale(locked, cloud.kind, cloud.region, now)
    if old:
        return Finding("prices", WARNING, old.message, "; ".join(old.hints))
    return Finding("prices", OK, f"those of {cloud.region} are of {found.as_of:%Y-%m-%d}")
