"""Which changes of a resource make a new one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workaday.execute.offline.paths import Path, parts
from workaday.execute.offline.schema import Block
from workaday.execute.offline.values import is_unknown


def forced(state: Mapping[str, Any], prior: Mapping[str, Any], patterns: Sequence[str], block: Block) -> list[Path]:
    """Return the paths whose change makes a new resource.

    A pattern such as `launch_template.id` leads through nested blocks by name alone. One that ends at a block is about
    how many there are of it. What is unknown counts as changed, as it does for the real providers. A path ends at the
    outermost set that it goes through: the protocol has no steps into sets.
    """
    return [path for pattern in patterns for path in _block(state, prior, block, pattern.split("."), ())]


def _block(new: Any, old: Any, block: Block, pattern: Sequence[str], at: Path) -> Iterator[Path]:
    name, rest = pattern[0], pattern[1:]
    now, before = (each.get(name) if isinstance(each, dict) else None for each in (new, old))
    here = (*at, name)
    attribute = block.attributes.get(name)
    if attribute is not None:
        counted = isinstance(attribute.type, list) and _holds_objects(attribute.type) and not rest
        if _count(now) != _count(before) if counted else not _same(parts(now, rest), parts(before, rest)):
            yield here
        return
    nested = block.blocks[name]
    if not rest:
        if _count(now) != _count(before):
            yield here
    elif nested.mode in ("single", "group"):
        yield from _block(now, before, nested.block, rest, here)
    elif nested.mode == "list" and _count(now) == _count(before) is not None:
        for index, (mine, theirs) in enumerate(zip(now or (), before or (), strict=True)):
            yield from _block(mine, theirs, nested.block, rest, (*here, index))
    elif not _same(parts(now, rest), parts(before, rest)):
        yield here


def _holds_objects(kind: Sequence[Any]) -> bool:
    return kind[0] in ("list", "set") and isinstance(kind[1], list) and kind[1][0] == "object"


def _count(value: Any) -> int | None:
    """Return how many blocks there are, or None while that is unknown."""
    if is_unknown(value):
        return None
    return len(value) if isinstance(value, list) else int(value is not None)


def _same(new: Any, old: Any) -> bool:
    if _unknown_inside(new):
        return False
    return bool(new == old or (not new and not old))  # to the providers' SDK an empty value is no value


def _unknown_inside(value: Any) -> bool:
    if is_unknown(value):
        return True
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_unknown_inside, inside))
