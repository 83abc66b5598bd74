"""The prices in workaday.lock: what is written is read, and nothing else in the file changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workaday.foresight.locked import Prices, RegionPrices, parse, stale, with_prices
from workaday.project import ProjectError

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
names = st.sampled_from(["g6.xlarge", "n1-standard-4+1xT4", "Standard_NC4as_T4_v3"])
usd = st.floats(0.001, 500)
prices = st.builds(
    RegionPrices,
    as_of=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)).map(
        lambda each: each.replace(microsecond=0)
    ),
    source=st.text(max_size=20),
    on_demand=st.dictionaries(names, usd),
    spot=st.dictionaries(names, st.dictionaries(st.sampled_from(["a", "b"]), usd, min_size=1)),
)
others = st.dictionaries(st.sampled_from(["images", "measurements", "version"]), st.integers() | st.text() | st.none())


@given(prices, others)
def test_what_is_written_is_read_and_other_sections_stay(one, other):
    text = with_prices(json.dumps(other), "aws", "us-east-1", one)
    assert parse(text).of("aws", "us-east-1") == one
    assert {key: value for key, value in json.loads(text).items() if key != "prices"} == other
    assert list(json.loads(text)) == [*other, "prices"]


@given(prices, prices, prices)
def test_a_region_is_replaced_and_the_others_stay(first, second, third):
    text = with_prices(None, "aws", "us-east-1", first)
    text = with_prices(text, "gcp", "us-central1", second)
    text = with_prices(text, "aws", "us-east-1", third)
    assert parse(text) == Prices({("aws", "us-east-1"): third, ("gcp", "us-central1"): second})


def test_the_same_prices_are_the_same_bytes_in_whatever_order_they_came():
    one = RegionPrices(NOW, "s", {"b": 2.0, "a": 1.0}, {"b": {"z": 1.0, "y": 2.0}, "a": {"x": 1.0}})
    other = RegionPrices(NOW, "s", {"a": 1.0, "b": 2.0}, {"a": {"x": 1.0}, "b": {"y": 2.0, "z": 1.0}})
    assert with_prices(None, "aws", "r", one) == with_prices(None, "aws", "r", other)


def test_no_lock_is_no_prices():
    assert parse(None) == Prices()
    assert parse('{"images": {}}').of("aws", "us-east-1") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<<<<<<< HEAD\n{}",
        "[]",
        '{"prices": []}',
        '{"prices": {"aws": {"r": {}}}}',
        '{"prices": {"aws": {"r": {"as_of": "today", "source": "s", "on_demand": {}, "spot": {}}}}}',
        '{"prices": {"aws": {"r": {"as_of": "2026-11-24", "source": "s", "on_demand": {"a": "dear"}, "spot": {}}}}}',
    ],
)
def test_what_is_no_lock_is_a_named_error_and_never_overwritten(text):
    for attempt in (lambda: parse(text), lambda: with_prices(text, "aws", "r", RegionPrices(NOW, "s", {}, {}))):
        with pytest.raises(ProjectError) as refused:
            attempt()
        assert [each.code for each in refused.value.diagnostics] == ["X133"]


@pytest.mark.parametrize(("days", "expected"), [(0, None), (30, None), (31, "X135"), (400, "X135")])
def test_prices_of_more_than_thirty_days_are_old(days, expected):
    found = stale(
        Prices({("aws", "r"): RegionPrices(NOW - timedelta(days=days), "s", {}, {})}), "aws", "r", NOW
    )  # fmt: skip
    assert (found and found.code) == expected
    assert found is None or (found.severity, f"{days} days old" in found.message) == ("warning", True)
    assert stale(Prices(), "aws", "r", NOW) is None
