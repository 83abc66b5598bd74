"""Split pools into Karpenter's NodePools: one for each way to rent, the preferred first by its weight. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workaday.blueprint.cloud import CAPACITY_LABEL, ON_DEMAND, POOL_LABEL, RESERVED, SPOT, Taint
from workaday.blueprint.machines import instances_of, machine_of
from workaday.blueprint.model import Model, Pool
from workaday.blueprint.node_groups import GIB, GPU_TAINT, IMAGES, taints
from workaday.catalog import Catalogue, Instance

BASE = "base"
# What is paid for already, then the base that outlives every spot node, then what is cheap, then the rest.
WEIGHTS = {RESERVED: 100, BASE: 60, SPOT: 50, ON_DEMAND: 10}
# Among more types than this Karpenter finds no better one, and a request to EC2 has a limit.
MOST_TYPES = 60


@dataclass(frozen=True, slots=True)
class NodePool:
    """One NodePool and its node class.

    Attributes:
        name: unique in the cluster: `gpu-spot`.
        pool: the pool that it is part of.
        capacity: `on-demand`, `spot` or `reserved`.
        weight: a NodePool of more is asked first.
        limits: what its nodes may have together: `nodes`, and GPUs or CPUs, which Karpenter counts before it rents.
        instances: the types, the cheapest first.
        reservation: the id of a capacity reservation, or None.
    """

    name: str
    pool: str
    capacity: str
    weight: int
    limits: dict[str, int]
    instances: tuple[str, ...]
    zones: tuple[str, ...]
    disk_gib: int
    image: str
    reservation: str | None
    labels: dict[str, str]
    taints: tuple[Taint, ...]


def node_pools(
    pool: Pool, models: Sequence[Model], catalogue: Catalogue | None, region: str, zones: tuple[str, ...]
) -> Iterator[NodePool]:
    """Yield the NodePools of a pool on AWS.

    Args:
        pool: its `nodes.max` bounds spot and base together; a fallback may come to as many again while spot gives none.
        models: those of the project: an instance type must have room for them.
        catalogue, region: what there is, and where.
        zones: the platform's, for a pool without its own.
    """
    for part, capacity, most in parts(pool):
        rented = {ON_DEMAND: "on_demand", SPOT: "spot"}.get(capacity)
        found = instances_of(pool, catalogue, region, models=models, capacity=rented) if catalogue else ()
        types = tuple(machine_of(each.name) for each in found) or pool.instances
        if not types:
            continue  # nothing fits, which a check of the project reports
        yield NodePool(
            name=f"{pool.name}-{part}",
            pool=pool.name,
            capacity=capacity,
            weight=WEIGHTS[part],
            limits={"nodes": most} | counted(most, found, pool),
            instances=types[:MOST_TYPES],
            zones=pool.zones or zones,
            disk_gib=math.ceil(pool.disk_bytes / GIB),
            image=pool.image or IMAGES["aws"],
            reservation=pool.reservation.id if pool.reservation and capacity == RESERVED else None,
            labels={POOL_LABEL: pool.name, CAPACITY_LABEL: capacity},
            taints=taints(pool, types, catalogue, capacity, "aws"),
        )


def counted(most: int, types: Sequence[Instance], pool: Pool) -> dict[str, int]:
    """Return a limit in GPUs, or CPUs, of so many nodes of the first type.

    Karpenter counts nodes only once they are there, and rents several at a time: what they have it counts before.
    """
    if not types:
        return {}
    gpu = types[0].gpu
    if gpu and pool.share != "mig":
        return {GPU_TAINT.key: most * gpu.count}
    return {"cpu": most * types[0].vcpu}


def parts(pool: Pool) -> Iterator[tuple[str, str, int]]:
    """Yield each way in which a pool's nodes are rented: its name, its capacity type, the most nodes."""
    if pool.reservation:
        yield RESERVED, RESERVED, pool.nodes_max
    if pool.spot is None:
        if not pool.reservation:
            yield ON_DEMAND, ON_DEMAND, pool.nodes_max
        return
    base = min(pool.spot.on_demand_base, pool.nodes_max)
    if base:
        yield BASE, ON_DEMAND, base
    if pool.nodes_max > base:
        yield SPOT, SPOT, pool.nodes_max - base
        if pool.spot.fallback == "on_demand":
            yield ON_DEMAND, ON_DEMAND, pool.nodes_max - base
