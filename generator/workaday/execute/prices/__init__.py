"""Fetch prices for the types that a project uses, from its cloud, into `workaday.lock`: `workaday prices refresh`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workaday.execute import sdks
from workaday.foresight.locked import LOCK_NAME, RegionPrices, parse, with_prices
from workaday.project.diagnostics import Diagnostic, ProjectError

if TYPE_CHECKING:
    from workaday.blueprint.model import Blueprint
    from workaday.catalog import Catalogue, Instance

# (types, region, now) → prices; one module of this package a cloud, imported only when it is asked
Source = Callable[["Sequence[Instance]", str, datetime], RegionPrices]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What was fetched.

    Attributes:
        path: the lock.
        region: of which region.
        prices: what is in the lock now.
        unpriced: types for which there is neither price.
    """

    path: Path
    region: str
    prices: RegionPrices
    unpriced: tuple[str, ...]


def refresh(
    root: Path, blueprint: Blueprint, region: str | None, now: datetime, source: Source | None = None
) -> Refreshed:
    """Fetch a region's prices into the lock beside project.yaml, whose other sections stay as they are.

    Args:
        root: the folder of project.yaml.
        blueprint: the project.
        region: another than the project's, to compare.
        now: the time, with a zone.
        source: who is asked; by default the project's cloud.

    Raises:
        ProjectError: X130 to X134.
    """
    from workaday.catalog import read

    cloud, catalogue = blueprint.cloud, read(blueprint.platform)
    if cloud is None or catalogue is None:
        raise refused("X134", f"a project on `{blueprint.platform}` rents nothing that has a price", "")
    where = region or cloud.region
    if where not in catalogue.regions:
        raise refused(
            "X134", f"{cloud.kind} has no region `{where}`", f"there is: {', '.join(sorted(catalogue.regions))}"
        )
    path = root / LOCK_NAME
    parse(text_of(path))  # before anyone is asked
    types = [each for each in wanted(blueprint, catalogue) if where in each.regions]
    prices = (source or source_of(cloud.kind))(types, where, now)
    replace_text(path, with_prices(text_of(path), cloud.kind, where, prices))
    unpriced = tuple(each.name for each in types if each.name not in prices.on_demand and each.name not in prices.spot)
    return Refreshed(path, where, prices, unpriced)


def wanted(blueprint: Blueprint, catalogue: Catalogue) -> tuple[Instance, ...]:
    """Return the types that a project's nodes may have, each once."""
    from workaday.blueprint.node_groups import capacities
    from workaday.foresight.cost import types_of

    cloud = blueprint.cloud
    system = (
        [catalogue.instances[name] for name in cloud.system.instances if name in catalogue.instances] if cloud else []
    )
    nodes = [
        each
        for pool in blueprint.pools
        for capacity, _, _ in capacities(pool)
        for each in types_of(pool, capacity, blueprint, catalogue)
    ]
    return tuple({each.name: each for each in (*system, *nodes)}.values())


def source_of(cloud: str) -> Source:
    """Return who is asked for a cloud's prices."""
    fetch: Source = import_module(f"workaday.execute.prices.{cloud}").fetch
    return fetch


def sdk(module: str) -> Any:
    """Return a cloud's SDK, which is installed only where it is asked for.

    Raises:
        ProjectError: X130, it is not installed.
    """
    return sdks.sdk(module, f"prices of {sdks.EXTRAS[module]} are asked for")


def refused(code: str, message: str, hint: str) -> ProjectError:
    """Return one finding as an error."""
    return ProjectError([Diagnostic(code, message, hints=(hint,) if hint else ())])


def text_of(path: Path) -> str | None:
    """Return a file's text, or None where there is none.

    Raises:
        ProjectError: X133, it cannot be read.
    """
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise refused("X133", f"cannot read {path.name}: {error}", "it is a JSON file beside project.yaml") from None


def replace_text(path: Path, text: str) -> None:
    """Write a file all at once: who reads it meanwhile sees the old one or the new one.

    Raises:
        ProjectError: X133, it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, "utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise refused("X133", f"cannot write {path.name}: {error.strerror}", "") from None
