"""Cut what `provider-behaviour` printed to the pinned schemas, and write it beside them.

python pack.py aws "hashicorp/terraform-provider-aws 6.47.1" < aws.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).parents[2] / "schemas" / "terraform"


def main(provider: str, source: str) -> None:
    """Read rules from standard input; write `behaviour/<provider>.json`, one resource a line."""
    document = json.loads((SCHEMAS / f"{provider}.json").read_bytes())
    [schemas] = document["provider_schemas"].values()
    lines = []
    for kind, found in sorted(json.load(sys.stdin).items()):
        block = schemas["resource_schemas"][kind]["block"]
        rules = {path: rule for path, rule in sorted(found["rules"].items()) if known(path.split("."), block)}
        if rules:
            entry = {"source": found["source"], "rules": rules}
            lines.append(f"{json.dumps(kind)}:{json.dumps(entry, separators=(',', ':'))}")
    head = json.dumps({"provider": provider, "source": source, "licence": "MPL-2.0"})[1:-1]
    target = SCHEMAS / "behaviour" / f"{provider}.json"
    target.write_text("{" + head + ',"resources":{\n' + ",\n".join(lines) + "\n}}\n")


def known(path: list[str], block: Mapping[str, Any]) -> bool:
    """Say whether a path leads to an argument of a block."""
    name, rest = path[0], path[1:]
    if name in block.get("block_types", {}):
        return not rest or known(rest, block["block_types"][name]["block"])
    attribute = block.get("attributes", {}).get(name)
    return attribute is not None and (not rest or inside(rest, attribute.get("type")))


def inside(path: list[str], kind: Any) -> bool:
    """Say whether a path leads into a value of a type."""
    while isinstance(kind, list) and kind[0] != "object":
        kind = kind[1]
    if not path:
        return True
    return isinstance(kind, list) and path[0] in kind[1] and inside(path[1:], kind[1][path[0]])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
