"""What a provider refuses in a configuration that fits its schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workaday.execute.offline.behaviour import Rules
from workaday.execute.offline.paths import Path
from workaday.execute.offline.schema import Block
from workaday.execute.offline.values import is_unknown


@dataclass(frozen=True)
class Finding:
    """One refusal; `path` leads to the argument, and ends at a set."""

    summary: str
    detail: str
    path: Path


@dataclass(frozen=True)
class _Place:
    """A block of the configuration: its value, its schema, where it is, and the same as a pattern."""

    value: Mapping[str, Any]
    block: Block
    path: Path
    pattern: str


def findings(config: Mapping[str, Any], block: Block, rules: Rules) -> list[Finding]:
    """Return all that a configuration may not say, without repeats."""
    found: dict[Finding, None] = {}
    root = _Place(config, block, (), "")
    for place in _places(config, block, (), "", in_set=False):
        for name, attribute in block_names(place.block):
            at = (*place.path, name)
            if attribute and place.value.get(name) is not None:
                text = f'"{name}" is decided by the provider and cannot be set'
                found[Finding("Value for unconfigurable attribute", text, at)] = None
            for each in _broken(root, place, name, rules.get(place.pattern + name, {})):
                found[each] = None
    return list(found)


def block_names(block: Block) -> Iterator[tuple[str, bool]]:
    """Yield every argument's name, and whether the provider alone sets it."""
    for name, attribute in block.attributes.items():
        yield name, attribute.computed and not attribute.optional and not attribute.required
    for name in block.blocks:
        yield name, False


def _broken(root: _Place, place: _Place, name: str, rule: Mapping[str, Any]) -> Iterator[Finding]:
    at, label = (*place.path, name), place.pattern + name
    value = _given(place.value, place.block, name)
    for refused in _refused(value, rule.get("values", ())):
        allowed = ", ".join(f'"{each}"' for each in rule["values"] if each)
        yield Finding("Invalid value", f'"{refused}" is none of {allowed}', at)
    for key, most in (("exactly_one_of", 1), ("at_least_one_of", None)):
        if key in rule:
            # The providers' SDK counts an argument in, whether its own list names it or not.
            others = {_plain(each): _lookup(root, each) for each in rule[key]}
            yield from _counted({**others, label: value}, most, place.path)
    if value is None or is_unknown(value):
        return
    for other in rule.get("conflicts_with", ()):
        if _is_set(_lookup(root, other)):
            yield Finding("Conflicting arguments", f'"{label}" conflicts with "{_plain(other)}"', at)
    missing = [f'"{_plain(other)}"' for other in rule.get("required_with", ()) if _lookup(root, other) is None]
    if missing:
        yield Finding("Missing required argument", f'"{label}" needs {" and ".join(missing)} too', at)


def _counted(values: Mapping[str, Any], most: int | None, at: Path) -> Iterator[Finding]:
    given = sum(map(_is_set, values.values()))
    named = ", ".join(f'"{name}"' for name in sorted(values))
    if not given and not any(map(is_unknown, values.values())):
        yield Finding("Missing required argument", f"one of {named} must be set", at)
    elif most and given > most:
        yield Finding("Conflicting arguments", f"only one of {named} can be set", at)


def _places(value: Any, block: Block, path: Path, pattern: str, *, in_set: bool) -> Iterator[_Place]:
    if not isinstance(value, dict):
        return
    yield _Place(value, block, path, pattern)
    for name, nested in block.blocks.items():
        inner, at = value.get(name), f"{pattern}{name}."
        below = path if in_set else (*path, name)
        if isinstance(inner, list):
            sets = in_set or nested.mode == "set"
            for index, each in enumerate(inner):
                yield from _places(each, nested.block, below if sets else (*below, index), at, in_set=sets)
        elif isinstance(inner, dict) and nested.mode != "map":
            yield from _places(inner, nested.block, below, at, in_set=in_set)


def _refused(value: Any, allowed: Sequence[str]) -> list[str]:
    if not allowed:
        return []
    values = value if isinstance(value, list) and not is_unknown(value) else [value]
    return [each for each in values if isinstance(each, str) and each not in allowed]


def _lookup(root: _Place, path: str) -> Any:
    """Return what the providers' own notation leads to, such as `update_config.0.max_unavailable`; None if not set."""
    value: Any = root.value
    block: Block | None = root.block
    for step in path.split("."):
        if value is None or is_unknown(value):
            return value
        if step.isdigit():  # a single block is a list of one to the providers' SDK
            value = value if isinstance(value, dict) else value[int(step)] if int(step) < len(value) else None
        elif isinstance(value, dict):
            value = _given(value, block, step)
            nested = block.blocks.get(step) if block else None
            block = nested.block if nested else None
        else:
            return None
    return value


def _given(value: Mapping[str, Any], block: Block | None, name: str) -> Any:
    """Return an argument's value, None where there is no block of that name; an empty list is a value."""
    found = value.get(name)
    return None if found == [] and block and name in block.blocks else found


def _is_set(value: Any) -> bool:
    return value is not None and not is_unknown(value)


def _plain(path: str) -> str:
    return ".".join(step for step in path.split(".") if not step.isdigit())
