"""What a project's models are watched by: promises, prices, who is told. Pure, every default in one place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workaday.blueprint.canary import promise
from workaday.blueprint.cloud import ON_DEMAND, SPOT
from workaday.blueprint.gateway import CERTIFICATE
from workaday.blueprint.serving import GATEWAY
from workaday.catalog import Catalogue, read

if TYPE_CHECKING:
    from workaday.blueprint.addons import AddOns
    from workaday.blueprint.cloud import Cloud
    from workaday.blueprint.gateway import Gateway
    from workaday.blueprint.model import Model, Pool
    from workaday.blueprint.values import Values
    from workaday.project import schema

RECEIVER, RUNBOOKS = "webhook", "docs/runbooks"
# Half of the requests may be slow where the median is promised: that is no budget which could burn.
LEAST_SHARE = 0.9
# What brings a monitor of its own is not here: pods by their labels, and the port that says metrics.
MONITORS: Mapping[str, tuple[Mapping[str, str], str]] = {
    "cert-manager": (
        {"app.kubernetes.io/name": "cert-manager", "app.kubernetes.io/component": "controller"},
        "http-metrics",
    ),
    "keda": ({"app": "keda-operator"}, "metrics"),
    "karpenter": ({"app.kubernetes.io/name": "karpenter"}, "http-metrics"),
}


@dataclass(frozen=True, slots=True)
class Watched:
    """A model and what it promises.

    Attributes:
        ours: its server is ours, whose metrics say what requests became.
        availability: percent of the requests that succeed, or None.
        latency: share of the requests, and the seconds that they take at most; None is not promised.
    """

    name: str
    ours: bool
    availability: float | None
    latency: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Price:
    """What a node costs, in US dollars an hour; on spot at most."""

    type: str
    capacity: str
    usd: float


@dataclass(frozen=True, slots=True)
class Monitor:
    """Pods of a controller that Prometheus is to scrape."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    port: str


@dataclass(frozen=True, slots=True)
class Observability:
    """All that is shown, and who is told.

    Attributes:
        receiver: kind and Secret of who is told, or None.
        runbooks: what stands before a runbook's name in an alert.
        bases: pools, and how many of their nodes are never spot.
        budget: US dollars a month, or None.
        certificate: name and namespace of the gateway's, or None.
    """

    dashboards: bool
    receiver: tuple[str, str] | None
    runbooks: str
    models: tuple[Watched, ...]
    prices: tuple[Price, ...]
    bases: tuple[tuple[str, int], ...]
    budget: float | None
    certificate: tuple[str, str] | None
    monitors: tuple[Monitor, ...]

    def promised(self, model: str) -> float | None:
        """Return the latency in seconds that a model of our server promises, or None."""
        found = next((each.latency for each in self.models if each.name == model and each.ours), None)
        return found[1] if found else None


def resolve_observability(
    project: schema.Project,
    models: Sequence[Model],
    pools: Sequence[Pool],
    cloud: Cloud | None,
    gateway: Gateway | None,
    addons: AddOns,
    values: Values,
) -> Observability | None:
    """Return what models are watched by, or None where the project does not say that they are."""
    given = project.observability
    if given is None:
        return None
    alerts, told = given.alerts, values.under("alerts")
    kind = told.choose("receiver", alerts, RECEIVER, "most pagers take one")
    door = gateway.door if gateway else None
    return Observability(
        dashboards=values.choose("dashboards", given, True, "`observability` is written"),
        receiver=(kind, alerts.receiver_secret) if alerts else None,
        runbooks=told.choose("runbooks", alerts, RUNBOOKS, "they are part of Workaday"),
        models=tuple(watched(model, written) for model, written in zip(models, project.models, strict=True)),
        prices=tuple(prices(cloud, pools)) if cloud else (),
        bases=tuple((pool.name, pool.spot.on_demand_base) for pool in pools if pool.spot and pool.spot.on_demand_base),
        budget=cloud.budget.monthly_usd if cloud and cloud.budget else None,
        certificate=(CERTIFICATE, GATEWAY[1]) if door and door.issuer else None,
        monitors=tuple(
            Monitor(each.pin.name, each.pin.namespace, *MONITORS[each.pin.name])
            for each in addons.every
            if each.pin.name in MONITORS
        ),
    )


def watched(model: Model, written: schema.Model) -> Watched:
    """Return what a model promises: of its quantiles the highest."""
    said = promise(written.slo)
    latency = max((each for each in said.quantiles if each[0] >= LEAST_SHARE), default=None)
    return Watched(model.name, model.kind == "torch", said.availability, latency)


def prices(cloud: Cloud, pools: Sequence[Pool]) -> Iterator[Price]:
    """Yield what each node that there may be costs, where the catalogue knows."""
    catalogue = read(cloud.kind)
    assert catalogue
    bounds = {pool.name: pool.spot.max_price for pool in pools if pool.spot}
    rented = [(each.pool, each.capacity, each.instances) for each in cloud.node_groups]
    rented += [(each.pool, each.capacity, tuple(each.instances)) for each in cloud.node_pools]
    rented.append(("", ON_DEMAND, cloud.system.instances))
    found: dict[tuple[str, str], float] = {}
    for pool, capacity, instances in rented:
        for name in instances:
            usd = _at_most(catalogue, name, cloud.region, bounds.get(pool) if capacity == SPOT else None)
            if usd is not None:
                # nodes say what machine they are, not which cards are attached to it
                key = (catalogue.instances[name].machine, capacity)
                found[key] = max(usd, found.get(key, 0.0))
    yield from (Price(name, capacity, usd) for (name, capacity), usd in sorted(found.items()))


def _at_most(catalogue: Catalogue, name: str, region: str, bound: float | None) -> float | None:
    if name not in catalogue.instances:
        return None
    listed = catalogue.usd_hour(name, region)
    return min((each for each in (listed, bound) if each is not None), default=None)
