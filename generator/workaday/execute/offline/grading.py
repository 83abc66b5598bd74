"""A plan that was made without an account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from workaday.execute.grading import Action, Change, changes_of, counts_of
from workaday.execute.offline.behaviour import behaviour
from workaday.execute.offline.paths import parts

MARK = "offline: no account was asked"


@dataclass(frozen=True)
class OfflinePlan:
    """A plan that was made without an account.

    Attributes:
        changes: the gravest first, then by address; resources without a change are left out.
        document: `terraform show -json` of the saved plan, as it is.
        against: whether it was made over an earlier tree or state, not over nothing.
    """

    changes: tuple[Change, ...]
    document: Mapping[str, Any] = field(repr=False)
    against: bool = False

    @property
    def counts(self) -> Mapping[Action, int]:
        """How many changes of each kind there are, zeros included."""
        return counts_of(self.changes)

    @cached_property
    def values(self) -> Mapping[str, Mapping[str, Any]]:
        """Each managed resource's planned values by its address; what is not known yet is left out or null."""
        return dict(_values(self.document.get("planned_values", {}).get("root_module", {})))

    def as_json(self) -> dict[str, Any]:
        """Return the grades as plain data, marked offline."""
        return {
            "offline": True,
            "mark": MARK,
            "against": self.against,
            "counts": dict(self.counts),
            "changes": [
                {
                    "address": each.address,
                    "type": each.kind,
                    "action": each.action,
                    "changed": list(each.changed),
                    "forced_by": list(each.forced_by),
                    "perhaps_replaced_by": list(each.perhaps),
                    "moved_from": each.moved_from or None,
                }
                for each in self.changes
            ],
        }


def graded(document: Mapping[str, Any], *, against: bool = False) -> OfflinePlan:
    """Return a plan's changes from its JSON, with what the schemas leave to the provider as a possibility."""
    raw = {each["address"]: each for each in document.get("resource_changes", ())}
    changes = (
        replace(each, perhaps=_perhaps(raw[each.address])) if each.action == "update" else each
        for each in changes_of(document)
    )
    return OfflinePlan(tuple(changes), document, against)


def _values(module: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for resource in module.get("resources", ()):
        if resource["mode"] == "managed":
            yield resource["address"], resource["values"]
    for child in module.get("child_modules", ()):
        yield from _values(child)


def _perhaps(raw: Mapping[str, Any]) -> tuple[str, ...]:
    provider = raw.get("provider_name", "").rsplit("/", 1)[-1]
    before, after = raw["change"]["before"], raw["change"]["after"]
    patterns = behaviour(provider, raw["type"]).perhaps_replacing
    return tuple(each for each in patterns if parts(before, each.split(".")) != parts(after, each.split(".")))
