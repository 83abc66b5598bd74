"""Make `aws.json`: python tools/catalogue/aws.py RESOURCES PRICES > generator/workaday/catalog/aws.json.

RESOURCES: `moto/ec2/resources/` of moto; PRICES: `zz_generated.pricing_aws.go` of karpenter-provider-aws. README.md
says where they are.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common import CARD_MIB, Pool, aligned, text

AS_OF = {"facts": "2026-10-27", "prices": "2026-07-20", "zones": "2026-10-27"}
PRICE_REGION = "us-east-1"
GPU_FAMILIES = (
    "g4dn", "g5", "g5g", "g6", "g6e", "g6f", "g7", "g7e", "gr6", "gr6f", "p3dn", "p4d", "p4de", "p5", "p5e", "p5en",
    "p6-b200", "p6-b300",
)  # fmt: skip
CPU_FAMILIES = (
    "t3", "t4g", "m5", "m6a", "m6g", "m6i", "m7a", "m7g", "m7i", "m7i-flex", "m8g", "m8i", "c5", "c6a", "c6g", "c6i",
    "c7a", "c7g", "c7i", "c8g", "c8i", "r5", "r6a", "r6g", "r6i", "r7a", "r7g", "r7i", "r8g", "r8i",
)  # fmt: skip
# EC2's names of cards that other clouds rent too, as projects write them.
NAMES = {"RTX PRO Server 6000": "RTX PRO 6000"}
# Cards of which a driver shows less than EC2 states: by name and what EC2 states.
SHOWN = {
    ("T4", 16384): CARD_MIB["T4", 16],
    ("V100", 32768): CARD_MIB["V100", 32],
    ("H100", 81920): CARD_MIB["H100", 80],
    ("H200", 144384): CARD_MIB["H200", 141],
    ("RTX PRO 6000", 98304): CARD_MIB["RTX PRO 6000", 96],
}
CAPACITIES = {"on-demand": "on_demand", "spot": "spot", "capacity-block": "capacity_block"}


def packed(path: Path) -> Any:
    """Read a compressed JSON file."""
    return json.loads(gzip.decompress(path.read_bytes()))


def places(folder: Path) -> dict[str, set[tuple[str, str]]]:
    """Return the regions of each type, each with the places there, from a folder of one file a region."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for path in sorted(folder.glob("*.json.gz")):
        for each in packed(path):
            found[each["InstanceType"]].add((path.name.removesuffix(".json.gz"), each["Location"]))
    return found


def main(resources: Path, price_file: Path) -> str:
    """Return the data file."""
    types = packed(resources / "instance_types.json.gz")
    regions = places(resources / "instance_type_offerings" / "region")
    zones = places(resources / "instance_type_offerings" / "availability-zone-id")
    own = price_file.read_text().partition(f'"{PRICE_REGION}": {{')[2].partition("\n\t},")[0]
    prices = {PRICE_REGION: {name: float(price) for name, price in re.findall(r'"([\w.-]+)": ([\d.]+)', own)}}
    offered, zoned = Pool(), Pool()
    found: dict[str, Any] = {}
    order = (*GPU_FAMILIES, *CPU_FAMILIES)
    for name in sorted(types, key=lambda name: by_size(name, types[name], order)):
        family = name.partition(".")[0]
        if family not in order or not regions[name]:
            continue
        facts = types[name]
        row = described(facts)
        if family in GPU_FAMILIES:
            row["gpu"] = gpu(facts["GpuInfo"]["Gpus"][0])
            row["zoned"] = zoned.add_zones(zones[name])
        found[name] = {
            **row,
            "offered": offered.add(region for region, _ in regions[name]),
            "usd": aligned(prices, [PRICE_REGION], name),
        }
    names: dict[str, set[str]] = defaultdict(set)
    for pairs in places(resources / "instance_type_offerings" / "availability-zone").values():
        for region, zone in pairs:
            names[region].add(zone)
    head = {
        "cloud": "aws", "as_of": AS_OF, "price_region": PRICE_REGION, "price_regions": [PRICE_REGION],
        "region_zones": {region: sorted(names[region]) for region in sorted(names)},
    }  # fmt: skip
    return text(head, {"offerings": offered, "zones": zoned}, found)


def described(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row without its GPU, its places and its price."""
    network = facts["NetworkInfo"]
    card = network["NetworkCards"][network["DefaultNetworkCardIndex"]]
    row: dict[str, Any] = {
        "arch": next(arch for arch in facts["ProcessorInfo"]["SupportedArchitectures"] if arch != "i386"),
        "vcpu": facts["VCpuInfo"]["DefaultVCpus"],
        "memory_mib": facts["MemoryInfo"]["SizeInMiB"],
        "pods": card["MaximumNetworkInterfaces"] * (network["Ipv4AddressesPerInterface"] - 1) + 2,
        "network_gbps": sum(each["BaselineBandwidthInGbps"] for each in network["NetworkCards"]),
    }
    if disks := facts.get("InstanceStorageInfo"):
        row["local_ssd_gb"] = disks["TotalSizeInGB"]
    if facts["BurstablePerformanceSupported"]:
        row["burstable"] = True
    capacities = [CAPACITIES[each] for each in facts["SupportedUsageClasses"] if each in CAPACITIES]
    return row | ({} if capacities == ["on_demand", "spot"] else {"capacities": capacities})


def gpu(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the GPU's part of a row."""
    name = NAMES.get(facts["Name"], facts["Name"])
    stated = facts["MemoryInfo"]["SizeInMiB"]
    found = {"name": name, "count": facts["LogicalGpuCount"], "memory_mib": SHOWN.get((name, stated), stated)}
    return found if facts["GpuPartitionSize"] == 1 else {**found, "partition": facts["GpuPartitionSize"]}


def by_size(name: str, facts: Mapping[str, Any], order: tuple[str, ...]) -> tuple[int, int, int]:
    """Order types as the families are listed, then by vCPUs and memory."""
    family = name.partition(".")[0]
    place = order.index(family) if family in order else len(order)
    return place, facts["VCpuInfo"]["DefaultVCpus"], facts["MemoryInfo"]["SizeInMiB"]


if __name__ == "__main__":
    sys.stdout.write(main(*map(Path, sys.argv[1:3])))
