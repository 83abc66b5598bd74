"""Split pools into node groups: one capacity type each, on demand as base and fallback beside spot. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from workaday.blueprint.cloud import (
    CAPACITY_LABEL,
    ON_DEMAND,
    POOL_LABEL,
    RESERVED,
    SPOT,
    NodeGpu,
    NodeGroup,
    Taint,
)
from workaday.blueprint.machines import SPOT_TYPES, of_one_shape, zones_with
from workaday.blueprint.model import Pool
from workaday.blueprint.placement import Placement, candidates
from workaday.catalog import Catalogue

GIB = 2**30
# Each further type is another chance that the cloud has a spot node to give; few GPUs come in more shapes.
MOST_TYPES = 5
# Where a group has one type only, each further spot type is a further group.
MOST_SPOT_GROUPS = 3
IMAGES = {"aws": "al2023", "gcp": "cos", "azure": "ubuntu"}
GPU_TAINT = Taint("nvidia.com/gpu", "present")
# Beside our own label: what the cloud itself puts on spot nodes, or demands (azure refuses a spot pool without both).
SPOT_TAINTS = {
    "aws": Taint(CAPACITY_LABEL, SPOT),
    "gcp": Taint("cloud.google.com/gke-spot", "true"),
    "azure": Taint("kubernetes.azure.com/scalesetpriority", "spot"),
}
SPOT_LABELS: Mapping[str, Mapping[str, str]] = {"azure": {"kubernetes.azure.com/scalesetpriority": "spot"}}
ONE_TYPE_A_GROUP = ("gcp", "azure")


def node_groups(
    pool: Pool,
    placed: Sequence[Placement],
    catalogue: Catalogue | None,
    cloud: str,
    region: str,
    zones: tuple[str, ...],
) -> Iterator[NodeGroup]:
    """Yield the groups of one pool, those that should fill first at the front.

    Args:
        pool: its `nodes` bound all its groups together; each group alone may reach the most.
        placed: every model on each of its pools.
        catalogue: the cloud's, or None.
        cloud, region: `aws`, `gcp` or `azure`, and where.
        zones: the platform's, for a pool without its own.
    """
    every = instance_types(pool, placed, catalogue, region)
    for capacity, least, most in capacities(pool):
        types = alike(pool, rented(every, capacity, catalogue), catalogue)
        group = NodeGroup(
            name=f"{pool.name}-{capacity}",
            pool=pool.name,
            capacity=capacity,
            instances=types[:MOST_TYPES],
            min=least,
            max=most,
            zones=pool.zones or zones,
            disk_gib=math.ceil(pool.disk_bytes / GIB),
            gpu=node_gpu(pool, types, catalogue),
            image=pool.image or IMAGES[cloud],
            placement=pool.placement,
            reservation=pool.reservation if capacity == RESERVED else None,
            max_price=pool.spot.max_price if pool.spot and capacity == SPOT else None,
            labels=labels(pool, capacity, cloud),
            taints=taints(pool, types, catalogue, capacity, cloud),
            local_storage=disks_suffice(pool, types[:MOST_TYPES], catalogue),
        )
        split = one_type_each(group) if cloud in ONE_TYPE_A_GROUP else (group,)
        yield from (each if pool.zones else replace(each, zones=zones_of(each, catalogue, region)) for each in split)


def disks_suffice(pool: Pool, types: Sequence[str], catalogue: Catalogue | None) -> bool:
    """Return whether every type has disks of its own as large as the pool asks for: faster by far than a network's."""
    known = [catalogue.instances.get(name) for name in types] if catalogue else []
    return bool(known) and all(each and (each.local_ssd_gb or 0) * 10**9 >= pool.disk_bytes for each in known)


def rented(types: tuple[str, ...], capacity: str, catalogue: Catalogue | None) -> tuple[str, ...]:
    """Return those of some types that the cloud rents so; what the catalogue does not know stays."""
    asked = {ON_DEMAND: "on_demand", SPOT: "spot"}.get(capacity)
    known = catalogue.instances if catalogue and asked else {}
    return tuple(name for name in types if name not in known or asked in known[name].capacities)


def alike(pool: Pool, types: tuple[str, ...], catalogue: Catalogue | None) -> tuple[str, ...]:
    """Return the types that a node group's autoscaler may take for the first one; all that the pool names."""
    if pool.instances or catalogue is None:
        return types
    found = of_one_shape([catalogue.instances[name] for name in types], SPOT_TYPES)
    return tuple(each.name for each in found)


def zones_of(group: NodeGroup, catalogue: Catalogue | None, region: str) -> tuple[str, ...]:
    """Return the zones of a group that have its first type, where that is known."""
    first = catalogue.instances.get(group.instances[0]) if catalogue and group.instances else None
    return zones_with(first, region, group.zones) if first else group.zones


def capacities(pool: Pool) -> Iterator[tuple[str, int, int]]:
    """Yield a pool's capacity types with the fewest and the most nodes of each.

    The base stays on demand. A fallback may grow to the whole pool: it is added to only while spot gives no node.
    """
    if pool.reservation:
        yield RESERVED, pool.nodes_min, pool.nodes_max
        if not pool.spot:
            return
    if not pool.spot:
        yield ON_DEMAND, pool.nodes_min, pool.nodes_max
        return
    base = pool.spot.on_demand_base
    if pool.nodes_max > base:
        yield SPOT, 0 if pool.reservation else max(0, pool.nodes_min - base), pool.nodes_max - base
    most = base if pool.spot.fallback == "none" else pool.nodes_max
    if most:
        yield ON_DEMAND, base, most


def one_type_each(group: NodeGroup) -> Iterator[NodeGroup]:
    """Yield a group for each type, where a cloud's groups have one: several for spot, else the cheapest."""
    many = MOST_SPOT_GROUPS if group.capacity == SPOT else 1
    for number, each in enumerate(group.instances[:many], 1):
        name = group.name if number == 1 else f"{group.name}-{number}"
        yield replace(group, name=name, instances=(each,), min=group.min if number == 1 else 0)


def instance_types(
    pool: Pool, placed: Sequence[Placement], catalogue: Catalogue | None, region: str
) -> tuple[str, ...]:
    """Return a pool's instance types: as written, or the cheapest on which every model fits that can run there."""
    if pool.instances:
        return pool.instances
    if catalogue is None:
        return ()
    fitting = [each.fits for each in placed if each.pool == pool.name and each.fits]
    if not fitting:
        # nothing says how much GPU memory is needed: whole cards only
        whole = [each for each in candidates(pool, catalogue) if each.gpu is None or each.gpu.partition == 1]
        offered = [each for each in whole if region in each.regions]
        return tuple(each.name for each in sorted(offered, key=lambda each: catalogue.order(each, region)))
    everywhere = set.intersection(*({each.instance for each in fits} for fits in fitting))
    known = {each.instance: each for fits in fitting for each in fits}
    chosen = [catalogue.instances[name] for name in (everywhere or known)]
    return tuple(each.name for each in sorted(chosen, key=lambda each: catalogue.order(each, region)))


def node_gpu(pool: Pool, types: Sequence[str], catalogue: Catalogue | None) -> NodeGpu | None:
    """Return the GPUs of a pool's nodes, or None."""
    known = [catalogue.instances[name] for name in types if name in catalogue.instances] if catalogue else []
    of_type = next((each.gpu for each in known if each.gpu), None)
    name, count = pool.gpu_type or (of_type and of_type.name), pool.gpu_count or (of_type.count if of_type else 0)
    if not name or not count:
        return None
    label = (of_type and of_type.accelerator) or name
    return NodeGpu(label, count, pool.share, pool.clients, pool.partition, pool.driver)


def labels(pool: Pool, capacity: str, cloud: str) -> dict[str, str]:
    """Return the labels of a group's nodes: ours, and what the cloud demands on spot."""
    found = {POOL_LABEL: pool.name, CAPACITY_LABEL: capacity}
    return found | dict(SPOT_LABELS.get(cloud, {})) if capacity == SPOT else found


def taints(
    pool: Pool, types: Sequence[str], catalogue: Catalogue | None, capacity: str, cloud: str
) -> tuple[Taint, ...]:
    """Return the taints of a group's nodes: only what asks for GPUs, or stands being called back, comes there."""
    found = (GPU_TAINT,) if node_gpu(pool, types, catalogue) else ()
    return (*found, SPOT_TAINTS[cloud]) if capacity == SPOT else found
