"""Five-field cron schedules, as KEDA reads them."""

from __future__ import annotations

import re

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, ("", *_MONTHS)),
    ("day of the week", 0, 7, tuple(_DAYS)),
)


def cron_mistake(text: str) -> str:
    """Return what is wrong with a schedule such as `0 8 * * 1-5`, or an empty text."""
    fields = text.split()
    if len(fields) != 5:
        return f"five fields are needed (minute, hour, day, month, weekday); this has {len(fields)}"
    for value, (name, low, high, words) in zip(fields, _FIELDS, strict=True):
        for item in value.split(","):
            mistake = _item_mistake(item.lower(), low, high, words)
            if mistake:
                return f"{name}: {mistake}"
    return ""


def _item_mistake(item: str, low: int, high: int, words: tuple[str, ...]) -> str:
    span, slash, step = item.partition("/")
    if slash and not (re.fullmatch(r"[0-9]{1,4}", step) and int(step) > 0):
        return f"`/{step}` is no step"
    if span == "*":
        return ""
    numbers = [_number(part, words) for part in span.split("-")]
    if len(numbers) > 2 or None in numbers:
        return f"`{item}` is no number, range, list or `*`"
    known = [number for number in numbers if number is not None]
    if any(not low <= number <= high for number in known):
        return f"`{item}` is not within {low}-{high}"
    return f"`{item}` runs backwards" if known != sorted(known) else ""


def _number(text: str, words: tuple[str, ...]) -> int | None:
    if text and text in words:
        return words.index(text)
    return int(text) if re.fullmatch(r"[0-9]{1,4}", text) else None
