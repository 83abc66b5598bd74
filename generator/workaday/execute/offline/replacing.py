"""Which arguments make a new resource when they change: no schema says it, so a table does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache

from workaday.resources import bundle


def replacing(kind: str) -> tuple[str, ...]:
    """Return a resource type's arguments that cannot change in place, such as `vpc_config.subnet_ids`."""
    return _table().get(kind, ())


@cache
def _table() -> Mapping[str, tuple[str, ...]]:
    file = bundle() / "schemas" / "terraform" / "behaviour" / "replacing.json"
    return {kind: tuple(paths) for kind, paths in json.loads(file.read_bytes())["resources"].items()}
