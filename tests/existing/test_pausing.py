"""pause and resume: the project file is edited, and the edit applied; helm and the API server are fakes."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import pytest

from workaday.cli import pausing
from workaday.execute import kube
from workaday.execute.rollout import PAUSED, Seen, standing
from workaday.execute.workspace import Workspace, open_workspace
from workaday.project.diagnostics import ProjectError
from workaday.render import render

WRITTEN = """\
version: 1
name: dungeon
platform: {kind: existing, context: plane}
models:
  - name: story     # the one that writes
    server: {kind: container, image: "registry.example/story:1", port: 8080}
    compute: {cpu: 1, memory: 1Gi}
    scale: {min: 2, max: 4, headroom: 1}
  - name: other
    server: {kind: container, image: "registry.example/other:1", port: 8080}
    compute: {cpu: 1, memory: 1Gi}
"""
SERVICE = {"kind": "InferenceService", "metadata": {"name": "story"}}
SCALER = {
    "kind": "ScaledObject",
    "metadata": {"name": "story-predictor", "annotations": {PAUSED: "0"}},
    "spec": {"minReplicaCount": 2, "scaleTargetRef": {"name": "story-predictor"}},
}


@pytest.fixture(autouse=True)
def silent(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workaday.cli.use.show_state", lambda workspace, *, as_json: None)


def switch(workspace: Workspace, verb: str, name: str = "story", stage: str | None = None) -> None:
    do = getattr(pausing, verb)
    assert do(name, workspace.root / "project.yaml", stage, yes=True, as_json=False) == 0


def text_of(workspace: Workspace) -> str:
    return (workspace.root / "project.yaml").read_text()


def values(helm, name: str = "story") -> dict:
    return helm.records(name)[-1]["config"]["models"][0]


def test_a_model_is_paused_and_brought_back(helm, cluster, project) -> None:
    workspace = project(WRITTEN)
    switch(workspace, "pause")
    assert text_of(workspace) == WRITTEN.replace("headroom: 1}\n", "headroom: 1}\n    paused: true\n")
    assert values(helm)["scaling"]["paused"] is True
    assert values(helm)["scaling"]["min"] == 2
    assert values(helm)["headroom"]["replicas"] == 0
    assert values(helm, "other")["scaling"]["paused"] is False
    switch(workspace, "resume")
    assert text_of(workspace) == WRITTEN
    assert values(helm)["scaling"]["paused"] is False
    assert values(helm)["headroom"]["replicas"] == 1


def test_what_is_so_already_is_applied_and_the_file_left(helm, cluster, project, capsys) -> None:
    workspace = project(WRITTEN)
    switch(workspace, "resume")
    assert "`story` is not paused" in capsys.readouterr().out
    assert text_of(workspace) == WRITTEN
    assert helm.records("story")
    switch(workspace, "pause")
    before = text_of(workspace)
    switch(workspace, "pause")
    assert text_of(workspace) == before


def environment(workspace: Workspace, text: str) -> Path:
    file = workspace.root / "environments" / "prod.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def paused(workspace: Workspace, stage: str | None) -> list[str]:
    opened = open_workspace(workspace.root / "project.yaml", stage)
    return [each.name for each in opened.blueprint.models if each.paused]


@pytest.mark.parametrize("before", ["namespace: prod\n", "models:\n  - {name: story, scale: {max: 9}}\n"])
def test_an_environment_is_paused_alone(helm, cluster, project, before) -> None:
    workspace = project(WRITTEN)
    environment(workspace, before)
    switch(workspace, "pause", stage="prod")
    assert text_of(workspace) == WRITTEN
    assert (paused(workspace, None), paused(workspace, "prod")) == ([], ["story"])
    switch(workspace, "resume", stage="prod")
    assert (paused(workspace, None), paused(workspace, "prod")) == ([], [])


def test_what_is_paused_everywhere_is_resumed_in_one_environment(helm, cluster, project) -> None:
    workspace = project(WRITTEN.replace("    scale:", "    paused: true\n    scale:"))
    file = environment(workspace, "models:\n  - {name: story, scale: {max: 9}}\n")
    switch(workspace, "resume", stage="prod")
    assert (paused(workspace, None), paused(workspace, "prod")) == (["story"], [])
    assert "paused: false" in file.read_text()


def test_an_environment_that_lists_others_is_not_rewritten(helm, cluster, project) -> None:
    workspace = project(WRITTEN)
    file = environment(workspace, "models:\n  - {name: other, scale: {max: 9}}\n")
    before = file.read_text()
    with pytest.raises(ProjectError) as refused:
        pausing.pause("story", workspace.root / "project.yaml", "prod", yes=True, as_json=False)
    assert [each.code for each in refused.value.diagnostics] == ["X178"]
    assert file.read_text() == before


def test_a_paused_canary_has_no_replica_either(helm, cluster, project) -> None:
    canary = "    canary: {overrides: {env: {MODE: quick}}}\n    paused: true\n"
    workspace = project(WRITTEN.replace("    scale:", canary + "    scale:"))
    tree = render(workspace.blueprint)
    found = json.loads(tree["releases/story-canary.json"])["models"][0]
    assert found["scaling"]["paused"] is True


PIPELINE = """\
registry: {prefix: ghcr.io/team}
pipelines:
  - {name: both, steps: [{name: one, model: story}, {name: two, model: other, after: [one]}]}
"""


@pytest.mark.parametrize("name", ["both", "story"])
def test_what_has_no_pod_of_its_own_is_not_paused(helm, cluster, project, tmp_path, name) -> None:
    together = PIPELINE if name == "both" else PIPELINE.replace("name: both,", "name: both, together: true,")
    text = WRITTEN + together
    text = re.sub(r"server: {.*}", "server: {kind: torch, predictor: p.py}", text)
    (tmp_path / "p.py").write_text("class Predictor: pass\n")
    workspace = project(text)
    with pytest.raises(ProjectError) as refused:
        pausing.pause(name, workspace.root / "project.yaml", None, yes=True, as_json=False)
    assert [each.code for each in refused.value.diagnostics] == ["X179"]
    assert text_of(workspace) == text


def test_where_no_cluster_answers_the_edit_stays_and_that_is_said(helm, cluster, project, monkeypatch) -> None:
    workspace = project(WRITTEN)

    def silent(*given: object) -> None:
        raise kube.Unreachable("https://plane.example does not answer")

    monkeypatch.setattr(cluster, "every", silent)
    with pytest.raises(ProjectError) as refused:
        switch(workspace, "pause")
    [found] = refused.value.diagnostics
    assert found.code == "X182"
    assert found.hints[-1] == "project.yaml keeps the edit: the next `workaday apply` does it"
    assert "paused: true" in text_of(workspace)


def deployment(replicas: int) -> dict:
    status = {"observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas}
    return {
        "metadata": {
            "name": "story-predictor",
            "generation": 1,
            "labels": {"serving.kserve.io/inferenceservice": "story"},
        },
        "spec": {"replicas": replicas},
        "status": status | {"readyReplicas": replicas, "availableReplicas": replicas},
    }


def look(replicas: int) -> Seen:
    ready = {"metadata": {"name": "story"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    return Seen(services=[ready], deployments=[deployment(replicas)])


def test_a_paused_model_is_there_once_its_replicas_are_gone() -> None:
    assert standing([SERVICE, SCALER], look(2)).state == "waiting"
    found = standing([SERVICE, SCALER], look(0))
    assert (found.state, found.ready, found.wanted, found.paused) == ("ready", 0, 0, True)


def test_without_the_pause_no_replicas_are_too_few() -> None:
    awake = copy.deepcopy(SCALER)
    del awake["metadata"]["annotations"]
    found = standing([SERVICE, awake], look(0))
    assert (found.state, found.wanted, found.paused) == ("waiting", 2, False)
