"""What every plan must keep, cloud by cloud: pure functions on what `terraform show -json` says of a plan.

Each module of this package has `RULES`; they are found, not listed, so that a cloud's rules are one file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

Plan = Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """A rule, and the proof that it can fail.

    Attributes:
        name: for the test's id: `aws-spot-is-marked`.
        check: returns the violations, none if the plan keeps the rule.
        mutate: breaks the rule in a copy of the first profile's plan, in place.
        profiles: whose plans must keep it, such as `aws/spot`.
    """

    name: str
    check: Callable[[Plan], list[str]]
    mutate: Callable[[dict[str, Any]], None]
    profiles: tuple[str, ...]


RULES: tuple[Rule, ...] = tuple(
    rule
    for module in iter_modules(__path__)
    for rule in getattr(import_module(f"{__name__}.{module.name}"), "RULES", ())
)
