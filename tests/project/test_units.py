from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from workaday.project import units
from workaday.project.cron import cron_mistake


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1Ki", 1024), ("512Mi", 512 * 2**20), ("6Gi", 6 * 2**30), ("1.5Gi", 3 * 2**29), ("10G", 10**10), ("1k", 1000)],
)
def test_memory(text, amount):
    assert units.parse_memory(text) == amount


@given(st.integers(1, 2**45))
def test_memory_reads_what_it_writes(amount):
    text = units.format_memory(amount * 1024)
    assert units.parse_memory(text) == amount * 1024


@pytest.mark.parametrize(
    "value", ["6GB", "6", "Gi", "-1Gi", "0Gi", "6Gi\n", "1e3Gi", "9" * 400 + "Gi", "", 6, 6.5, True, None, ["6Gi"]]
)
def test_what_is_no_memory(value):
    with pytest.raises(PydanticCustomError):
        units.parse_memory(value)


@pytest.mark.parametrize(
    ("text", "seconds"), [("5ms", 0.005), ("60s", 60), ("5m", 300), ("10h", 36000), ("15d", 1296000), ("1h30m", 5400)]
)
def test_duration(text, seconds):
    assert units.parse_duration(text) == pytest.approx(seconds)


@given(st.integers(1, 10**9))
def test_a_duration_reads_what_it_writes(milliseconds):
    text = units.format_duration(milliseconds / 1000)
    assert units.parse_duration(text) == pytest.approx(milliseconds / 1000, rel=1e-5)


@pytest.mark.parametrize("value", ["9" * 400 + "s", "60", "s", "1 m", "5min", "-1s", "1m\n", "", 60, False, None])
def test_what_is_no_duration(value):
    with pytest.raises(PydanticCustomError):
        units.parse_duration(value)


@pytest.mark.parametrize(("value", "cores"), [(3, 3.0), (0.5, 0.5), ("500m", 0.5)])
def test_cpu(value, cores):
    assert units.parse_cpu(value) == cores


@pytest.mark.parametrize("value", ["9" * 5000 + "m", "3", "two", 0, -1, "0m", True, None])
def test_what_is_no_cpu(value):
    with pytest.raises(PydanticCustomError):
        units.parse_cpu(value)


@pytest.mark.parametrize(("value", "percent"), [(10, 10.0), (99.9, 99.9), ("10%", 10.0), (0, 0.0), (100, 100.0)])
def test_percentage(value, percent):
    assert units.parse_percentage(value) == percent


@pytest.mark.parametrize("value", [-1, 100.1, "10", "101%", True, None])
def test_what_is_no_percentage(value):
    with pytest.raises(PydanticCustomError):
        units.parse_percentage(value)


@pytest.mark.parametrize("text", ["0 8 * * 1-5", "*/5 * * * *", "0 0 1 jan mon", "0,30 8-18/2 * * sun", "5 4 * * 7"])
def test_cron(text):
    assert cron_mistake(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * *",
        "60 * * * *",
        "0 24 * * *",
        "0 0 0 * *",
        "0 0 * 13 *",
        "5-1 * * * *",
        "*/0 * * * *",
        "a * * * *",
        "1-2-3 * * * *",
        "- * * * *",
    ],
)
def test_what_is_no_cron(text):
    assert cron_mistake(text)


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (units.IMAGE, "111122223333.dkr.ecr.us-east-1.amazonaws.com/dungeon", "Dungeon"),
        (units.IMAGE, "localhost:5000/a/b:v1@sha256:" + "0" * 64, "a/b@sha256:12"),
        (units.URL_PATH, "/", "story"),
        (units.URL_PATH, "/a/b-c", "/a/"),
        (units.HOST, "api.dungeon.example", "api_dungeon.example"),
        (units.WEIGHTS, "hf://org/model", "ftp://x"),
        (units.LABEL_PATTERN, "a-1", "a-"),
        (units.PROJECT_NAME, "a" * 31, "a" * 32),
    ],
)
def test_forms(pattern, good, bad):
    check = units.matching(pattern, "x", "y")
    assert check(good) == good
    for text in (bad, good + "\n"):
        with pytest.raises(PydanticCustomError):
            check(text)
