"""The order of a model and its canary, and a canary that is watched: helm, the API server and Prometheus are fakes."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from workaday.blueprint.runtimes import RUNTIMES
from workaday.blueprint.serving import Promise
from workaday.execute import baking, existing, judging, releases, waiting
from workaday.execute.judging import Tally
from workaday.execute.releases import Wanted
from workaday.project.diagnostics import ProjectError, render_text

PROJECT = """\
version: 1
name: dungeon
platform: {kind: existing, context: plane}
registry: {prefix: registry.example/dungeon}
gateway: {host: dungeon.example}
models:
  - name: story
    server: {kind: torch, predictor: story.py}
    slo: {p99: 1s, availability: 99.9}
    canary: {percent: 20, bake: 1s, overrides: {config: {word: second}}}  # a comment
"""
PLAIN = "\n".join(line for line in PROJECT.splitlines() if "canary" not in line) + "\n"
PROMISE = Promise(99.9, ((0.99, 1.0),))
PROXY = "services/prometheus-operated:9090/proxy/api/v1/query"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(waiting, "DEEP_SECONDS", 0.0)
    monkeypatch.setattr(waiting, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(waiting, "HOPELESS_SECONDS", 0.0)
    monkeypatch.setattr(baking, "ASK_SECONDS", 0.3)
    monkeypatch.setattr(baking, "LOST_SECONDS", 0.0)
    (tmp_path / "story.py").write_text("class Predictor:\n    def predict(self, payload):\n        return payload\n")


def says(cluster, value: float) -> None:
    """Have Prometheus answer every query with a value."""
    result = [{"metric": {"le": "+Inf"}, "value": [0, str(value)]}]
    cluster.answers[PROXY] = json.dumps({"data": {"result": result}}).encode()


def models(did: list[str]) -> list[str]:
    """Return what helm did with the releases of models."""
    return [each for each in did if "story" in each]


def test_the_first_time_a_canary_comes_after_its_model_and_later_before_it(helm, cluster, project, applied) -> None:
    applied(project())
    assert models(helm.did()) == ["upgrade story", "upgrade story-canary"]
    text = (project().root / "project.yaml").read_text()
    before = len(helm.did())
    applied(project(text.replace("percent: 20", "percent: 30").replace("word: second", "word: third")))
    assert models(helm.did()[before:]) == ["upgrade story-canary", "upgrade story"]
    before = len(helm.did())
    applied(project(PLAIN))
    assert models(helm.did()[before:]) == ["upgrade story", "uninstall story-canary"]


def test_no_request_goes_to_a_canary_that_does_not_start(helm, cluster, project, applied) -> None:
    applied(project(PLAIN))
    cluster.never["story-canary"] = {
        "phase": "Pending",
        "containerStatuses": [{"name": "kserve-container", "state": {"waiting": {"reason": "ImagePullBackOff"}}}],
    }
    before = len(helm.did())
    with pytest.raises(ProjectError) as caught:
        applied(project(PROJECT))
    assert models(helm.did()[before:]) == ["upgrade story-canary", "uninstall story-canary"]
    assert caught.value.diagnostics[0].path[:3] == ("models", 0, "canary")


def test_chains_go_side_by_side_and_a_canary_alone_is_one() -> None:
    def wanted(name: str) -> Wanted:
        return Wanted(name, Path("charts/inference"), f"releases/{name}.json", {}, "")

    def named(names: list[str], there: list[str]) -> list[list[str]]:
        deployed = {each: releases.Deployed(each, 1, "deployed", "", "") for each in there}
        found = releases.chains([wanted(each) for each in names], deployed, {"a-canary": "a"})
        return [[each.name for each in chain] for chain in found]

    assert named(["a", "a-canary", "b"], []) == [["a", "a-canary"], ["b"]]
    assert named(["a", "a-canary", "b"], ["a"]) == [["a-canary", "a"], ["b"]]
    assert named(["a-canary"], ["a"]) == [["a-canary"]]
    assert named(["pools", "a"], ["a"]) == [["a"]]


@pytest.fixture
def project(project):
    def do(text: str = PROJECT):
        return project_of(text)

    project_of = project
    return do


def test_a_canary_that_breaks_its_promise_gets_no_requests_any_more(helm, cluster, project, applied) -> None:
    applied(project(PLAIN))
    says(cluster, 40.0)  # 40 requests, 40 of them failed
    workspace = project()
    with pytest.raises(ProjectError) as caught:
        applied(workspace)
    (found,) = caught.value.diagnostics
    said = render_text([found], caught.value.sources, color=False)
    assert found.code == "X189"
    assert "40 of 40 requests failed (100 %), 0.1 % may" in said
    assert "project.yaml:10" in said
    text = (workspace.root / "project.yaml").read_text()
    assert "canary: {percent: 0, bake: 1s, overrides: {config: {word: second}}}  # a comment" in text
    assert helm.records("story")[-1]["config"]["models"][0]["route"]["canary"]["percent"] == 0
    assert helm.did()[-1] == "upgrade story"
    assert existing.plan(project(text)).changes == (), "the file says what runs"


def test_where_the_file_cannot_say_it_the_release_does(helm, cluster, project, applied, monkeypatch) -> None:
    applied(project(PLAIN))
    says(cluster, 40.0)
    workspace = project()
    monkeypatch.setattr("workaday.project.rewriting.rewritten", lambda *arguments: "version: [")
    with pytest.raises(ProjectError) as caught:
        applied(workspace)
    assert "set `canary.percent` to 0" in " ".join(caught.value.diagnostics[0].hints)
    assert (workspace.root / "project.yaml").read_text() == PROJECT
    assert helm.records("story")[-1]["config"]["models"][0]["route"]["canary"]["percent"] == 0


def test_a_canary_that_keeps_it_stays(helm, cluster, project, applied) -> None:
    applied(project(PLAIN))
    says(cluster, 0.0)
    told = {each.what: each.said for each in applied(project()) if each.release == "story-canary"}
    assert told["kept"] == "no request came: nothing is known"
    assert helm.records("story")[-1]["config"]["models"][0]["route"]["canary"]["percent"] == 20


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text, "Prometheus does not answer: there is no Prometheus"),
        (lambda text: text.replace("    slo: {p99: 1s, availability: 99.9}\n", ""), "has no `slo` to keep"),
        (lambda text: text.replace("torch, predictor: story.py", "container, image: a, port: 80"), "says nothing"),
    ],
)  # fmt: skip
def test_what_cannot_be_watched_is_said_and_gone_on_with(helm, cluster, project, applied, change, why) -> None:
    applied(project(change(PLAIN)))
    told = {each.what: each.said for each in applied(project(change(PROJECT))) if each.release == "story-canary"}
    assert why in told["unwatched"]


def test_a_change_of_the_model_alone_is_not_waited_for(helm, cluster, project, applied) -> None:
    applied(project())
    told = applied(project(PROJECT.replace("slo:", "compute: {cpu: 2}\n    slo:")))
    assert "watched" in {each.what for each in told}, "the canary is the model's, and has the new CPU too"
    told = applied(project(PROJECT.replace("slo:", "compute: {cpu: 2}\n    rollout: {max_surge: 1}\n    slo:")))
    assert "watched" not in {each.what for each in told}


@pytest.mark.parametrize(
    ("tally", "is_broken"),
    [
        (Tally(1, 1), False),  # one alone may be chance
        (Tally(2, 2), True),
        (Tally(1000, 4), False),
        (Tally(1000, 5), True),
        (Tally(100_000, 120), False),
        (Tally(100_000, 200), True),
        (Tally(0, 0), False),
        (Tally(1000, None), False),
        (Tally(1000, 0, {0.5: 900, 1.0: 995, math.inf: 1000}), False),
        (Tally(1000, 0, {0.5: 900, 1.0: 960, math.inf: 1000}), True),
        (Tally(1000, 0, {0.5: 0, 2.5: 1000, math.inf: 1000}), False),  # no bucket ends at 1 s: the next one counts
        (Tally(1000, 0, {0.5: 0, 2.5: 100, math.inf: 1000}), True),
    ],
)  # fmt: skip
def test_more_than_chance_explains_is_a_broken_promise(tally: Tally, is_broken: bool) -> None:
    assert (judging.broken(PROMISE, tally) is not None) == is_broken


def test_what_is_asked_is_of_the_newest_pods_and_of_documented_metrics(cluster, monkeypatch) -> None:
    outcomes = RUNTIMES["torch"].outcomes
    assert outcomes
    asked = judging.queries(outcomes, judging.selector("dungeon", "(story-canary-predictor-5d4)-[a-z0-9]+"), 60.2)
    of = 'namespace="dungeon",pod=~"(story-canary-predictor-5d4)-[a-z0-9]+"'
    assert asked["failed"] == f'sum(max_over_time(workaday_requests_total{{{of},code=~"429|5.."}}[61s]))'
    assert asked["buckets"] == f"sum by (le) (max_over_time(workaday_request_seconds_bucket{{{of}}}[61s]))"
    documented = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    assert "`workaday_requests_total`" in documented
    assert "`workaday_request_seconds`" in documented
    for kind, runtime in RUNTIMES.items():
        if runtime.outcomes:
            for query in judging.queries(runtime.outcomes, of, 60).values():
                assert of in query, kind
                assert "{{" not in query, kind
