"""Hardware by name: what the cloud does not have, does not rent so, or has no one image for (C205, C206, C207)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from workaday.blueprint.model import Blueprint, Pool
from workaday.blueprint.placement import candidates
from workaday.catalog import Catalogue, Instance, family_of, read
from workaday.project.diagnostics import Diagnostic, KeyPath, Label
from workaday.project.spelling import closest

if TYPE_CHECKING:
    from workaday.project import Loaded

# What a type's name looks like on each cloud, and an example.
_FORMS = {
    "aws": (re.compile(r"[a-z][a-z0-9-]*\.[a-z0-9-]+"), "g6.xlarge"),
    "gcp": (re.compile(r"[a-z][a-z0-9]*-[a-z0-9-]+(\+\d+x[A-Z0-9]+)?"), "g2-standard-8"),
    "azure": (re.compile(r"Standard_[A-Z]+\d+[A-Za-z0-9_-]*"), "Standard_NC4as_T4_v3"),
}


def unknown_hardware(loaded: Loaded, blueprint: Blueprint) -> list[Diagnostic]:
    """C205: a GPU or an instance type that the cloud does not have."""
    if (catalogue := read(blueprint.platform)) is None:
        return []
    found = []
    for path, name in _gpus(loaded):
        if name not in catalogue.gpu_names:
            guess = closest(name, catalogue.gpu_names)
            found.append(
                Diagnostic(
                    "C205",
                    f"{catalogue.cloud} has no GPU `{name}`",
                    path,
                    f"did you mean `{guess}`?" if guess else "no instance type has it",
                    hints=(f"there is: {', '.join(catalogue.gpu_names)}",),
                )
            )
    return found + [
        _unknown_instance(path, name, catalogue) for path, name in _instances(loaded) if name not in catalogue.instances
    ]


def not_had_so(loaded: Loaded, blueprint: Blueprint) -> list[Diagnostic]:
    """C206: a pool of which no instance type can be had on spot, or on demand, as the pool asks."""
    if (catalogue := read(blueprint.platform)) is None:
        return []
    found = []
    for index, pool in enumerate(blueprint.pools):
        types = () if pool.derived or pool.reservation else candidates(pool, catalogue)
        if pool.spot and types and not any("spot" in each.capacities for each in types):
            found.append(_not_had(index, pool, types, "on spot", ("spot",), "remove `spot`, or name other types"))
        elif types and not any("on_demand" in each.capacities for each in types):
            if pool.spot is None:
                hint = "`spot: {fallback: none}`, or a reservation"
                found.append(_not_had(index, pool, types, "on demand", (), hint))
            elif pool.spot.on_demand_base or pool.spot.fallback == "on_demand":
                asked = "on_demand_base" if pool.spot.on_demand_base else "fallback"
                hint = "`spot: {fallback: none}`: its nodes then come from spot alone"
                found.append(_not_had(index, pool, types, "on demand", ("spot", asked), hint))
    return found


def _not_had(index: int, pool: Pool, types: Sequence[Instance], how: str, tail: KeyPath, hint: str) -> Diagnostic:
    shape: KeyPath = ("instances",) if pool.instances else ("accelerator",)
    names = ", ".join(each.name for each in types[:3])
    return Diagnostic(
        "C206",
        f"pool `{pool.name}` asks for nodes {how}, and {types[0].cloud} does not rent its types so: {names}",
        ("pools", index, *(tail or shape)),
        hints=(hint,),
        secondary=(Label(("pools", index, *shape), "the pool is declared here"),) if tail else (),
    )


def unlike_machines(loaded: Loaded, blueprint: Blueprint) -> list[Diagnostic]:
    """C207: a pool that names machines with GPUs and without, or of two architectures."""
    if (catalogue := read(blueprint.platform)) is None:
        return []
    found, first = [], dict[KeyPath, tuple[KeyPath, Instance]]()
    for path, name in _instances(loaded):
        if (instance := catalogue.instances.get(name)) is None:
            continue
        start, model = first.setdefault(path[:-1], (path, instance))
        if _nature(instance) != _nature(model):
            message = f"`{name}` ({_nature(instance)}) and `{model.name}` ({_nature(model)}) cannot be one pool's nodes"
            label = Label(start, "the first of its types")
            found.append(Diagnostic("C207", message, path, "make a pool of its own for it", secondary=(label,)))
    return found


def _nature(instance: Instance) -> str:
    """Return what decides on the image and the taints of a node."""
    return f"{instance.arch}, {'GPUs' if instance.gpu else 'no GPU'}"


def _gpus(loaded: Loaded) -> Iterator[tuple[KeyPath, str]]:
    for index, pool in enumerate(loaded.project.pools):
        if pool.accelerator:
            yield ("pools", index, "accelerator", "type"), pool.accelerator.type
    for index, model in enumerate(loaded.project.models):
        if model.compute and model.compute.gpu and model.compute.gpu.type:
            yield ("models", index, "compute", "gpu", "type"), model.compute.gpu.type


def _instances(loaded: Loaded) -> Iterator[tuple[KeyPath, str]]:
    system = getattr(loaded.project.platform, "system", None)
    for number, name in enumerate(system.instances or () if system else ()):
        yield ("platform", "system", "instances", number), name
    for index, pool in enumerate(loaded.project.pools):
        for number, name in enumerate(pool.instances or ()):
            yield ("pools", index, "instances", number), name


def _unknown_instance(path: KeyPath, name: str, catalogue: Catalogue) -> Diagnostic:
    """An error where the family is known or the name is none; else the catalogue may just not have it."""
    family = family_of(name)
    form, example = _FORMS[catalogue.cloud]
    siblings = [each.name for each in catalogue.instances.values() if each.family == family]
    guess = closest(name, siblings or catalogue.instances)
    label = f"did you mean `{guess}`?" if guess else ""
    if siblings or not form.fullmatch(name):
        hints = (f"{family} comes as: {', '.join(siblings)}",) if siblings else (f"such as `{example}`",)
        return Diagnostic("C205", f"{catalogue.cloud} has no instance type `{name}`", path, label, hints=hints)
    return Diagnostic(
        "C205",
        f"the catalogue of {catalogue.facts_as_of} does not have `{name}`: what fits on it is not checked",
        path,
        label,
        severity="warning",
    )


CHECKS: tuple[Callable[[Loaded, Blueprint], list[Diagnostic]], ...] = (unknown_hardware, not_had_so, unlike_machines)
