"""What a plan does to each resource, and why: from `terraform show -json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from workaday.execute.offline.behaviour import behaviour
from workaday.execute.offline.paths import parts
from workaday.execute.terraform import Action

MARK = "offline: no account was asked"
ORDER: tuple[Action, ...] = ("replace", "delete", "update", "create")
SIGNS: Mapping[Action, str] = {"create": "+", "update": "~", "replace": "-/+", "delete": "-"}
WORDS: Mapping[Action, str] = {"create": "create", "update": "in place", "replace": "replace", "delete": "destroy"}
_ACTIONS: Mapping[tuple[str, ...], Action] = {
    ("create",): "create",
    ("update",): "update",
    ("delete",): "delete",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
}


@dataclass(frozen=True)
class Change:
    """What a plan does to one resource.

    Attributes:
        address: Terraform's address, such as `module.pools.aws_eks_node_group.this["gpu"]`.
        kind: the resource's type.
        name: its name in its module.
        key: its `for_each` key or `count` index as text, or "".
        action: create, update (in place), replace or delete.
        changed: arguments whose values differ, sorted; empty for create and delete.
        forced_by: paths that make it a new one, such as `launch_template[0].id`; empty unless it is replaced.
        perhaps: changed arguments for which the provider decides in place or replace by values; of an update alone.
        moved_from: its former address, or "".
    """

    address: str
    kind: str
    name: str
    key: str
    action: Action
    changed: tuple[str, ...] = ()
    forced_by: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    moved_from: str = ""


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
        counted = Counter(each.action for each in self.changes)
        return {action: counted[action] for action in ORDER}

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
    """Return a plan's changes from its JSON."""
    found = [_change(each) for each in document.get("resource_changes", ()) if each.get("mode") == "managed"]
    changes = [each for each in found if each is not None]
    changes.sort(key=lambda each: (ORDER.index(each.action), each.address))
    return OfflinePlan(tuple(changes), document, against)


def summary(plan: OfflinePlan) -> str:
    """Return the counts as a line: `2 replace, 1 in place, 14 create`."""
    counted = [f"{count} {WORDS[action]}" for action, count in plan.counts.items() if count]
    return ", ".join(counted) or "no changes"


def reason(change: Change) -> str:
    """Return in a few words why a resource changes."""
    moved = f"moved from {change.moved_from}" if change.moved_from else ""
    forced = "forced by " + ", ".join(change.forced_by) if change.forced_by else ""
    differs = ", ".join(change.changed) if not forced else ""
    perhaps = "perhaps replaced by " + ", ".join(change.perhaps) if change.perhaps else ""
    return "; ".join(filter(None, (forced, differs, perhaps, moved)))


def _values(module: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for resource in module.get("resources", ()):
        if resource["mode"] == "managed":
            yield resource["address"], resource["values"]
    for child in module.get("child_modules", ()):
        yield from _values(child)


def _change(raw: Mapping[str, Any]) -> Change | None:
    change = raw["change"]
    action = _ACTIONS.get(tuple(change["actions"]))
    if action is None:
        return None
    compares = action in ("update", "replace")
    return Change(
        address=raw["address"],
        kind=raw["type"],
        name=raw["name"],
        key=str(raw.get("index", "")),
        action=action,
        changed=tuple(sorted(_differences(change))) if compares else (),
        forced_by=tuple(sorted(map(_path, change.get("replace_paths", ())))) if action == "replace" else (),
        perhaps=_perhaps(raw) if action == "update" else (),
        moved_from=raw.get("previous_address", ""),
    )


def _differences(change: Mapping[str, Any]) -> Iterator[str]:
    before, after = change.get("before") or {}, change.get("after") or {}
    unknown = change.get("after_unknown") or {}
    for name in {*before, *after, *unknown}:
        if unknown.get(name) is True:
            if change["actions"] == ["update"]:  # in a new resource it says nothing: all that is computed is unknown
                yield name
        elif before.get(name) != after.get(name) or _any_true(unknown.get(name)):
            yield name


def _perhaps(raw: Mapping[str, Any]) -> tuple[str, ...]:
    provider = raw.get("provider_name", "").rsplit("/", 1)[-1]
    before, after = raw["change"]["before"], raw["change"]["after"]
    patterns = behaviour(provider, raw["type"]).perhaps_replacing
    return tuple(each for each in patterns if parts(before, each.split(".")) != parts(after, each.split(".")))


def _any_true(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_any_true, value.values() if isinstance(value, dict) else value))
    return value is True


def _path(steps: list[str | int]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")
