"""Which instance types fit a model, and why none does: the one place that answers it. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from workaday.blueprint.model import Blueprint, Compute, Model, Pool
from workaday.blueprint.nodes import MIB, Allocatable, allocatable
from workaday.catalog import Catalogue, Instance, read

GIB = 2**30
NO_CATALOGUE = "its instance types are not known"


@dataclass(frozen=True, slots=True)
class Fit:
    """A type that fits; `replicas` go on an empty node, which costs `usd_hour` (None: not known)."""

    instance: str
    replicas: int
    usd_hour: float | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A type that does not fit.

    Attributes:
        instance: its name.
        lacks: of `gpu`, `gpu_memory`, `cpu`, `memory`, `pods` and `region`, what it has too little of.
        reason: the same in words, with numbers.
    """

    instance: str
    lacks: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Placement:
    """One model on one pool.

    Attributes:
        model, pool: their names.
        fits: the cheapest first, those without a known price last, then by name.
        refusals: the pool's other types, in the catalogue's order.
        note: why there is nothing to choose from, such as `NO_CATALOGUE`; else empty.
    """

    model: str
    pool: str
    fits: tuple[Fit, ...]
    refusals: tuple[Refusal, ...]
    note: str = ""

    @property
    def possible(self) -> bool:
        """Whether the model may run there; without a catalogue, it may."""
        return bool(self.fits) or self.note == NO_CATALOGUE


def fits(instance: Instance, compute: Compute, *, partitions: bool = False) -> Fit | Refusal:
    """Say whether a replica goes on an empty node of a type, and how many do.

    Args:
        instance: the type.
        compute: what each replica asks for; its GPU memory is of all its GPUs together.
        partitions: take a part of a card even if the GPU memory that is needed is not known.
    """
    left = allocatable(instance)
    lacks: dict[str, str] = {}
    if compute.gpu_count:
        lacks |= _gpu_shortfall(instance, compute, left, partitions=partitions)
    cpu_millis = math.ceil(round(compute.cpu_cores * 1000, 3))
    if cpu_millis > left.cpu_millis:
        lacks["cpu"] = f"needs {compute.cpu_cores:g} CPU; {left.cpu_millis / 1000:g} of {instance.vcpu} are left"
    if compute.memory_bytes > left.memory_bytes:
        lacks["memory"] = (
            f"needs {gib(compute.memory_bytes)} memory; "
            f"{gib(left.memory_bytes)} of {gib(instance.memory_mib * MIB)} are left"
        )
    if not left.pods:
        lacks["pods"] = f"has addresses for {instance.pods} pods, all taken by daemons"
    if lacks:
        return Refusal(instance.name, tuple(lacks), "; ".join(lacks.values()))
    most = [left.pods]
    most += [left.cpu_millis // cpu_millis] if cpu_millis else []
    most += [left.memory_bytes // compute.memory_bytes] if compute.memory_bytes else []
    most += [left.gpus // compute.gpu_count] if compute.gpu_count else []
    return Fit(instance.name, min(most), instance.usd_hour)


def _gpu_shortfall(instance: Instance, compute: Compute, left: Allocatable, *, partitions: bool) -> dict[str, str]:
    gpu, count, needed = instance.gpu, compute.gpu_count, compute.gpu_memory_bytes
    if gpu is None or gpu.count < count or compute.gpu_type not in (None, gpu.name):
        wanted = f"{count} x {compute.gpu_type}" if compute.gpu_type else f"{count} GPU{'s' if count > 1 else ''}"
        return {"gpu": f"needs {wanted}; has {f'{gpu.count} x {gpu.name}' if gpu else 'no GPU'}"}
    each = gib(left.gpu_memory_bytes)
    if needed is not None and needed > count * left.gpu_memory_bytes:
        return {"gpu_memory": f"needs {gib(needed)} GPU memory; has {f'{count} x {each}' if count > 1 else each}"}
    if needed is None and gpu.partition < 1 and not partitions:
        return {"gpu_memory": f"has {gpu.partition:g} of an {gpu.name} with {each}; how much is needed is not known"}
    return {}


def place(
    model: Model,
    pools: Sequence[Pool],
    catalogue: Catalogue | None,
    *,
    region: str | None = None,
    named: bool = True,
) -> tuple[Placement, ...]:
    """Return, for each pool of a model, the types that fit and why the others do not.

    Args:
        model: its `pools` are looked at, in its order.
        pools: every pool of the project.
        catalogue: None where the cloud has none.
        region: where the types must be offered; None, or one that the catalogue does not know, is anywhere.
        named: the project file names the model's pools; if not, a model without GPUs keeps off pools with GPUs as long
            as there is another.
    """
    mine = [pool for name in model.pools for pool in pools if pool.name == name]
    spare = not named and not model.compute.gpu_count and any(not has_gpus(pool, catalogue) for pool in mine)
    return tuple(
        Placement(model.name, pool.name, (), (), "needs no GPU: its replicas go on the pools without")
        if spare and has_gpus(pool, catalogue)
        else _on_pool(model, pool, catalogue, region)
        for pool in mine
    )


def placements(blueprint: Blueprint, region: str | None = None) -> list[Placement]:
    """Return every model on each of its pools, in the project's order; none on `local` and `existing`."""
    if blueprint.platform in ("local", "existing"):
        return []
    catalogue = read(blueprint.platform)
    return [
        placement
        for index, model in enumerate(blueprint.models)
        for placement in place(model, blueprint.pools, catalogue, region=region, named=names_pools(blueprint, index))
    ]


def names_pools(blueprint: Blueprint, index: int) -> bool:
    """Return whether the project file itself names a model's pools."""
    return blueprint.values["models", index, "pools"].because is None


def has_gpus(pool: Pool, catalogue: Catalogue | None) -> bool:
    """Return whether any of a pool's nodes has a GPU."""
    types = [catalogue.instances.get(name) for name in pool.instances] if catalogue else []
    return bool(pool.gpu_count) or any(each is not None and each.gpu is not None for each in types)


def candidates(pool: Pool, catalogue: Catalogue) -> tuple[Instance, ...]:
    """Return the types that a pool's nodes may have: those it names, or all with its GPUs, or all plain ones."""
    known = catalogue.instances
    if pool.instances:
        return tuple(known[name] for name in dict.fromkeys(pool.instances) if name in known)
    if pool.gpu_count:
        having = [
            each
            for each in known.values()
            if each.gpu and each.gpu.count == pool.gpu_count and pool.gpu_type in (None, each.gpu.name)
        ]
        # images are built for x86_64; arm64 only where the GPU itself (T4g) is had no other way
        usual = tuple(each for each in having if each.arch == "x86_64")
        return usual if usual or pool.gpu_type is None else tuple(having)
    return tuple(each for each in known.values() if not each.gpu and not each.burstable and each.arch == "x86_64")


def _on_pool(model: Model, pool: Pool, catalogue: Catalogue | None, region: str | None) -> Placement:
    if catalogue is None:
        return Placement(model.name, pool.name, (), (), NO_CATALOGUE)
    fitting, refused = _judged(pool, model.compute, catalogue, region)
    return Placement(model.name, pool.name, fitting, refused, "" if fitting or refused else _nothing(pool, catalogue))


@lru_cache(maxsize=1024)
def _judged(
    pool: Pool, compute: Compute, catalogue: Catalogue, region: str | None
) -> tuple[tuple[Fit, ...], tuple[Refusal, ...]]:
    where = region if region in catalogue.regions else None
    found = [
        Refusal(each.name, ("region",), f"is not offered in {where}")
        if where and where not in each.regions
        else priced(fits(each, compute, partitions=bool(pool.instances)), catalogue, where)
        for each in candidates(pool, catalogue)
    ]
    return (
        cheapest(each for each in found if isinstance(each, Fit)),
        tuple(each for each in found if isinstance(each, Refusal)),
    )


def priced(judged: Fit | Refusal, catalogue: Catalogue, region: str | None) -> Fit | Refusal:
    """Return a fit with its price in a region, where the catalogue knows any price there."""
    if isinstance(judged, Refusal) or region not in catalogue.price_regions:
        return judged
    return replace(judged, usd_hour=catalogue.usd_hour(judged.instance, region))


def cheapest(fitting: Iterable[Fit]) -> tuple[Fit, ...]:
    """Return fits by price, those without a known one last, then by name."""
    return tuple(
        sorted(fitting, key=lambda each: (math.inf if each.usd_hour is None else each.usd_hour, each.instance))
    )


def _nothing(pool: Pool, catalogue: Catalogue) -> str:
    """Say why a pool has no candidates at all."""
    if pool.instances:
        return f"the catalogue of {catalogue.facts_as_of} does not know its instance types"
    known = [each.gpu for each in catalogue.instances.values() if each.gpu and pool.gpu_type in (None, each.gpu.name)]
    counts = sorted({gpu.count for gpu in known})
    what = pool.gpu_type or "GPU"
    if not counts:
        return f"no type of {catalogue.cloud} has a GPU `{what}`"
    return (
        f"no type of {catalogue.cloud} has {pool.gpu_count} x {what}; there is {', '.join(map(str, counts))} x {what}"
    )


def gib(amount: int) -> str:
    """Return bytes as people compare them: `22.4Gi`, `12Gi`."""
    return f"{math.floor(amount / GIB * 10) / 10:g}Gi"


def described(
    placement: Placement, catalogue: Catalogue | None, *, region: str | None = None, refused: int = 5
) -> list[str]:
    """Return a placement as lines for people: the types that fit, and at most `refused` that do not."""
    head = f"{placement.model} on {placement.pool}"
    if placement.note:
        return [f"{head}: {placement.note}"]
    count = len(placement.fits)
    lines = [f"{head}: {count or 'no'} instance type{'' if count == 1 else 's'} fit{'s' if count == 1 else ''}"]
    shown = placement.refusals[:refused]
    names = [each.instance for each in placement.fits] + [each.instance for each in shown]
    width = max(16, *map(len, names)) if names else 16
    for each in placement.fits:
        price = "price unknown" if each.usd_hour is None else f"${each.usd_hour:.4f} an hour"
        replicas = f"{each.replicas} replica{'s' if each.replicas > 1 else ''} a node"
        lines.append(f"  {each.instance:<{width}} {price:<18} {replicas}")
    lines += [f"  {each.instance:<{width}} no: {each.reason}" for each in shown]
    more = len(placement.refusals) - refused
    lines += [f"  and {more} more that do not fit"] if more > 0 else []
    if catalogue and placement.fits:
        where = region if region in catalogue.price_regions else catalogue.price_region
        lines.append(f"  on demand in {where}, as of {catalogue.prices_as_of}")
    return lines
