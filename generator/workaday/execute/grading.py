"""What a plan does to each resource, and why: from `terraform show -json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Action = Literal["create", "update", "replace", "delete"]
ORDER: tuple[Action, ...] = ("replace", "delete", "update", "create")
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


def changes_of(document: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return what a plan's JSON changes: the gravest first, then by address; what does not change is left out."""
    found = [_change(each) for each in document.get("resource_changes", ()) if each.get("mode") != "data"]
    changes = [each for each in found if each is not None]
    return tuple(sorted(changes, key=lambda each: (ORDER.index(each.action), each.address)))


def counts_of(changes: Sequence[Change]) -> Mapping[Action, int]:
    """Return how many changes of each kind there are, the gravest first, zeros included."""
    counted = Counter(each.action for each in changes)
    return {action: counted[action] for action in ORDER}


def summary(changes: Sequence[Change]) -> str:
    """Return the counts as a line: `2 replace, 1 in place, 14 create`."""
    counted = [f"{count} {WORDS[action]}" for action, count in counts_of(changes).items() if count]
    return ", ".join(counted) or "no changes"


def reason(change: Change) -> str:
    """Return in a few words why a resource changes."""
    moved = f"moved from {change.moved_from}" if change.moved_from else ""
    forced = "forced by " + ", ".join(change.forced_by) if change.forced_by else ""
    differs = ", ".join(change.changed) if not forced else ""
    perhaps = "perhaps replaced by " + ", ".join(change.perhaps) if change.perhaps else ""
    return "; ".join(filter(None, (forced, differs, perhaps, moved)))


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


def _any_true(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_any_true, value.values() if isinstance(value, dict) else value))
    return value is True


def _path(steps: list[str | int]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")
