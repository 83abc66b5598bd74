"""A model's canary: the model as its overrides make it, a release of its own, a share of the replicas. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from workaday.blueprint.model import Model, Pool, Scale
from workaday.blueprint.serving import PROXIES, Canary, Promise
from workaday.blueprint.values import Values

if TYPE_CHECKING:
    from workaday.blueprint.cloud import Cloud
    from workaday.blueprint.inputs import Inputs
    from workaday.project import schema

SUFFIX = "-canary"
# A tenth is enough to see a difference, and few enough to bear it; a shadow gets a copy of everything.
PERCENT, SHADOW_PERCENT = 10.0, 100.0
# Long enough for a few dozen requests of a quiet model; whoever waits for `apply` waits no longer than for a GPU node.
BAKE_SECONDS = 300.0


def canary_name(model: str) -> str:
    """Return what a model's canary is called."""
    return f"{model}{SUFFIX}"


def share(canary: schema.Canary) -> float:
    """Return the percent of the requests that a canary gets, or copies of."""
    default = SHADOW_PERCENT if canary.shadow else PERCENT
    return canary.percent if canary.percent is not None else default


def overridden(written: schema.Model) -> schema.Model:
    """Return a model as its canary's overrides make it."""
    assert written.canary is not None
    over = written.canary.overrides
    return written.model_copy(
        update={
            "config": {**written.config, **(over.config or {})},
            "env": {**written.env, **(over.env or {})},
            "weights": over.weights or written.weights,
            "server": over.server or written.server,
            "canary": None,
        }
    )


def canaries(
    project: schema.Project,
    inputs: Inputs,
    models: Sequence[Model],
    pools: Sequence[Pool],
    cloud: Cloud | None,
) -> Iterator[Canary]:
    """Yield every model's canary."""
    from workaday.blueprint.resolve import resolve_model  # which imports this
    from workaday.blueprint.resolve_serving import serve

    for index, (model, written) in enumerate(zip(models, project.models, strict=True)):
        if written.canary is None:
            continue
        meant = overridden(written)
        own = resolve_model(meant, inputs, Values(), local=False)
        scale = shared(model.scale, share(written.canary))
        named = replace(own, name=canary_name(model.name), pools=model.pools, scale=scale)
        serving = serve(named, meant, project, inputs, pools, cloud, Values())
        # its image is kept with the model's, and its weights are the model's to read
        container = serve(replace(named, name=model.name), meant, project, inputs, pools, cloud, Values()).container
        callers = (PROXIES,) if serving.route else ()
        served = replace(serving, container=container, route=None, callers=callers, account=model.name)
        percent, bake = share(written.canary), written.canary.bake or BAKE_SECONDS
        yield Canary(model.name, index, named, served, percent, bake, promise(written.slo))


def shared(scale: Scale, percent: float) -> Scale:
    """Return a share of some replicas, at least one."""
    least, most = (max(1, math.ceil(count * percent / 100)) for count in (scale.min, scale.max))
    return replace(scale, min=least, max=max(least, most), headroom=0, schedule=())


def promise(slo: schema.Slo | None) -> Promise:
    """Return what a model's requests are promised."""
    if slo is None:
        return Promise(None)
    limits = ((0.5, slo.p50), (0.95, slo.p95), (0.99, slo.p99))
    return Promise(slo.availability, tuple((part, seconds) for part, seconds in limits if seconds is not None))
