"""What the clouds rent: instance types, their GPUs and prices, as dated data with one reader."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

CLOUDS = ("aws", "gcp", "azure")
USUAL = frozenset({"on_demand", "spot"})


@dataclass(frozen=True, slots=True)
class Gpu:
    """The GPUs of an instance type.

    Attributes:
        name: as projects write it: `L4`.
        count: how many Kubernetes sees; a part of a card counts as one.
        memory_mib: of each, as a driver shows it: 22888 for an L4, not 24576.
        partition: how much of a card each is: 1.0, or 0.125 for an eighth.
        accelerator: what Google Cloud calls it: `nvidia-l4`; None elsewhere.
    """

    name: str
    count: int
    memory_mib: int
    partition: float = 1.0
    accelerator: str | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance type.

    Attributes:
        name: `g6.xlarge`; cards that Google Cloud attaches to a machine are part of it: `n1-standard-4+1xT4`.
        arch: `x86_64` or `arm64`.
        vcpu: virtual CPUs.
        memory_mib: memory as the cloud states it, before anything takes its share.
        pods: the most pods, as many as its network has addresses for.
        gpu: its GPUs, or None.
        usd_hour: on demand in the catalogue's `price_region`; None is not known.
        burstable: it shares its CPU, or is throttled once credits are spent.
        regions: where it is offered.
        cloud: `aws`, `gcp` or `azure`.
        capacities: how it can be had: of `on_demand`, `spot` and `capacity_block`.
        network_gbps: what its network carries at any time; None is not known.
        local_ssd_gb: disks that come with it, in GB; None is none, or not known.
        usd: on demand in each of the catalogue's `price_regions`; shorter where the rest is not known.
        zones: by region; a region that is absent is not known.
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
    cloud: str = "aws"
    capacities: frozenset[str] = USUAL
    network_gbps: float | None = None
    local_ssd_gb: int | None = None
    usd: tuple[float | None, ...] = field(default=(), compare=False, repr=False)
    zones: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def family(self) -> str:
        """`g6` of `g6.xlarge`, see `family_of`."""
        return family_of(self.name)

    @property
    def machine(self) -> str:
        """What the cloud's API calls it: `n1-standard-4` of `n1-standard-4+1xT4`."""
        return self.name.partition("+")[0]

    def zones_in(self, region: str) -> tuple[str, ...] | None:
        """Return the zones of a region that have it: their names (gcp) or ids (aws); None is not known.

        A zone's name is each AWS account's own: only its id, such as `use1-az1`, is the same for all.
        """
        return self.zones.get(region)


@dataclass(frozen=True, eq=False)
class Catalogue:
    """One cloud's instance types; two catalogues are equal only if they are the same object.

    Attributes:
        cloud: `aws`.
        facts_as_of, prices_as_of: ISO dates of the data.
        price_region: where `Instance.usd_hour` holds.
        price_regions: the regions with prices, `price_region` first.
        regions: every region that the data knows.
        instances: by name.
        zones: a region's zones by name, where they are known; on AWS an account may lack some of them.
    """

    cloud: str
    facts_as_of: str
    prices_as_of: str
    price_region: str
    regions: frozenset[str]
    instances: Mapping[str, Instance]
    price_regions: tuple[str, ...] = ()
    zones: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def gpu_names(self) -> tuple[str, ...]:
        """Every GPU that can be rented, each once, in the order of the data."""
        return tuple(dict.fromkeys(each.gpu.name for each in self.instances.values() if each.gpu))

    @property
    def families(self) -> frozenset[str]:
        """Every instance family with a type here."""
        return frozenset(each.family for each in self.instances.values())

    def usd_hour(self, name: str, region: str) -> float | None:
        """Return what a type costs on demand in a region, in US dollars an hour; None is not known."""
        if region not in self.price_regions or name not in self.instances:
            return None
        usd, place = self.instances[name].usd, self.price_regions.index(region)
        return usd[place] if place < len(usd) else None

    def order(self, instance: Instance, region: str | None) -> tuple[bool, float, str]:
        """Return what sorts types by price: in the region where it is known there, else in `price_region`."""
        usd = self.usd_hour(instance.name, region) if region else None
        usd = instance.usd_hour if usd is None else usd
        return usd is None, usd or 0.0, instance.name


def family_of(name: str) -> str:
    """Return the family of an instance type of any cloud: `g6`, `n2`, `Standard_NCas_T4_v3` without its size."""
    if name.startswith("Standard_"):
        return re.sub(r"(?<=[A-Z])\d+", "", name, count=1)
    return re.split(r"\.|-(?:standard|high|mega|ultra|micro|small|medium)", name)[0]


@cache
def read(cloud: str) -> Catalogue | None:
    """Return a cloud's catalogue, or None for what is no cloud."""
    if cloud not in CLOUDS or not (path := Path(__file__).with_name(f"{cloud}.json")).is_file():
        return None
    return parse(json.loads(path.read_text("utf-8")))


def parse(data: Mapping[str, Any]) -> Catalogue:
    """Return the catalogue that a data file holds; its README says what each key means.

    Raises:
        KeyError, TypeError: the data has another shape.
    """
    offerings = [frozenset(regions) for regions in data["offerings"]]
    zones = [
        MappingProxyType({region: tuple(names) for region, names in found.items()}) for found in data.get("zones", ())
    ]
    nowhere: Mapping[str, tuple[str, ...]] = MappingProxyType({})

    def instance(name: str, row: Mapping[str, Any]) -> Instance:
        return Instance(
            name=name,
            arch=row["arch"],
            vcpu=row["vcpu"],
            memory_mib=row["memory_mib"],
            pods=row["pods"] if "pods" in row else data["pods"],
            gpu=Gpu(**row["gpu"]) if "gpu" in row else None,
            usd_hour=row["usd"][0] if row["usd"] else None,
            burstable=row.get("burstable", False),
            regions=offerings[row["offered"]],
            cloud=data["cloud"],
            capacities=frozenset(row["capacities"]) if "capacities" in row else USUAL,
            network_gbps=row.get("network_gbps"),
            local_ssd_gb=row.get("local_ssd_gb"),
            usd=tuple(row["usd"]),
            zones=zones[row["zoned"]] if "zoned" in row else nowhere,
        )

    as_of = data["as_of"]
    return Catalogue(
        cloud=data["cloud"],
        facts_as_of=as_of["facts"],
        prices_as_of=as_of["prices"],
        price_region=data["price_region"],
        regions=frozenset[str]().union(*offerings),
        instances=MappingProxyType({name: instance(name, row) for name, row in data["instances"].items()}),
        price_regions=tuple(data["price_regions"]),
        zones=MappingProxyType({region: tuple(names) for region, names in data.get("region_zones", {}).items()}),
    )
