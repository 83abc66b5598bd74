"""What a provider adds to a configuration: what is known at plan time, what only apply says, what forces a new one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from workaday.execute.offline import made_up
from workaday.execute.offline.schema import Attribute, Block, Type
from workaday.execute.offline.values import UNKNOWN, is_unknown

Path = tuple[str | int, ...]
Fill = Callable[[Attribute, Path], Any]


def planned(
    proposed: Mapping[str, Any],
    prior: Mapping[str, Any] | None,
    config: Mapping[str, Any],
    block: Block,
    known: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the planned state of a resource.

    What the cloud will say is unknown in a new resource and in new nested blocks of an existing one; an existing
    resource keeps its own. `known` has what the provider knows from its own configuration, such as the region.
    """
    state = dict(proposed)
    for name, value in known.items():
        attribute = block.attributes.get(name)
        if attribute and attribute.computed and config.get(name) is None:
            state[name] = value
    if prior is None:
        return filled(state, None, block, lambda *_: UNKNOWN)
    if state == prior:
        return state
    return filled(state, prior, block, lambda *_: UNKNOWN)


def filled(
    value: Mapping[str, Any], prior: Mapping[str, Any] | None, block: Block, fill: Fill, at: Path = ()
) -> dict[str, Any]:
    """Return a block's value with `fill`'s for every computed attribute that is null; existing blocks keep theirs."""
    done = dict(value)
    for name, attribute in block.attributes.items():
        if prior is None and attribute.computed and not attribute.write_only and done.get(name) is None:
            done[name] = fill(attribute, (*at, name))
    for name, nested in block.blocks.items():
        inner, before = done.get(name), (prior or {}).get(name)
        if isinstance(inner, dict):
            if nested.mode == "map":
                olds = before if isinstance(before, dict) else {}
                done[name] = {
                    key: filled(each, olds.get(key), nested.block, fill, (*at, name, key))
                    for key, each in inner.items()
                }
            else:
                old = before if isinstance(before, dict) else None
                done[name] = filled(inner, old, nested.block, fill, (*at, name))
        elif isinstance(inner, list):
            olds_list = before if isinstance(before, list) else []
            done[name] = [
                each
                if not isinstance(each, dict)
                else filled(each, _counterpart(each, index, olds_list, nested.mode), nested.block, fill, (*at, name))
                for index, each in enumerate(inner)
            ]
    return done


def settled(value: Any, type_: Type, name: str, seed: str, kind: str) -> Any:
    """Return a value in which everything unknown was made up."""
    if is_unknown(value):
        return made_up.value(type_, name, f"{seed}.{name}", kind)
    if not isinstance(type_, list) or value is None:
        return value
    inner = type_[1]
    if isinstance(value, dict):
        return {
            part: settled(each, inner[part] if type_[0] == "object" else inner, part, f"{seed}.{name}", kind)
            for part, each in value.items()
        }
    if isinstance(value, list):
        return [settled(each, inner, name, f"{seed}.{name}.{index}", kind) for index, each in enumerate(value)]
    return value


def unconfigurable(config: Any, block: Block, at: Path = ()) -> Iterator[Path]:
    """Yield where a configuration sets what only the cloud may say; Terraform leaves that check to the provider."""
    if not isinstance(config, dict):
        return
    for name, attribute in block.attributes.items():
        only_computed = attribute.computed and not attribute.optional and not attribute.required
        if only_computed and config.get(name) is not None:
            yield (*at, name)
    for name, nested in block.blocks.items():
        inner = config.get(name)
        if isinstance(inner, list):
            for index, each in enumerate(inner):
                place: Path = (*at, name) if nested.mode == "set" else (*at, name, index)
                yield from unconfigurable(each, nested.block, place)
        elif isinstance(inner, dict):
            for key, each in inner.items() if nested.mode == "map" else [("", inner)]:
                yield from unconfigurable(each, nested.block, (*at, name, key) if key else (*at, name))


def forced(state: Any, prior: Any, patterns: tuple[str, ...]) -> Iterator[Path]:
    """Yield the paths whose change makes a new resource, of `patterns` such as `network_config.subnet_ids`.

    A pattern leads through nested blocks by name alone. Where something is unknown, it counts as changed, as it does
    for the real providers.
    """
    for pattern in patterns:
        yield from _forced(state, prior, tuple(pattern.split(".")), ())


def _forced(state: Any, prior: Any, pattern: tuple[str, ...], at: Path) -> Iterator[Path]:
    if state == prior and not _holds_unknown(state):
        return
    if not pattern or is_unknown(state):
        yield at
        return
    if isinstance(state, list) and isinstance(prior, list):
        if len(state) != len(prior):
            if _part(state, pattern) != _part(prior, pattern):
                yield at
            return
        for index, (new, old) in enumerate(zip(state, prior, strict=True)):
            yield from _forced(new, old, pattern, (*at, index))
        return
    if isinstance(state, dict) or isinstance(prior, dict):
        new, old = (each.get(pattern[0]) if isinstance(each, dict) else None for each in (state, prior))
        yield from _forced(new, old, pattern[1:], (*at, pattern[0]))


def _part(value: Any, pattern: tuple[str, ...]) -> Any:
    """Return what a pattern leads to, lists along the way flattened and without nulls."""
    if isinstance(value, list):
        return [found for each in value if (found := _part(each, pattern)) not in (None, [])]
    if not pattern:
        return value
    return _part(value.get(pattern[0]), pattern[1:]) if isinstance(value, dict) else None


def _holds_unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_unknown, value.values()))
    return any(map(_holds_unknown, value)) if isinstance(value, list) and not is_unknown(value) else is_unknown(value)


def _counterpart(each: Mapping[str, Any], index: int, prior: list[Any], mode: str) -> Mapping[str, Any] | None:
    if mode == "set":
        return next((old for old in prior if old == each), None)
    found = prior[index] if index < len(prior) else None
    return found if isinstance(found, dict) else None
