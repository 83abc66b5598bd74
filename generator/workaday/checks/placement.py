"""What no instance type of the clouds can hold (C201 to C204): each function is one code."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workaday.blueprint.model import Blueprint, Compute, Model, Pool
from workaday.blueprint.placement import Fit, Placement, Refusal, cheapest, fits, gib, names_pools, place, priced
from workaday.catalog import Catalogue, read
from workaday.project.diagnostics import Diagnostic, KeyPath, Label

if TYPE_CHECKING:
    from workaday.project import Loaded


@dataclass(frozen=True)
class _Placed:
    """One model with its placements; `known` is false where a name that C205 reports keeps them from being judged."""

    index: int
    model: Model
    named: bool
    known: bool
    placements: tuple[Placement, ...]

    @property
    def failing(self) -> tuple[Placement, ...]:
        """The pools that are to blame: each named one where nothing fits, or all if the model fits nowhere."""
        empty = tuple(each for each in self.placements if not each.fits)
        return empty if self.named or len(empty) == len(self.placements) else ()

    @property
    def short_of_gpu_memory(self) -> tuple[Placement, ...]:
        """Those where some type lacks GPU memory and nothing else."""
        return tuple(
            each for each in self.failing if any(refusal.lacks == ("gpu_memory",) for refusal in each.refusals)
        )


def fits_nothing(loaded: Loaded, blueprint: Blueprint) -> list[Diagnostic]:
    """C201: a pool where no instance type has room for a replica."""
    found = []
    for each in _placed(loaded, blueprint):
        short = each.short_of_gpu_memory
        failing = [placement for placement in each.failing if placement not in short]
        if not each.named:  # one finding for all of them, with the reason of one that has types to speak of
            failing = [] if short else sorted(failing, key=lambda placement: not placement.refusals)[:1]
        for placement in failing:
            path: KeyPath = ("models", each.index, "compute")
            if each.named:
                path = ("models", each.index, "pools", each.model.pools.index(placement.pool))
            where = f"pool `{placement.pool}`" if each.named else "any pool"
            found.append(
                Diagnostic(
                    "C201",
                    f"`{each.model.name}` fits no instance type of {where}",
                    path,
                    _why(placement, blueprint),
                    hints=_instead(each.model, blueprint, loaded),
                    secondary=_declared(blueprint, placement.pool),
                )
            )
    return found


def gpu_memory(loaded: Loaded, blueprint: Blueprint) -> list[Diagnostic]:
    """C202: more GPU memory than a replica's GPUs have."""
    found = []
    for each in _placed(loaded, blueprint):
        if not (short := each.short_of_gpu_memory):
            continue
        needed = each.model.compute.gpu_memory_bytes
        compute = loaded.project.models[each.index].compute
        stated = bool(compute and compute.gpu and compute.gpu.memory)
        tail: KeyPath = ("compute", "gpu", "memory") if stated else ("weights", "size")
        what = "it needs" if stated else "its weights need"
        if needed is None:
            tail, amount = ("compute", "gpu"), "its GPU memory is not known, and only parts of a card are left"
        else:
            amount = f"{what} {gib(needed)} of GPU memory"
        hints = _instead(each.model, blueprint, loaded)
        if not stated and needed is not None:
            hints += ("if they take less once loaded, say so: `compute.gpu.memory`",)
        found.append(
            Diagnostic(
                "C202",
                f"`{each.model.name}` cannot fit on pool `{short[0].pool}`: {amount}",
                ("models", each.index, *tail),
                _why(short[0], blueprint),
                hints=hints,
                secondary=tuple(label for placement in short for label in _declared(blueprint, placement.pool)),
            )
        )
    return found


def too_many_replicas(loaded: Loaded, blueprint: Blueprint) -> list[Diagnostic]:
    """C203: more replicas than the nodes of a pool can hold, of one model or of all that share it."""
    found = []
    alone: dict[str, list[tuple[Model, int]]] = {}
    for each in _placed(loaded, blueprint):
        room = _room(each, blueprint)
        if room is None or each.failing:
            continue
        fitting = [placement for placement in each.placements if placement.fits]
        model = each.model
        if model.scale.max > room:
            gpus = f" of {model.compute.gpu_count} GPU{'s' * (model.compute.gpu_count > 1)} each"
            found.append(
                Diagnostic(
                    "C203",
                    f"`{model.name}` scales to {model.scale.max} replicas{gpus if model.compute.gpu_count else ''}; "
                    f"there is room for {room}",
                    ("models", each.index, "scale", "max"),
                    f"at most {room}",
                    hints=("or raise the pool's `nodes.max`",),
                    secondary=tuple(_at_most(blueprint, placement) for placement in fitting),
                )
            )
        elif len(fitting) == 1:
            alone.setdefault(fitting[0].pool, []).append((model, _per_node(fitting[0])))
    return found + [
        shared for pool, users in alone.items() if len(users) > 1 and (shared := _shared(blueprint, pool, users))
    ]


def no_room_to_surge(loaded: Loaded, blueprint: Blueprint) -> list[Diagnostic]:
    """C204: a rollout that adds replicas where no node is left for them, and may take none away."""
    found = []
    for each in _placed(loaded, blueprint):
        room = _room(each, blueprint)
        scale, rollout = each.model.scale, each.model.rollout
        surge = _count(rollout.max_surge, scale.max, up=True)
        if room is None or each.failing or not surge or _count(rollout.max_unavailable, scale.max, up=False):
            continue
        if scale.max <= room < scale.max + surge:
            written = loaded.project.models[each.index].rollout
            given = bool(written and written.max_surge is not None)
            fitting = [placement for placement in each.placements if placement.fits]
            found.append(
                Diagnostic(
                    "C204",
                    f"`{each.model.name}` cannot be rolled out at `scale.max` {scale.max}: "
                    f"there is no room for {surge} more, and none may be unavailable",
                    ("models", each.index, *(("rollout", "max_surge") if given else ("scale", "max"))),
                    f"{scale.max} and {surge} are {scale.max + surge}; there is room for {room}",
                    hints=("`rollout: {max_surge: 0, max_unavailable: 1}`, or raise the pool's `nodes.max`",),
                    secondary=tuple(_at_most(blueprint, placement) for placement in fitting),
                )
            )
    return found


def _placed(loaded: Loaded, blueprint: Blueprint) -> Iterator[_Placed]:
    """Give each model that can be judged, with the GPU memory that its weights' size implies."""
    if (catalogue := read(blueprint.platform)) is None:
        return
    region = getattr(loaded.project.platform, "region", None)
    unknown = {
        pool.name
        for pool in blueprint.pools
        if pool.gpu_type not in (None, *catalogue.gpu_names) or not catalogue.instances.keys() >= set(pool.instances)
    }
    for index, (model, written) in enumerate(zip(blueprint.models, loaded.project.models, strict=True)):
        if model.compute.gpu_type not in (None, *catalogue.gpu_names):
            continue
        if model.compute.gpu_count and model.compute.gpu_memory_bytes is None and written.weights:
            model = replace(model, compute=replace(model.compute, gpu_memory_bytes=written.weights.size))
        named = names_pools(blueprint, index)
        known = unknown.isdisjoint(model.pools)
        pools = [pool for pool in blueprint.pools if pool.name not in unknown]
        if known or named:
            yield _Placed(index, model, named, known, place(model, pools, catalogue, region=region, named=named))


def _room(each: _Placed, blueprint: Blueprint) -> int | None:
    """Return how many replicas a model's pools hold if it has them alone; None where that cannot be said.

    A derived pool is as large as its models ask for; how many pods share a GPU is not in the project file.
    """
    pools = {pool.name: pool for pool in blueprint.pools}
    mine = [pools[name] for name in each.model.pools]
    if not each.known or any(pool.derived or pool.share != "none" for pool in mine):
        return None
    return sum(pools[placement.pool].nodes_max * _per_node(placement) for placement in each.placements)


def _per_node(placement: Placement) -> int:
    return max((fit.replicas for fit in placement.fits), default=0)


def _shared(blueprint: Blueprint, name: str, users: Sequence[tuple[Model, int]]) -> Diagnostic | None:
    index, pool = _pool(blueprint, name)

    def nodes(replicas: Callable[[Model], int]) -> int:
        return math.ceil(sum(replicas(model) / per_node for model, per_node in users))

    least, most = nodes(lambda model: model.scale.min), nodes(lambda model: model.scale.max)
    if most <= pool.nodes_max:
        return None
    never = least > pool.nodes_max
    who = ", ".join(f"`{model.name}`" for model, _ in users)
    return Diagnostic(
        "C203",
        f"{who} share pool `{name}`: with {'even `scale.min`' if never else '`scale.max`'} replicas each they take "
        f"{least if never else most} nodes",
        ("pools", index, "nodes", "max"),
        f"at most {pool.nodes_max}",
        severity="error" if never else "warning",
    )


def _count(amount: int | str, of: int, *, up: bool) -> int:
    """Return a count, or a percentage of replicas as Kubernetes rounds it."""
    if isinstance(amount, int):
        return amount
    share = float(amount.rstrip("%")) * of / 100
    return math.ceil(share) if up else math.floor(share)


def _why(placement: Placement, blueprint: Blueprint) -> str:
    """Return the reason of the type that comes closest: with the fewest shortfalls, and of what it lacks the most."""
    catalogue = read(blueprint.platform)
    if placement.note or catalogue is None:
        return placement.note

    def closeness(refusal: Refusal) -> tuple[int, int, int]:
        instance = catalogue.instances[refusal.instance]
        gpu_memory = instance.gpu.memory_mib if instance.gpu else 0
        larger = not {"cpu", "memory"}.isdisjoint(refusal.lacks)
        return (-len(refusal.lacks), gpu_memory, instance.memory_mib if larger else -instance.memory_mib)

    best = max(placement.refusals, key=closeness)
    return f"{best.instance}: {best.reason}"


def _instead(model: Model, blueprint: Blueprint, loaded: Loaded) -> tuple[str, ...]:
    """Name the cheapest type of the cloud that would do: as it is asked for, else with more GPUs or with other ones."""
    if (catalogue := read(blueprint.platform)) is None:
        return ()
    region = getattr(loaded.project.platform, "region", None)
    asked = model.compute
    if best := _cheapest_for(asked, catalogue, region):
        return (f"the cheapest type with room for it is {best}",)
    hints = []
    if asked.gpu_count:
        more = (replace(asked, gpu_count=count) for count in range(asked.gpu_count + 1, 17))
        best = next((best for each in more if (best := _cheapest_for(each, catalogue, region))), "")
        hints += [f"more GPUs would do: {best}"] if best else []
        best = _cheapest_for(replace(asked, gpu_type=None), catalogue, region)
        hints += [f"another GPU would do: {best}"] if best else []
    return tuple(hints) or (f"no instance type of {catalogue.cloud} in {region} has room for it: ask for less",)


def _cheapest_for(compute: Compute, catalogue: Catalogue, region: str | None) -> str:
    """Return the cheapest type for some compute with its GPUs, such as `g6.12xlarge (4 x L4)`, or an empty text."""
    anywhere = region not in catalogue.regions
    where = None if anywhere else region
    best = cheapest(
        fit
        for each in catalogue.instances.values()
        if each.arch == "x86_64" and not each.burstable and bool(each.gpu) == bool(compute.gpu_count)
        if "on_demand" in each.capacities and (anywhere or region in each.regions)
        if isinstance(fit := priced(fits(each, compute), catalogue, where), Fit)
    )
    if not best:
        return ""
    gpu = catalogue.instances[best[0].instance].gpu
    return best[0].instance + (f" ({gpu.count} x {gpu.name})" if gpu else "")


def _declared(blueprint: Blueprint, name: str) -> tuple[Label, ...]:
    index, pool = _pool(blueprint, name)
    if pool.derived:
        return ()
    return (Label(("pools", index, "instances" if pool.instances else "accelerator"), "the pool is declared here"),)


def _at_most(blueprint: Blueprint, placement: Placement) -> Label:
    index, pool = _pool(blueprint, placement.pool)
    per_node = _per_node(placement)
    nodes = f"at most {pool.nodes_max} node{'s' * (pool.nodes_max > 1)}"
    return Label(("pools", index, "nodes", "max"), f"{nodes}, {per_node} replica{'s' * (per_node > 1)} on each")


def _pool(blueprint: Blueprint, name: str) -> tuple[int, Pool]:
    return next((index, pool) for index, pool in enumerate(blueprint.pools) if pool.name == name)


CHECKS: tuple[Callable[[Loaded, Blueprint], list[Diagnostic]], ...] = (
    fits_nothing,
    gpu_memory,
    too_many_replicas,
    no_room_to_surge,
)
