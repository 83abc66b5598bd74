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
    for place in _places(config, block, (), "", in_set=False):
        for name, attribute in block_names(place.block):
            at = (*place.path, name)
            if attribute and place.value.get(name) is not None:
                text = f'"{name}" is decided by the provider and cannot be set'
                found[Finding("Value for unconfigurable attribute", text, at)] = None
            for each in _broken(config, place, name, rules.get(place.pattern + name, {})):
                found[each] = None
    return list(found)


def block_names(block: Block) -> Iterator[tuple[str, bool]]:
    """Yield every argument's name, and whether the provider alone sets it."""
    for name, attribute in block.attributes.items():
        yield name, attribute.computed and not attribute.optional and not attribute.required
    for name in block.blocks:
        yield name, False


def _broken(config: Mapping[str, Any], place: _Place, name: str, rule: Mapping[str, Any]) -> Iterator[Finding]:
    at, label = (*place.path, name), place.pattern + name
    value = place.value.get(name)
    for refused in _refused(value, rule.get("values", ())):
        allowed = ", ".join(f'"{each}"' for each in rule["values"] if each)
        yield Finding("Invalid value", f'"{refused}" is none of {allowed}', at)
    yield from _counted(config, rule, at)
    if not _is_set(value):
        return
    for other in rule.get("conflicts_with", ()):
        if _is_set(_lookup(config, other)):
            yield Finding("Conflicting arguments", f'"{label}" conflicts with {_shown(other)}', at)
    missing = [other for other in rule.get("required_with", ()) if not _is_set(_lookup(config, other), unknown=True)]
    if missing:
        yield Finding("Missing required argument", f'"{label}" needs {" and ".join(map(_shown, missing))} too', at)


def _counted(config: Mapping[str, Any], rule: Mapping[str, Any], at: Path) -> Iterator[Finding]:
    for key, most in (("exactly_one_of", 1), ("at_least_one_of", None)):
        names: Sequence[str] = rule.get(key, ())
        values = [_lookup(config, each) for each in names]
        given = sum(map(_is_set, values))
        parent = at[:-1]
        if names and not given and not any(map(is_unknown, values)):
            text = f"one of {', '.join(map(_shown, sorted(names)))} must be set"
            yield Finding("Missing required argument", text, parent)
        elif most and given > most:
            text = f"only one of {', '.join(map(_shown, sorted(names)))} can be set"
            yield Finding("Conflicting arguments", text, parent)


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


def _lookup(config: Any, path: str) -> Any:
    """Return what the providers' own notation leads to: `update_config.0.max_unavailable`."""
    for step in path.split("."):
        if is_unknown(config):
            return config
        if isinstance(config, list):
            config = config[int(step)] if step.isdigit() and int(step) < len(config) else None
        elif step != "0":  # a single block is a list of one to the providers' SDK
            config = config.get(step) if isinstance(config, dict) else None
    return config


def _is_set(value: Any, *, unknown: bool = False) -> bool:
    if is_unknown(value):
        return unknown
    return value is not None and value != []


def _shown(path: str) -> str:
    return f'"{".".join(step for step in path.split(".") if not step.isdigit())}"'
