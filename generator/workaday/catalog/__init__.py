"""What the clouds rent: instance types, their GPUs and prices, as dated data with one reader."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

CLOUDS = ("aws", "gcp", "azure")


@dataclass(frozen=True, slots=True)
class Gpu:
    """The GPUs of an instance type.

    Attributes:
        name: as projects write it: `L4`.
        count: how many Kubernetes sees; a part of a card counts as one.
        memory_mib: of each, as the cloud states it: 22888 for an L4, not 24576.
        partition: how much of a card each is: 1.0, or 0.125 for an eighth.
    """

    name: str
    count: int
    memory_mib: int
    partition: float = 1.0


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance type.

    Attributes:
        name: `g6.xlarge`.
        arch: `x86_64` or `arm64`.
        vcpu: virtual CPUs.
        memory_mib: memory as the cloud states it, before anything takes its share.
        pods: the most pods, as many as its network interfaces have addresses for.
        gpu: its GPUs, or None.
        usd_hour: on demand in the catalogue's `price_region`; None is not known.
        burstable: its CPU is throttled once credits are spent.
        regions: where it is offered.
    """

    name: str
    arch: str
    vcpu: int
    memory_mib: int
    pods: int
    gpu: Gpu | None
    usd_hour: float | None
    burstable: bool
    regions: frozenset[str]

    @property
    def family(self) -> str:
        """`g6` of `g6.xlarge`."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, eq=False)
class Catalogue:
    """One cloud's instance types; two catalogues are equal only if they are the same object.

    Attributes:
        cloud: `aws`.
        facts_as_of, prices_as_of: ISO dates of the data.
        price_region: where the prices hold.
        regions: every region that the data knows.
        instances: by name.
    """

    cloud: str
    facts_as_of: str
    prices_as_of: str
    price_region: str
    regions: frozenset[str]
    instances: Mapping[str, Instance]

    @property
    def gpu_names(self) -> tuple[str, ...]:
        """Every GPU that can be rented, each once, in the order of the data."""
        return tuple(dict.fromkeys(each.gpu.name for each in self.instances.values() if each.gpu))

    @property
    def families(self) -> frozenset[str]:
        """Every instance family with a type here."""
        return frozenset(each.family for each in self.instances.values())


@cache
def read(cloud: str) -> Catalogue | None:
    """Return a cloud's catalogue, or None where there is none yet (check C206 says so)."""
    if cloud not in CLOUDS or not (path := Path(__file__).with_name(f"{cloud}.json")).is_file():
        return None
    return parse(json.loads(path.read_text("utf-8")))


def parse(data: Mapping[str, Any]) -> Catalogue:
    """Return the catalogue that a data file holds; its README says what each key means.

    Raises:
        KeyError, TypeError: the data has another shape.
    """
    offerings = [frozenset(regions) for regions in data["offerings"]]
    instances = {
        name: Instance(
            name=name,
            arch=row["arch"],
            vcpu=row["vcpu"],
            memory_mib=row["memory_mib"],
            pods=row["pods"],
            gpu=Gpu(**row["gpu"]) if "gpu" in row else None,
            usd_hour=row["usd_hour"],
            burstable=row.get("burstable", False),
            regions=offerings[row["offered"]],
        )
        for name, row in data["instances"].items()
    }
    as_of = data["as_of"]
    return Catalogue(
        cloud=data["cloud"],
        facts_as_of=as_of["facts"],
        prices_as_of=as_of["prices"],
        price_region=data["price_region"],
        regions=frozenset[str]().union(*offerings),
        instances=MappingProxyType(instances),
    )
