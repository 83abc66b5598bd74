"""Make `azure.json`: python tools/catalogue/azure.py TYPES PRICES > generator/workaday/catalog/azure.json.

TYPES: `azure_instance_types.go` of the Kubernetes autoscaler; PRICES: `zz_generated.pricing.go` of
karpenter-provider-azure. README.md says where they are.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common import CARD_MIB, Pool, aligned, text

AS_OF = {"facts": "2026-03-17", "prices": "2026-06-18"}
PRICE_REGION = "eastus"
PODS = 110  # AKS reserves memory for each pod that a node may have; its node pools are made with this many
CPU = re.compile(r"Standard_(?:[DE]\d+(?:a?l?|pl?)d?s_v[56]|F\d+s_v2|F\d+a[lm]?s_v6|B\d+[ap]?l?s_v2)")
TYPE = re.compile(
    r'InstanceType: "([^"]+)",\s*SkuFamily:\s+"[^"]*",\s*VCPU:\s+(\d+),\s*MemoryMb:\s+(\d+),\s*GPU:\s+\d+,'
    r'\s*Architecture:\s*"(\w+)"'
)
# By size: the card, its GB, how many, and what part of a card each is.
GPUS: Mapping[str, tuple[str, int, int, float]] = {
    "NC4as_T4_v3": ("T4", 16, 1, 1), "NC8as_T4_v3": ("T4", 16, 1, 1), "NC16as_T4_v3": ("T4", 16, 1, 1),
    "NC64as_T4_v3": ("T4", 16, 4, 1),
    "NV6ads_A10_v5": ("A10", 24, 1, 1 / 6), "NV12ads_A10_v5": ("A10", 24, 1, 1 / 3),
    "NV18ads_A10_v5": ("A10", 24, 1, 1 / 2), "NV36ads_A10_v5": ("A10", 24, 1, 1),
    "NV36adms_A10_v5": ("A10", 24, 1, 1), "NV72ads_A10_v5": ("A10", 24, 2, 1),
    "NC24ads_A100_v4": ("A100", 80, 1, 1), "NC48ads_A100_v4": ("A100", 80, 2, 1), "NC96ads_A100_v4": ("A100", 80, 4, 1),
    "ND96asr_v4": ("A100", 40, 8, 1), "ND96amsr_A100_v4": ("A100", 80, 8, 1),
    "NC40ads_H100_v5": ("H100", 94, 1, 1), "NC80adis_H100_v5": ("H100", 94, 2, 1),
    "ND96isr_H100_v5": ("H100", 80, 8, 1), "ND96isr_H200_v5": ("H200", 141, 8, 1),
}  # fmt: skip
# A part of a card is a virtual GPU with a frame buffer of so many GB.
PART_MIB = {1 / 6: 4096, 1 / 3: 8192, 1 / 2: 12288}


def main(types: Path, price_file: Path) -> str:
    """Return the data file."""
    prices: dict[str, dict[str, float]] = {}
    for line in price_file.read_text().splitlines():
        if region := re.search(r'initialOnDemandPrices\["(\w+)"\] = ', line):
            current = prices.setdefault(region[1], {})
        elif price := re.match(r'\s*"([^"]+)":\s*([\d.]+),', line):
            current[price[1]] = float(price[2])
    regions = sorted(prices, key=lambda region: (region != PRICE_REGION, region))
    offered = Pool()
    found: dict[str, Any] = {}
    for name, vcpu, memory, arch in sorted(TYPE.findall(types.read_text()), key=by_size):
        size = name.removeprefix("Standard_")
        selling = [region for region in regions if name in prices[region]]
        if (size not in GPUS and not CPU.fullmatch(name)) or not selling:
            continue
        row: dict[str, Any] = {
            "arch": "arm64" if arch == "arm64" else "x86_64", "vcpu": int(vcpu), "memory_mib": int(memory),
        }  # fmt: skip
        if size in GPUS:
            row["gpu"] = gpu(*GPUS[size])
        if size.startswith("B"):
            row |= {"burstable": True, "capacities": ["on_demand"]}
        found[name] = {**row, "offered": offered.add(selling), "usd": aligned(prices, regions, name)}
    head = {
        "cloud": "azure", "as_of": AS_OF, "price_region": PRICE_REGION, "price_regions": regions, "pods": PODS,
    }  # fmt: skip
    return text(head, {"offerings": offered}, found)


def gpu(name: str, gb: int, count: int, part: float) -> dict[str, Any]:
    """Return the GPU's part of a row."""
    if part == 1:
        return {"name": name, "count": count, "memory_mib": CARD_MIB[name, gb]}
    return {"name": name, "count": count, "memory_mib": PART_MIB[part], "partition": round(part, 4)}


def by_size(row: tuple[str, str, str, str]) -> tuple[str, int]:
    """Order types by what stands around the number, then by vCPUs."""
    return re.sub(r"(?<=[A-Z])\d+", "", row[0]), int(row[1])


if __name__ == "__main__":
    sys.stdout.write(main(*map(Path, sys.argv[1:3])))
