"""Values as they travel between Terraform and a provider: msgpack, with a mark for what is not known yet.

A decoded value is None, bool, int, float, str, list or dict, or `msgpack.ExtType` where it is unknown; lists stand for
lists and sets alike. Unknown values pass through unread, so that what Terraform knows about one (a prefix, not null)
comes back to it unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgpack

from workaday.execute.offline.protocol import message
from workaday.execute.offline.schema import Type

UNKNOWN = msgpack.ExtType(0, b"\x00")


def decode(value: Any) -> Any:
    """Return a DynamicValue's content."""
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False)
    return json.loads(value.json or b"null")


def encode(value: Any) -> Any:
    """Return a value as a DynamicValue."""
    return message("DynamicValue")(msgpack=msgpack.packb(value, use_bin_type=True))


def is_unknown(value: Any) -> bool:
    """Say whether a value itself is not known yet; its parts may be."""
    return isinstance(value, msgpack.ExtType)


def merged_maps(parts: Iterable[Any]) -> Any:
    """Return maps laid over each other, the last one on top: None where all are, unknown where one is."""
    known: dict[str, Any] = {}
    given = False
    for part in parts:
        if is_unknown(part):
            return UNKNOWN
        if part is not None:
            given = True
            known |= part
    return known if given else None


def conformed(value: Any, type_: Type) -> Any:
    """Return a value of a JSON state in the shape of a type: what it has no place for is dropped, the rest is null."""
    if value is None or not isinstance(type_, list):
        return value
    kind, inner = type_[0], type_[1]
    if kind == "object" and isinstance(value, dict):
        return {name: conformed(value.get(name), part) for name, part in inner.items()}
    if kind == "map" and isinstance(value, dict):
        return {name: conformed(each, inner) for name, each in value.items()}
    if kind in ("list", "set") and isinstance(value, list):
        return [conformed(each, inner) for each in value]
    return value
