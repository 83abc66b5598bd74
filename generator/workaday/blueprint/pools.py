"""Pools as written, or derived from what the models ask for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from workaday.blueprint.model import Model, Pool, Reservation, Spot
from workaday.blueprint.values import Values

if TYPE_CHECKING:
    from workaday.project import schema

GIB = 2**30


def resolve_pools(project: schema.Project, models: Sequence[Model], values: Values) -> tuple[Pool, ...]:
    """Return the project's pools; where it writes none, one for each kind of GPU that models ask for."""
    if project.pools:
        return tuple(written_pool(pool, values.under("pools", index)) for index, pool in enumerate(project.pools))
    shapes: dict[tuple[str | None, int], list[Model]] = {}
    for model in models:
        shapes.setdefault((model.compute.gpu_type, model.compute.gpu_count), []).append(model)
    return tuple(derived_pool(gpu, count, asking) for (gpu, count), asking in shapes.items())


def written_pool(pool: schema.Pool, values: Values) -> Pool:
    """Return a pool with every default explicit."""
    accelerator = pool.accelerator
    nodes, of_gpu = values.under("nodes"), values.under("accelerator")
    share = of_gpu.choose("share", accelerator, "none", "the default") if accelerator else "none"
    spot = None
    if pool.spot is not None:
        of_spot = values.under("spot")
        spot = Spot(
            on_demand_base=of_spot.choose("on_demand_base", pool.spot, 0, "the default"),
            fallback=of_spot.choose(
                "fallback", pool.spot, "on_demand", "a pool without spot nodes must not stand still"
            ),
            max_price=pool.spot.max_price,
        )
    return Pool(
        name=pool.name,
        gpu_type=accelerator.type if accelerator else None,
        gpu_count=of_gpu.choose("count", accelerator, 1, "the default") if accelerator else 0,
        share=share,
        clients=of_gpu.choose("clients", accelerator, 2, "the default: two pods a GPU")
        if share == "time_slicing"
        else None,
        partition=accelerator.partition if accelerator else None,
        driver=of_gpu.choose("driver", accelerator, "cloud", "the default: it comes with the node's image")
        if accelerator
        else "cloud",
        instances=pool.instances or (),
        nodes_min=nodes.choose("min", pool.nodes, 0, "the default: no node without work"),
        nodes_max=nodes.choose("max", pool.nodes, 10, "the default: a bound on cost"),
        spot=spot,
        reservation=Reservation(pool.reservation.id, pool.reservation.block) if pool.reservation else None,
        disk_bytes=values.choose("disk", pool, 100 * GIB, "the default: images of several GB"),
        derived=False,
        zones=pool.zones or (),
        image=pool.image,
        placement=pool.placement,
    )


def derived_pool(gpu: str | None, count: int, models: Sequence[Model]) -> Pool:
    """Return the pool that models of one shape ask for: a node for each replica, rollouts and headroom included."""
    return Pool(
        name=f"gpu-{gpu.lower()}-{count}"
        if gpu and count > 1
        else (f"gpu-{gpu.lower()}" if gpu else ("gpu" if count else "cpu")),
        gpu_type=gpu,
        gpu_count=count,
        share="none",
        instances=(),
        nodes_min=0,
        nodes_max=sum(model.scale.max + surge_of(model) + model.scale.headroom for model in models),
        spot=None,
        reservation=None,
        disk_bytes=100 * GIB,
        derived=True,
    )


def surge_of(model: Model) -> int:
    """Return how many replicas a rollout adds at most: a percentage is rounded up, as Kubernetes does."""
    surge = model.rollout.max_surge
    return surge if isinstance(surge, int) else math.ceil(model.scale.max * float(surge.rstrip("%")) / 100)
