"""What a provider makes of a configuration: what is known at plan time, and what only apply will say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workaday.execute.offline import made_up
from workaday.execute.offline.schema import Block, NestedBlock, Type
from workaday.execute.offline.values import UNKNOWN, is_unknown

# What changes with any other change, by resource type: the providers say so in code, so that dependants follow.
RECOMPUTED = {"aws_launch_template": ("latest_version",)}


def planned(
    proposed: Mapping[str, Any],
    prior: Mapping[str, Any] | None,
    config: Mapping[str, Any],
    block: Block,
    *,
    known: Mapping[str, Any],
    defaults: Mapping[str, Any],
    recomputed: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the planned state of a resource.

    What the cloud will say is unknown in a new resource and in new nested blocks of an existing one; an existing
    resource keeps its own.

    Args:
        proposed: Terraform's merge of configuration and prior state.
        prior: the state before; None for a new resource.
        config: the configuration alone.
        block: the resource's schema.
        known: what the provider knows from its own configuration, such as the region.
        defaults: values of arguments that the configuration leaves out, by path.
        recomputed: attributes that change with any other change.
    """
    state = completed(proposed, prior, config, block, defaults)
    for name, value in known.items():
        attribute = block.attributes.get(name)
        if attribute and attribute.computed and config.get(name) is None:
            state[name] = value
    if prior is not None and state != prior:
        state |= dict.fromkeys(recomputed, UNKNOWN)
    return state


def completed(
    value: Mapping[str, Any],
    prior: Mapping[str, Any] | None,
    config: Mapping[str, Any] | None,
    block: Block,
    defaults: Mapping[str, Any],
    at: str = "",
) -> dict[str, Any]:
    """Return a block with defaults, and with unknown values where it is new and only the cloud can say.

    `config` is None in a set's element, which cannot be told by position: what it has is taken for what was said.
    """
    done = dict(value)
    said = value if config is None else config
    for name, attribute in block.attributes.items():
        if attribute.write_only:
            done[name] = None
        elif said.get(name) is None and (at + name) in defaults:
            done[name] = defaults[at + name]
        elif done.get(name) is None:
            before = None if prior is None else prior.get(name)
            if attribute.computed and prior is None:
                done[name] = UNKNOWN
            elif not attribute.computed and before in (
                "",
                0,
                [],
                {},
            ):  # states of the providers' SDK have them for null
                done[name] = before
    for name, nested in block.blocks.items():
        before = None if prior is None else prior.get(name)
        done[name] = _nested(done.get(name), before, (config or {}).get(name), nested, defaults, f"{at}{name}.")
    return done


def _nested(value: Any, prior: Any, config: Any, nested: NestedBlock, defaults: Mapping[str, Any], at: str) -> Any:
    if isinstance(value, list):
        olds = prior if isinstance(prior, list) else []
        said = config if isinstance(config, list) and nested.mode == "list" and len(config) == len(value) else []
        return [
            _element(each, index, olds, said, nested, defaults, at) if isinstance(each, dict) else each
            for index, each in enumerate(value)
        ]
    if not isinstance(value, dict):
        return value
    old, mine = (each if isinstance(each, dict) else {} for each in (prior, config))
    if nested.mode == "map":
        return {
            key: completed(each, old.get(key), mine.get(key), nested.block, defaults, at) for key, each in value.items()
        }
    return completed(value, old or None, mine, nested.block, defaults, at)


def _element(
    value: Mapping[str, Any],
    index: int,
    prior: list[Any],
    config: list[Any],
    nested: NestedBlock,
    defaults: Mapping[str, Any],
    at: str,
) -> dict[str, Any]:
    if nested.mode == "list":
        before = prior[index] if index < len(prior) else None
        said = config[index] if index < len(config) and isinstance(config[index], dict) else None
        return completed(value, before, said, nested.block, defaults, at)
    same = completed(value, value, None, nested.block, defaults, at)
    return same if same in prior else completed(value, None, None, nested.block, defaults, at)


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
