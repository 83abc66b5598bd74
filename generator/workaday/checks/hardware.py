"""Hardware by name: what the cloud does not have, or of which nothing is known (C205, C206)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from workaday.blueprint.model import Blueprint
from workaday.catalog import CLOUDS, Catalogue, read
from workaday.project.diagnostics import Diagnostic, KeyPath
from workaday.project.spelling import closest

if TYPE_CHECKING:
    from workaday.project import Loaded

_INSTANCE = re.compile(r"[a-z][a-z0-9-]*\.[a-z0-9-]+")


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


def no_catalogue(loaded: Loaded, blueprint: Blueprint) -> list[Diagnostic]:
    """C206: a cloud of which no instance types are known, so that nothing is checked against them."""
    if blueprint.platform not in CLOUDS or read(blueprint.platform):
        return []
    return [
        Diagnostic(
            "C206",
            f"no catalogue for {blueprint.platform} yet: what fits where is not checked",
            ("platform", "kind"),
            severity="warning",
        )
    ]


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
    family = name.partition(".")[0]
    siblings = [each.name for each in catalogue.instances.values() if each.family == family]
    guess = closest(name, siblings or catalogue.instances)
    label = f"did you mean `{guess}`?" if guess else ""
    if siblings or not _INSTANCE.fullmatch(name):
        hints = (f"{family} comes as: {', '.join(siblings)}",) if siblings else ("such as `g6.xlarge`",)
        return Diagnostic("C205", f"{catalogue.cloud} has no instance type `{name}`", path, label, hints=hints)
    return Diagnostic(
        "C205",
        f"the catalogue of {catalogue.facts_as_of} does not have `{name}`: what fits on it is not checked",
        path,
        label,
        severity="warning",
    )


CHECKS: tuple[Callable[[Loaded, Blueprint], list[Diagnostic]], ...] = (unknown_hardware, no_catalogue)
