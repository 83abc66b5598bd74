"""Make `gcp.json`: python tools/catalogue/gcp.py FACTS PRICES GPU_PRICES > generator/workaday/catalog/gcp.json.

FACTS: the root of google-cloud-pricing-cost-calculator; PRICES: `initial-prices.json` of karpenter-provider-gcp;
GPU_PRICES: `gce_price_info.go` of the Kubernetes autoscaler. README.md says where they are.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from common import CARD_MIB, Pool, aligned, text

AS_OF = {"facts": "2026-08-17", "prices": "2026-08-03", "zones": "2023-05-02"}
PRICE_REGION = "us-central1"
PODS = 110  # what GKE gives a node's pods addresses for unless told otherwise
CPU_FAMILIES = ("e2", "n1", "n2", "n2d", "n4", "n4d", "c2", "c2d", "c3", "c3d", "c4", "c4d", "t2d", "t2a", "c4a")
ARM = ("t2a", "c4a")
PLAIN = re.compile(r"-(standard|highmem|highcpu)-\d+$|^e2-(micro|small|medium)$")
# By machine type: the card, its GB, how many, the accelerator that a node pool names.
BUILT_IN: Mapping[str, tuple[str, int, int, str]] = {
    **{f"g2-standard-{vcpu}": ("L4", 24, count, "nvidia-l4")
       for vcpu, count in ((4, 1), (8, 1), (12, 1), (16, 1), (24, 2), (32, 1), (48, 4), (96, 8))},
    **{f"g4-standard-{48 * count}": ("RTX PRO 6000", 96, count, "nvidia-rtx-pro-6000") for count in (1, 2, 4, 8)},
    **{f"a2-highgpu-{count}g": ("A100", 40, count, "nvidia-tesla-a100") for count in (1, 2, 4, 8)},
    "a2-megagpu-16g": ("A100", 40, 16, "nvidia-tesla-a100"),
    **{f"a2-ultragpu-{count}g": ("A100", 80, count, "nvidia-a100-80gb") for count in (1, 2, 4, 8)},
    **{f"a3-highgpu-{count}g": ("H100", 80, count, "nvidia-h100-80gb") for count in (1, 2, 4, 8)},
    "a3-megagpu-8g": ("H100", 80, 8, "nvidia-h100-mega-80gb"),
    "a3-ultragpu-8g": ("H200", 141, 8, "nvidia-h200-141gb"),
    "a4-highgpu-8g": ("B200", 180, 8, "nvidia-b200"),
}  # fmt: skip
# Not to be had on demand: only as spot, or by a reservation.
NO_ON_DEMAND = ("a3-highgpu-1g", "a3-highgpu-2g", "a3-highgpu-4g", "a3-ultragpu-8g", "a4-highgpu-8g")
# Cards for N1 machines: GB, accelerator, and by count the most vCPUs of the machine.
ATTACHED: Mapping[str, tuple[int, str, Mapping[int, int]]] = {
    "T4": (16, "nvidia-tesla-t4", {1: 48, 2: 48, 4: 96}),
    "P4": (8, "nvidia-tesla-p4", {1: 24, 2: 48, 4: 96}),
    "V100": (16, "nvidia-tesla-v100", {1: 12, 2: 24, 4: 48, 8: 96}),
    "P100": (16, "nvidia-tesla-p100", {1: 16, 2: 32, 4: 64}),
}
HOSTS = re.compile(r"n1-(standard-(4|8|16|32|64|96)|highmem-(4|8|16|32))")
VCPUS_A_CARD = 4  # fewer are allowed, and starve the cards


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Give each line of one of the semicolon-separated files."""
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file, delimiter=";")


def by_name(path: Path) -> dict[str, set[str]]:
    """Return the places (regions or zones) of each name in a file."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows(path):
        found[row["NAME"]].add(row["ZONE"])
    return found


def local_disks(machines: str) -> dict[str, int]:
    """Return the GB of local disks that come with a machine type, from the calculator's table of machines."""
    found: dict[str, int] = {}
    for part in re.split(r"\n(?=    [a-z])", machines):
        if size := re.search(r"^      local-ssd: (\d+)", part, re.MULTILINE):
            found[part.strip().partition(":")[0]] = int(size[1])
    return found


def region_zones(path: Path) -> dict[str, list[str]]:
    """Return each region's zones."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in rows(path):
        found[row["REGION"]].append(row["NAME"])
    return {region: sorted(found[region]) for region in sorted(found)}


class Table:
    """The rows so far, and what they are made from."""

    def __init__(self, facts: Path, prices: dict[str, dict[str, float]]) -> None:
        self.regions, self.zones = (by_name(facts / f"machinetype{place}.csv") for place in ("region", "zone"))
        self.card_regions, self.card_zones = (
            by_name(facts / f"acceleratortype{place}.csv") for place in ("region", "zone")
        )
        self.prices = prices
        self.priced = sorted(prices, key=lambda region: (region != PRICE_REGION, region))
        self.offered, self.zoned = Pool(), Pool()
        self.rows: dict[str, Any] = {}

    def add(self, name: str, row: Mapping[str, Any], machine: str, accelerator: str | None = None) -> None:
        """Add a type; `accelerator` is that of cards attached to it, which narrows where it is had.

        The zones are older than the regions: those of a region that has the type no more are dropped.
        """
        regions, zones = self.regions[machine], self.zones[machine]
        if accelerator:
            regions, zones = regions & self.card_regions[accelerator], zones & self.card_zones[accelerator]
        pairs = {(region, zone) for zone in zones if (region := zone.rpartition("-")[0]) in regions}
        self.rows[name] = {**row, "offered": self.offered.add(regions)}
        if pairs and "gpu" in row:
            self.rows[name]["zoned"] = self.zoned.add_zones(pairs)
        self.rows[name]["usd"] = aligned(self.prices, self.priced, name)


def main(facts: Path, price_file: Path, gpu_price_file: Path) -> str:
    """Return the data file."""
    by_region = json.loads(price_file.read_text())["prices"]
    disks = local_disks((facts / "build" / "gcp.yml").read_text())
    facts = facts / "tools"
    table = Table(facts, {region: dict(found["on_demand"]) for region, found in by_region.items()})
    gpu_prices = {
        name: float(price)
        for name, price in re.findall(r'"(nvidia-[\w-]+)":\s*([\d.]+)', between(gpu_price_file.read_text()))
    }
    for machine in sorted(rows(facts / "machinetypes.csv"), key=by_size):
        name, family = machine["NAME"], machine["NAME"].partition("-")[0]
        if not table.regions[name]:
            continue
        base: dict[str, Any] = {
            "arch": "arm64" if family in ARM else "x86_64",
            "vcpu": int(machine["CPUS"]),
            "memory_mib": int(float(machine["MEMORY_GB"]) * 1024),
        }
        if name in BUILT_IN:
            only_spot = {"capacities": ["spot"]} if name in NO_ON_DEMAND else {}
            disk = {"local_ssd_gb": disks[name]} if name in disks else {}
            table.add(name, {**base, "gpu": gpu(*BUILT_IN[name]), **disk, **only_spot}, name)
        elif family in CPU_FAMILIES and PLAIN.search(name):
            table.add(name, {**base, **({"burstable": True} if machine["SHARED_CPU"] == "True" else {})}, name)
            if HOSTS.fullmatch(name):
                attach(table, name, base, gpu_prices)
    head = {
        "cloud": "gcp", "as_of": AS_OF, "price_region": PRICE_REGION, "price_regions": table.priced, "pods": PODS,
        "region_zones": region_zones(facts / "zones.csv"),
    }  # fmt: skip
    return text(head, {"offerings": table.offered, "zones": table.zoned}, table.rows)


def attach(table: Table, host: str, base: Mapping[str, Any], gpu_prices: Mapping[str, float]) -> None:
    """Add a machine with each number of each card that can be attached to it."""
    here = table.prices[PRICE_REGION]
    for card, (gb, accelerator, most) in ATTACHED.items():
        for count, vcpus in most.items():
            if not count * VCPUS_A_CARD <= base["vcpu"] <= vcpus:
                continue
            name = f"{host}+{count}x{card}"
            if host in here and accelerator in gpu_prices:
                here[name] = here[host] + count * gpu_prices[accelerator]
            table.add(name, {**base, "gpu": gpu(card, gb, count, accelerator)}, host, accelerator)


def gpu(name: str, gb: int, count: int, accelerator: str) -> dict[str, Any]:
    """Return the GPU's part of a row."""
    return {"name": name, "count": count, "memory_mib": CARD_MIB[name, gb], "accelerator": accelerator}


def between(source: str) -> str:
    """Return the autoscaler's table of the GPUs' on-demand prices."""
    return source.partition("\tgpuPrices = ")[2].partition("}")[0]


def by_size(row: Mapping[str, str]) -> tuple[str, str, int]:
    """Order types by family, kind and vCPUs."""
    family, _, rest = row["NAME"].partition("-")
    return family, rest.rstrip("0123456789g"), int(row["CPUS"])


if __name__ == "__main__":
    sys.stdout.write(main(*map(Path, sys.argv[1:4])))
