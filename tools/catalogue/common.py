"""What the three converters share: the cards' memory, and the data file's one form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

# What a driver reports as a card's whole memory, in MiB (`nvidia-smi`, error correction on). A name and a capacity in
# GB are a card: an H100 of 94 GB is the NVL that Azure rents.
CARD_MIB: Mapping[tuple[str, int], int] = {
    ("T4", 16): 15360,
    ("P4", 8): 7611,
    ("P100", 16): 16280,
    ("V100", 16): 16160,
    ("V100", 32): 32510,
    ("L4", 24): 22888,  # EC2's figure, a little less than the driver's 23034
    ("A10", 24): 23028,
    ("A100", 40): 40960,
    ("A100", 80): 81920,
    ("H100", 80): 81559,
    ("H100", 94): 95830,
    ("H200", 141): 143771,
    ("B200", 180): 183359,
    ("RTX PRO 6000", 96): 97887,
}
# Prices are compared, never billed by: a millionth of a dollar is enough.
PLACES = 6


class Pool:
    """Lists that many rows share, each kept once and named by its index."""

    def __init__(self) -> None:
        self.lists: list[Any] = []
        self._index: dict[str, int] = {}

    def add(self, names: Iterable[str]) -> int:
        """Return the index of a list, sorted."""
        return self._kept(sorted(set(names)))

    def add_zones(self, zones: Iterable[tuple[str, str]]) -> int:
        """Return the index of a map of each region to its zones, from pairs of both."""
        found: dict[str, list[str]] = {}
        for region, zone in sorted(set(zones)):
            found.setdefault(region, []).append(zone)
        return self._kept(found)

    def _kept(self, value: Any) -> int:
        key = json.dumps(value)
        if key not in self._index:
            self._index[key] = len(self.lists)
            self.lists.append(value)
        return self._index[key]


def aligned(prices: Mapping[str, Mapping[str, float]], regions: Iterable[str], name: str) -> list[float | None]:
    """Return one type's price in each of the regions, None where there is none; no trailing None."""
    found = [prices[region].get(name) for region in regions]
    row = [None if each is None else round(each, PLACES) for each in found]
    while row and row[-1] is None:
        row.pop()
    return row


def text(head: Mapping[str, Any], lists: Mapping[str, Pool], instances: Mapping[str, Any]) -> str:
    """Return a data file: one list, and one instance type, a line."""
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    for key, pool in lists.items():
        body = ",\n".join(f"    {json.dumps(each)}" for each in pool.lists)
        lines.append(f"  {json.dumps(key)}: [\n{body}\n  ],")
    body = ",\n".join(f"    {json.dumps(name)}: {json.dumps(row)}" for name, row in instances.items())
    lines.append(f'  "instances": {{\n{body}\n  }}')
    return "{\n" + "\n".join(lines) + "\n}\n"
