"""What the providers do beyond their schemas: which arguments make a new resource, defaults, values, exclusions.

The tables in `schemas/terraform/behaviour/` were read from the providers' sources; see the README there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from workaday.resources import bundle

Rules = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Behaviour:
    """One resource type's rules by an argument's path through nested blocks, such as `scaling_config.max_size`."""

    rules: Rules

    @cached_property
    def replacing(self) -> tuple[str, ...]:
        """The arguments that cannot change in place; a block's path stands for how many there are of it."""
        return tuple(path for path, rule in self.rules.items() if rule.get("force_new"))

    @cached_property
    def perhaps_replacing(self) -> tuple[str, ...]:
        """The arguments for which the provider's own code decides, by their old and new values."""
        return tuple(p for p, rule in self.rules.items() if rule.get("force_new_if") and not rule.get("force_new"))

    @cached_property
    def defaults(self) -> Mapping[str, Any]:
        """What an argument is where the configuration says nothing, by path."""
        return {path: rule["default"] for path, rule in self.rules.items() if "default" in rule}


NOTHING = Behaviour({})


def behaviour(provider: str, kind: str) -> Behaviour:
    """Return what a resource type does; nothing special where no table has it."""
    return _tables(provider).get(kind, NOTHING)


@cache
def _tables(provider: str) -> Mapping[str, Behaviour]:
    file = bundle() / "schemas" / "terraform" / "behaviour" / f"{provider}.json"
    if not file.exists():
        return {}
    return {kind: Behaviour(each["rules"]) for kind, each in json.loads(file.read_bytes())["resources"].items()}
