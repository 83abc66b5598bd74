"""What a predictor observes of its answers: bounded, by class and by size, and never in the way of an answer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workaday_server.errors import ConfigError
from workaday_server.observing import MOST_CLASSES, MOST_LETTERS, Observed, observed


def whole(answer):
    return answer


def test_text_is_a_class_a_number_has_a_size_and_a_list_is_each_of_its_items():
    found = Observed(whole, {})
    found.note({"label": "cat", "score": 0.7, "tags": ["a", "b"], "fine": True})
    found.note({"label": "cat", "score": np.float32(0.9)})
    found.note(None)
    assert found.classes == {("label", "cat"): 2, ("tags", "a"): 1, ("tags", "b"): 1, ("fine", "True"): 1}
    assert sum(found.numbers["score"].counts) == 2
    assert found.numbers["score"].total == pytest.approx(1.6)


def test_labels_are_bounded_and_those_expected_come_first():
    found = Observed(whole, {"label": {"expected": 1}})
    for number in range(3 * MOST_CLASSES):
        found.note({"label": f"{number}-{'x' * 2 * MOST_LETTERS}"})
    found.note({"label": "expected"})
    assert len(found.classes) == MOST_CLASSES + 1
    assert found.classes["label", "other"] == 2 * MOST_CLASSES + 1
    assert found.classes["label", "expected"] == 1
    assert max(len(label) for _, label in found.classes) == MOST_LETTERS


def test_a_reference_of_numbers_makes_bins():
    found = Observed(whole, {"score": {0.5: 30, 0.9: 50, math.inf: 20}})
    assert found.reference == {("score", "0.5"): 0.3, ("score", "0.9"): 0.5, ("score", "+Inf"): 0.2}
    for value in (0.1, 0.5, 0.6, 7, math.nan):
        found.note({"score": value})
    assert found.classes == {("score", "0.5"): 2, ("score", "0.9"): 1, ("score", "+Inf"): 1}
    assert found.numbers["score"].bounds == (0.5, 0.9)


def test_what_fails_is_said_once(caplog):
    def broken(answer):
        raise ValueError(answer)

    found = Observed(broken, {})
    found.note(1)
    found.note(2)
    assert [each.message for each in caplog.records] == ["`observe` failed; said once"]
    assert not found.classes


@pytest.mark.parametrize("wrong", [{"label": {}}, {"label": {"a": -1}}, {"label": {"a": 0}}, {"label": 3}, [1]])
def test_a_reference_that_is_none_is_refused(wrong):
    class Predictor:
        reference = wrong

        def observe(self, answer):
            return {}

    with pytest.raises(ConfigError, match="reference"):
        observed(Predictor())


def test_a_server_shows_what_is_observed_until_the_next_revision(server):
    code = (
        "class Predictor:\n    def __init__(self, config):\n        pass\n"
        "    reference = {'label': {'cat': 3, 'dog': 1}}\n"
        "    def predict(self, payload):\n        return payload\n"
        "    def after_predict(self, answer):\n        return {'label': answer, 'score': 0.7}\n"
        "    def observe(self, answer):\n        return answer\n"
    )
    server.model("a", code)
    server.start()
    for each in ("cat", "cat", "bird"):
        assert server.post("/a", each).json()["label"] == each
    assert server.metric('workaday_answer_class_total{model="a",name="label",class="cat"}') == 2
    assert server.metric('workaday_answer_class_total{model="a",name="label",class="bird"}') == 1
    assert server.metric('workaday_answer_reference_share{model="a",name="label",class="cat"}') == 0.75
    assert server.metric('workaday_answer_value_bucket{model="a",name="score",le="0.5"}') == 0
    assert server.metric('workaday_answer_value_bucket{model="a",name="score",le="0.75"}') == 3
    server.model("a", code, revision="2")
    server.reload()
    server.wait_state("a", "ready", "2")
    assert server.metric('workaday_answer_class_total{model="a",name="label",class="cat"}') == 0
