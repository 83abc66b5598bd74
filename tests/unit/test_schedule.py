"""A schedule's end, as a cron of its own, against the days and minutes counted one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workaday.blueprint.schedule import expand, windows

WEEK = 7 * 24 * 60


@pytest.mark.parametrize(
    ("cron", "hours", "expected"),
    [
        ("0 8 * * 1-5", 10, [("0 8 * * 1-5", "0 18 * * 1-5")]),
        ("30 22 * * *", 4, [("30 22 * * *", "30 2 * * *")]),
        ("0 22 * * fri,SAT", 8, [("0 22 * * fri,sat", "0 6 * * 0,6")]),
        ("0 8,20 1 * *", 2, [("0 8 1 * *", "0 10 1 * *"), ("0 20 1 * *", "0 22 1 * *")]),
        ("0 0 * * 7", 36, [("0 0 * * 7", "0 12 * * 1")]),
    ],
)
def test_a_start_and_how_long_are_two_crons(cron, hours, expected):
    assert windows(cron, hours * 3600) == expected


@pytest.mark.parametrize(
    ("cron", "hours", "why"),
    [
        ("0 8 * * *", 24, "begins again"),
        ("0 8 * * 1,2", 30, "begins again"),
        ("*/5 * * * *", 1, "288 times a day"),
        ("0 22 1 * *", 8, "another day"),
        ("0 22 * 12 *", 8, "another day"),
    ],
)
def test_what_two_crons_cannot_say_is_refused(cron, hours, why):
    with pytest.raises(ValueError, match=why):
        windows(cron, hours * 3600)


def minutes(cron: str) -> list[int]:
    minute, hour, _, _, weekday = cron.split()
    days = {each % 7 for each in expand(weekday, 0, 7)}
    return [day * 1440 + int(hour) * 60 + int(minute) for day in sorted(days)]


@given(
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    days=st.sets(st.integers(0, 6), min_size=1),
    length=st.integers(1, 3 * 1440),
)
def test_each_end_comes_as_long_after_its_start_as_it_holds(minute, hour, days, length):
    cron = f"{minute} {hour} * * {','.join(map(str, sorted(days)))}"
    try:
        [(start, end)] = windows(cron, length * 60)
    except ValueError:
        starts = minutes(cron)
        gaps = [b - a for a, b in zip(starts, [*starts[1:], starts[0] + WEEK], strict=True)]
        assert length >= min(gaps)
        return
    assert sorted((each + length) % WEEK for each in minutes(start)) == minutes(end)
