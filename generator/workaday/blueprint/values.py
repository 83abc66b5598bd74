"""Choose each value once, and remember where it came from: what `workaday explain KEY` tells."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from workaday.blueprint.model import Value

KeyPath = tuple[str | int, ...]
T = TypeVar("T")
_ABSENT: Any = object()


class Values:
    """The values of one resolution, by key path. Below a path, `under` gives the same store with a prefix."""

    def __init__(self, prefix: KeyPath = (), store: dict[KeyPath, Value] | None = None) -> None:
        self._prefix = prefix
        self._store: dict[KeyPath, Value] = {} if store is None else store

    def under(self, *path: str | int) -> Values:
        """Return the same values, seen from a deeper key."""
        return Values((*self._prefix, *path), self._store)

    def choose(self, key: str, part: object, default: T, because: str) -> T:
        """Return what a part of the project file says at a key, else the default.

        Args:
            key: the key, as the file spells it.
            part: the part as written (a schema model), or None where it is absent.
            default: what absent means.
            because: why the default is what it is.
        """
        written = getattr(part, key, _ABSENT)
        if written is _ABSENT:
            written = getattr(part, f"{key}_", None)
        value, why = (default, because) if written is None else (written, None)
        self._store[(*self._prefix, key)] = Value(value, why)
        return value

    def frozen(self) -> Mapping[KeyPath, Value]:
        """Return all values chosen so far, read-only."""
        return MappingProxyType(dict(self._store))
