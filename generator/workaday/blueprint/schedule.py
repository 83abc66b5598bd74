"""Schedules as KEDA reads them: a start and an end, each a cron, made of a start and how long it holds. Pure."""

from __future__ import annotations

import math
from itertools import pairwise, product

DAY = 24 * 60
MOST_STARTS = 12
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def windows(cron: str, seconds: float) -> list[tuple[str, str]]:
    """Return a start and an end for each time of day at which a schedule begins.

    Args:
        cron: five fields that `cron_mistake` finds nothing wrong with.
        seconds: how long it holds; rounded up to minutes, as crons know no less.

    Raises ValueError: no two crons say it; the message says why.
    """
    minute, hour, day, month, weekday = cron.lower().split()
    starts = [h * 60 + m for h, m in product(expand(hour, 0, 23), expand(minute, 0, 59))]
    length = math.ceil(seconds / 60)
    if len(starts) > MOST_STARTS:
        raise ValueError(f"it begins {len(starts)} times a day, and each is a trigger: at most {MOST_STARTS}")
    days = sorted({each % 7 for each in expand(weekday, 0, 7, _DAYS)})
    if length >= shortest_gap(days) * DAY:
        raise ValueError("it begins again before it ends")
    return [_window(start, start + length, day, month, weekday, days) for start in sorted(starts)]


def shortest_gap(days: list[int]) -> int:
    """Return the fewest days from one of some weekdays to the next."""
    return min(after - before for before, after in pairwise([*days, days[0] + 7]))


def expand(field: str, low: int, high: int, words: tuple[str, ...] = ()) -> list[int]:
    """Return the numbers that a field of a cron names."""
    found: set[int] = set()
    for item in field.split(","):
        span, slash, step = item.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = low, high
        else:
            start = _number(first, words)
            end = _number(last, words) if dash else (high if slash else start)
        found.update(range(start, end + 1, int(step) if slash else 1))
    return sorted(found)


def _number(text: str, words: tuple[str, ...]) -> int:
    return words.index(text) if text in words and text else int(text)


def _window(start: int, end: int, day: str, month: str, weekday: str, days: list[int]) -> tuple[str, str]:
    later, of_day = divmod(end, DAY)
    if later and (day != "*" or month != "*"):
        raise ValueError("it ends on another day, and only weekdays can be counted on from one to the next")
    names = ",".join(str(each) for each in sorted((each + later) % 7 for each in days))
    on = weekday if not later or weekday == "*" else names
    return (
        f"{start % 60} {start // 60} {day} {month} {weekday}",
        f"{of_day % 60} {of_day // 60} {day} {month} {on}",
    )
