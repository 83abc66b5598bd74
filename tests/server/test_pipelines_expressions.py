"""The language of `when`, `input` and `output`, and what the configuration refuses of a pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workaday_server.config import read_config
from workaday_server.errors import ConfigError
from workaday_server.pipelines.expressions import ExpressionError, parse

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "server.schema.json").read_text())
VALUES: dict[str, Any] = {
    "request": {"words": ["a", "b"], "n": 3, "deep": {"x y": True}},
    "category": {"label": "cup", "scores": [0.9, 0.1]},
    "missing": None,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('category.label != "book"', True),
        ('missing.label != "book"', True),
        ("missing == null", True),
        ("category.scores[0] > 0.5 and not missing", True),
        ("0 < request.n <= 3", True),
        ('"a" in request.words', True),
        ('"z" not in request.words', True),
        ('"a" in missing', False),
        ("request.n < category", False),
        ('request.deep["x y"]', True),
        ("request.words[-1]", "b"),
        ("request.words[9]", None),
        ("request.words.length", None),
        ("missing or category.label", "cup"),
        ("missing and category.label", None),
        ('{"a": [request.n, -1, true], "b": {"c": category.scores}}', {"a": [3, -1, True], "b": {"c": [0.9, 0.1]}}),
    ],
)
def test_values(text: str, value: object) -> None:
    assert parse(text).evaluate(VALUES.__getitem__) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "category =",
        "print(1)",
        "category.label.upper()",
        "1 + 1",
        "a if b else c",
        "[x for x in y]",
        "lambda: 1",
        'f"{a}"',
        "a is b",
        "{**a}",
        "{1: 2}",
        "-a",
        "a[1:2]",
        "(a := 1)",
        "b'bytes'",
        "...",
        "1j",
        "not " * 40 + "a",
        "a" * 2001,
        "(" * 500 + ")" * 500,
    ],
)
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


@given(st.text(alphabet="ab.[]{}()\"'0 1,:andortinu!=<>-_", max_size=40))
def test_nothing_but_an_expression_error_is_raised_and_what_parses_has_a_value(text: str) -> None:
    try:
        expression = parse(text)
    except ExpressionError:
        return
    expression.evaluate(lambda name: VALUES["request"])


STEP = {"name": "s", "model": "m"}
PIPELINE: dict[str, Any] = {"name": "p", "revision": "1", "steps": [STEP]}
FULL: dict[str, Any] = {
    "version": 1,
    "port": 8080,
    "models": [{"name": "m", "revision": "1", "predictor": "p.py", "route": "/m"}],
    "pipelines": [
        PIPELINE
        | {
            "route": "/p",
            "output": '{"a": s, "b": late_one.x}',
            "limits": {"concurrency": 4, "queue": 2, "timeout_seconds": 3, "body_bytes": 9},
            "steps": [
                {
                    "name": "late-one",
                    "model": "elsewhere",
                    "url": "http://m.ns.svc:8080/x",
                    "after": ["s"],
                    "when": "s.a",
                },
                STEP | {"input": "request", "optional": True, "timeout_seconds": 0.5, "retries": 10},
            ],
        }
    ],
}


def read(folder: Path, *pipelines: object) -> Any:
    path = folder / "server.json"
    path.write_text(json.dumps(FULL | ({"pipelines": pipelines} if pipelines else {})))
    return read_config(path)


def test_everything_is_read_and_steps_come_after_those_they_need(tmp_path) -> None:
    jsonschema.validate(FULL, SCHEMA)
    (pipeline,) = read(tmp_path).pipelines
    assert [each.name for each in pipeline.steps] == ["s", "late-one"]
    assert pipeline.output.names == {"s", "late_one"}
    assert pipeline.local_models() == {"m"}
    assert pipeline.local_models(required=True) == set()


@pytest.mark.parametrize(
    "pipeline",
    [
        3,
        {"name": "p", "revision": "1"},
        PIPELINE | {"steps": []},
        PIPELINE | {"name": "a/b"},
        PIPELINE | {"revision": ""},
        PIPELINE | {"route": "p"},
        PIPELINE | {"output": ""},
        PIPELINE | {"stepz": []},
        PIPELINE | {"limits": {"queue": -1}},
        PIPELINE | {"steps": [STEP | {"url": "ftp://x"}]},
        PIPELINE | {"steps": [STEP | {"url": "http://"}]},
        PIPELINE | {"steps": [STEP | {"after": "s"}]},
        PIPELINE | {"steps": [STEP | {"after": [1]}]},
        PIPELINE | {"steps": [STEP | {"when": 3}]},
        PIPELINE | {"steps": [STEP | {"optional": 1}]},
        PIPELINE | {"steps": [STEP | {"timeout_seconds": 0}]},
        PIPELINE | {"steps": [STEP | {"retries": 11}]},
        PIPELINE | {"steps": [{"name": "s"}]},
    ],
)
def test_reader_and_schema_refuse_the_same(tmp_path, pipeline: object) -> None:
    with pytest.raises(ConfigError):
        read(tmp_path, pipeline)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(FULL | {"pipelines": [pipeline]}, SCHEMA)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": [STEP, STEP]}, "two steps have one name"),
        ({"steps": [STEP | {"after": ["t"]}]}, "no step `t`"),
        ({"steps": [STEP | {"after": ["s"]}]}, "wait for one another: s, s"),
        ({"steps": [STEP | {"model": "x"}]}, "p calls `x`, which is no model of this file and has no `url`"),
        ({"steps": [STEP | {"when": "t.x"}]}, "`t` is no step that comes before"),
        ({"steps": [STEP, {"name": "t", "model": "m", "input": "s"}]}, "`s` is no step that comes before"),
        ({"output": "other"}, "`other` is no step that comes before"),
        ({"output": "s.x()"}, "output: `s.x()` is not part of the language"),
        ({"name": "m"}, "name `m` occurs more than once"),
        ({"route": "/m"}, "route `/m` occurs more than once"),
        ({"route": "/v2/x"}, "route: must be"),
    ],
)
def test_what_only_the_reader_knows(tmp_path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, PIPELINE | change)
    assert words in str(caught.value)
