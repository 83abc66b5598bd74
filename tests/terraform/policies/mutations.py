"""Ways to break a plan, so that a rule must fail on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from policies.reading import remove, values

Mutation = Callable[[dict[str, Any]], None]


def put(kind: str, ending: str, *path: str | int, to: Any) -> Mutation:
    """Return a mutation that puts a value somewhere in a resource."""

    def mutate(plan: dict[str, Any]) -> None:
        at: Any = values(plan, kind, ending)
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = to

    return mutate


def without(kind: str, ending: str = "") -> Mutation:
    """Return a mutation that takes resources out."""
    return lambda plan: remove(plan, kind, ending)
