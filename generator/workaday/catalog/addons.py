"""Charts of other projects that a cluster needs beside the models: one table of pins, and what goes with what."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("addons.json")


@dataclass(frozen=True, slots=True)
class Pin:
    """One chart, in one version.

    Attributes:
        name: the Helm release's, unique.
        addon: the key of project.yaml's `addons` that it belongs to.
        title: what people call it.
        chart: its name.
        source: the repository that has it: `oci://...` or `https://...`, without the chart's name.
        version: the chart's.
        app: the version of what it installs.
        sha256: of the packed chart, or None where that is not known.
        namespace: where it is installed.
        kubernetes: the first and the last minor version that it is for.
        needs: other pins and their least versions.
        groups: the API groups that it brings.
        kinds: definitions whose objects say that somebody uses it.
        images: what its pods run.
        when: what a project has to have for it: see blueprint/addons.py; "" is nothing more.
    """

    name: str
    addon: str
    title: str
    chart: str
    source: str
    version: str
    app: str
    sha256: str | None
    namespace: str
    kubernetes: tuple[str, str]
    needs: Mapping[str, str]
    groups: tuple[str, ...]
    kinds: tuple[str, ...]
    images: tuple[str, ...]
    when: str = ""

    @property
    def reference(self) -> str:
        """The chart as `helm pull` takes it, from a registry; from a repository it is `chart` with `--repo`."""
        return f"{self.source}/{self.chart}" if self.source.startswith("oci://") else self.chart


@cache
def pins() -> tuple[Pin, ...]:
    """Return every pin, in the order of installation."""
    return parse(json.loads(TABLE.read_text("utf-8")))


def bringer(group: str) -> Pin:
    """Return the pin whose chart brings the definitions of an API group."""
    return next(each for each in pins() if group in each.groups)


def parse(document: Mapping[str, Any]) -> tuple[Pin, ...]:
    """Return the pins of a table.

    Raises:
        ValueError: a pin needs one that is not before it, or is there twice.
    """
    found: list[Pin] = []
    for raw in document["pins"]:
        lists = {key: tuple(raw[key]) for key in ("kubernetes", "groups", "kinds", "images")}
        pin = Pin(**{**raw, **lists})
        known = {each.name for each in found}
        if pin.name in known or not set(pin.needs) <= known:
            raise ValueError(f"{pin.name} is there twice, or before what it needs")
        found.append(pin)
    return tuple(found)


def numbers(version: str) -> tuple[int, ...]:
    """Return a version as numbers, which compare as versions do: `v1.21.1` is (1, 21, 1)."""
    return tuple(int(each) for each in re.findall(r"\d+", version.partition("-")[0])[:3])


def spelled(version: str, like: str) -> str:
    """Return a version with the `v` that a chart's versions have, or without it."""
    plain = version.removeprefix("v")
    return f"v{plain}" if like.startswith("v") else plain
