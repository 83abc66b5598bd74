"""A cloud's changes as a table: what is lost or changed one by one, with the reason; what is new kind by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from workaday.cli.output import table

if TYPE_CHECKING:
    from workaday.execute.grading import Action, Change

WORDS: dict[Action, str] = {"create": "create", "update": "change", "replace": "REPLACE", "delete": "DESTROY"}


def shown(changes: Sequence[Change], *, each: bool = True) -> str:
    """Return changes as a table; without `each`, all of them are only counted."""
    return table(_rows(changes, each=each), indent="  ")


def kind_of(resource_type: str) -> str:
    """Return what a person calls a kind of resource: `eks node group` for `aws_eks_node_group`."""
    return resource_type.partition("_")[2].replace("_", " ")


def title(change: Change) -> str:
    """Return what a person calls a resource."""
    return f"{kind_of(change.kind)} {change.key}".rstrip()


def _rows(changes: Sequence[Change], *, each: bool) -> Iterator[tuple[str, str, str]]:
    from workaday.execute.grading import ORDER, reason

    counted = []
    for change in changes:
        if each and (change.action != "create" or change.moved_from):
            yield WORDS[change.action], change.address, reason(change)
        else:
            counted.append((ORDER.index(change.action), WORDS[change.action], kind_of(change.kind)))
    for (_, word, kind), count in sorted(Counter(counted).items()):
        yield word, kind, str(count)
