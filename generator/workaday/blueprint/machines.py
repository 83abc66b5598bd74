"""What a pool's nodes are made of: the instance types that renderers write, cheapest first. Pure.

`placement` says whether a model fits; this says which machines to ask the cloud for.
"""

from __future__ import annotations

from collections.abc import Sequence

from workaday.blueprint.model import Model, Pool
from workaday.blueprint.placement import Fit, candidates, fits
from workaday.catalog import Catalogue, Instance

# With fewer types of spot nodes, one type's shortage is the pool's.
SPOT_TYPES = 3
# Where controllers run, the first that the region has: 2 CPUs are enough on EKS, whose own pods are few.
SYSTEM_TYPES = {
    "aws": ("m7i.large", "m6i.large", "m5.large"),
    "gcp": ("e2-standard-4", "n2-standard-4", "n4-standard-4"),
    "azure": ("Standard_D4s_v5", "Standard_D4as_v5", "Standard_D4s_v6"),
}


def instances_of(
    pool: Pool,
    catalogue: Catalogue,
    region: str | None,
    *,
    models: Sequence[Model] = (),
    capacity: str | None = None,
    same_shape: bool = False,
) -> tuple[Instance, ...]:
    """Return the instance types of a pool, the cheapest first; those that the pool names, in its order.

    Args:
        pool: its `instances`, else its GPUs, else plain machines.
        catalogue: the cloud's.
        region: what is not offered there is left out; None, or one that the catalogue does not know, is anywhere.
        models: those of the project. A type must have room for a replica of each that names the pool; where none has,
            for a replica of any.
        capacity: `on_demand` or `spot`: only what can be had so. By default `spot` for a pool with spot nodes,
            `on_demand` for others, and anything for a reservation.
        same_shape: one shape alone, see `of_one_shape`: for autoscalers that take a pool's nodes to be alike. The types
            that a pool names are the user's choice, and are kept.

    Returns: none where nothing fits, which a check of the project reports.
    """
    where = region if region in catalogue.regions else None
    wanted = capacity or ("spot" if pool.spot else None if pool.reservation else "on_demand")
    found = [
        each
        for each in candidates(pool, catalogue)
        if (where is None or where in each.regions) and (wanted is None or wanted in each.capacities)
    ]
    found = _roomy(found, pool, [model for model in models if pool.name in model.pools])
    if pool.instances:
        return tuple(found)
    found.sort(key=lambda each: catalogue.order(each, where))
    return of_one_shape(found, SPOT_TYPES if wanted == "spot" else 1) if same_shape else tuple(found)


def of_one_shape(ordered: Sequence[Instance], least: int) -> tuple[Instance, ...]:
    """Return the types that an autoscaler may take for the first one.

    Those with the same GPUs, CPUs and memory; where they are fewer than `least`, then also the cheapest with the same
    GPUs and at least as many CPUs and as much memory: a pod that fits the first one then fits them all.
    """
    if not ordered:
        return ()
    first = ordered[0]
    alike = [each for each in ordered if shape(each) == shape(first)]
    larger = [
        each
        for each in ordered
        if each not in alike
        and (each.gpu, each.arch) == (first.gpu, first.arch)
        and each.vcpu >= first.vcpu
        and each.memory_mib >= first.memory_mib
    ]
    return tuple(alike + larger[: max(0, least - len(alike))])


def shape(instance: Instance) -> tuple[object, ...]:
    """Return what makes nodes alike to a scheduler: architecture, GPUs, CPUs, memory."""
    return instance.arch, instance.gpu, instance.vcpu, instance.memory_mib


def system_instances(catalogue: Catalogue, region: str | None) -> tuple[Instance, ...]:
    """Return the types that suit the pool where controllers run, the preferred first; all that the region has."""
    known = [catalogue.instances[name] for name in SYSTEM_TYPES[catalogue.cloud]]
    return tuple(each for each in known if region not in catalogue.regions or region in each.regions)


def machine_of(name: str) -> str:
    """Return what the cloud's API calls a type: cards that are attached to it are asked for apart."""
    return name.partition("+")[0]


def zones_with(instance: Instance, region: str, zones: Sequence[str]) -> tuple[str, ...]:
    """Return those of some zones that have a type; all of them where that is not known, as on AWS and Azure."""
    known = instance.zones_in(region) if instance.cloud == "gcp" else None
    return tuple(zone for zone in zones if known is None or zone in known) or tuple(zones)


def _roomy(found: Sequence[Instance], pool: Pool, models: Sequence[Model]) -> list[Instance]:
    def holds(instance: Instance, model: Model) -> bool:
        return isinstance(fits(instance, model.compute, partitions=bool(pool.instances)), Fit)

    if pool.instances or not models:
        return [each for each in found if pool.instances or not each.gpu or each.gpu.partition == 1]
    room_for_all = [each for each in found if all(holds(each, model) for model in models)]
    return room_for_all or [each for each in found if any(holds(each, model) for model in models)]
