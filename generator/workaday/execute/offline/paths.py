"""Ways into a resource's value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Path = tuple[str | int, ...]


def parts(value: Any, pattern: Sequence[str]) -> Any:
    """Return what names lead to, through nested blocks; of several blocks all of it, without what is not set."""
    if not pattern or not isinstance(value, list | dict):  # what is not known yet is neither
        return value
    if isinstance(value, list):
        return [found for each in value if (found := parts(each, pattern)) not in (None, [], "")]
    return parts(value.get(pattern[0]), pattern[1:])
