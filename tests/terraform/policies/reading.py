"""Reading a plan: its planned resources, at every depth of modules, and the IAM statements in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from policies import Plan

Values = dict[str, Any]


def resources(plan: Plan, *kinds: str) -> Iterator[Values]:
    """Yield the planned resources of some types, or all; each is live, so that a mutation can change it."""
    yield from (each for each in _of(plan["planned_values"]["root_module"]) if not kinds or each["type"] in kinds)


def _of(module: Values) -> Iterator[Values]:
    for each in module.get("resources", ()):
        if each["mode"] == "managed":
            yield each
    for child in module.get("child_modules", ()):
        yield from _of(child)


def values(plan: Plan, kind: str, ending: str = "") -> Values:
    """Return the values of the first resource of a type whose address ends so."""
    return next(each["values"] for each in resources(plan, kind) if each["address"].endswith(ending))


def remove(plan: Plan, kind: str, ending: str = "") -> None:
    """Take a type's resources whose address ends so out of a plan."""

    def prune(module: Values) -> None:
        kept = [r for r in module.get("resources", ()) if r["type"] != kind or not r["address"].endswith(ending)]
        module["resources"] = kept
        for child in module.get("child_modules", ()):
            prune(child)

    prune(plan["planned_values"]["root_module"])


def as_list(value: Any) -> list[Any]:
    """Return what IAM writes as one or as many, as many."""
    return value if isinstance(value, list) else [] if value is None else [value]


def statements(document: str | None) -> list[Values]:
    """Return the statements of a policy document; none where it is not known before the apply."""
    return as_list(json.loads(document)["Statement"]) if document else []


def edit_statement(holder: Values, key: str, change: Values, number: int = 0) -> None:
    """Change keys of a statement of the policy document that `holder[key]` is."""
    document = json.loads(holder[key])
    found = as_list(document["Statement"])
    found[number] |= change
    holder[key] = json.dumps(document | {"Statement": found})


def wants(problem: bool, at: Values | str, what: str) -> Iterator[str]:
    """Yield a violation if there is a problem."""
    if problem:
        yield f"{at if isinstance(at, str) else at['address']}: {what}"
