"""Which versions of controllers go together (C8xx): with each other, and with Kubernetes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from workaday.catalog.addons import Pin, numbers, pins
from workaday.project.diagnostics import Diagnostic, KeyPath

if TYPE_CHECKING:
    from workaday.blueprint.model import Blueprint
    from workaday.project import Loaded


def check(loaded: Loaded, blueprint: Blueprint) -> list[Diagnostic]:
    """Return what the rules find in a project's add-ons."""
    if blueprint.addons is None:
        return []
    chosen = {each.pin.name: each.pin for each in blueprint.addons.every}
    version = blueprint.cloud.kubernetes if blueprint.cloud else getattr(loaded.project.platform, "kubernetes", None)
    pinned = {each.name: each for each in pins()}
    found = [*not_here(chosen, blueprint), *no_charts(loaded, blueprint)]
    for pin in chosen.values():
        if not is_definitions(pin):
            found += too_old_or_new(pin, version)
        found += not_together(pin, pinned[pin.name], chosen)
        found += not_the_pinned(pin, pinned[pin.name])
    return found


def not_here(chosen: Mapping[str, Pin], blueprint: Blueprint) -> Iterator[Diagnostic]:
    """C804: an add-on where no Terraform of ours has made the role that it needs."""
    for name, made in (("karpenter", "a role, a queue"), ("external-dns", "a role that may write the name")):
        if name in chosen and blueprint.cloud is None:
            message = f"{chosen[name].title} needs what Terraform makes on aws: {made}"
            yield Diagnostic("C804", message, at(chosen[name]), "write `existing`, or leave it out")


def no_charts(loaded: Loaded, blueprint: Blueprint) -> Iterator[Diagnostic]:
    """C805: a folder of charts that is not there."""
    folder = blueprint.addons.charts if blueprint.addons else None
    if folder is not None and not (loaded.root / Path(folder).expanduser()).is_dir():
        hints = ("`helm pull` the charts into it: docs/addons.md", "or leave it out: they are fetched")
        yield Diagnostic("C805", f"there is no folder {folder}", ("addons", "charts"), "no such folder", hints=hints)


def too_old_or_new(pin: Pin, kubernetes: str | None) -> Iterator[Diagnostic]:
    """C801: an add-on that is not for this Kubernetes."""
    first, last = pin.kubernetes
    if kubernetes is None or numbers(first) <= numbers(kubernetes) <= numbers(last):
        return
    message = f"{pin.title} {pin.version} is for Kubernetes {first} to {last}, not {kubernetes}"
    yield Diagnostic("C801", message, at(pin), hints=("another version of one of them",))


def not_together(pin: Pin, pinned: Pin, chosen: dict[str, Pin]) -> Iterator[Diagnostic]:
    """C802: an add-on that needs another one in a later version; of one that is there already, none is known."""
    for name, least in pin.needs.items():
        other = chosen.get(name)
        if other and other.addon == pin.addon and numbers(other.version) == numbers(pin.version):
            continue  # definitions in the version of what reads them, older than the table's
        if other and numbers(other.version) < numbers(least):
            which = pin.title if pin.version == pinned.version else f"{pin.title} {pin.version}"  # one that is written
            message = f"{which} needs {other.title} {least} or later, and that is {other.version}"
            yield Diagnostic("C802", message, at(other), hints=("leave the versions out: those of the table fit",))


def not_the_pinned(pin: Pin, pinned: Pin) -> Iterator[Diagnostic]:
    """C803: a version that nothing here was tested with."""
    if pin.version == pinned.version or is_definitions(pin):
        return
    message = f"{pin.title} {pin.version} is not the version that is tested with the others: {pinned.version}"
    yield Diagnostic("C803", message, (*at(pin), "version"), severity="warning")


def is_definitions(pin: Pin) -> bool:
    """Return whether a chart is another one's definitions: they have the version of what reads them, which is told."""
    return pin.chart.endswith("-crd") or pin.name == "gateway-crds"


def at(pin: Pin) -> KeyPath:
    """Return the key path of an add-on."""
    return ("addons", pin.addon)
