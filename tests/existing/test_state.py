"""What `status`, `logs`, `plan` and `destroy` print; helm and the API server are fakes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from workaday.cli import deploy, use
from workaday.execute import kube
from workaday.execute.workspace import Workspace
from workaday.project.diagnostics import ProjectError

pytestmark = pytest.mark.usefixtures("quick")

CRASHED = {
    "phase": "Running",
    "containerStatuses": [
        {
            "name": "kserve-container",
            "restartCount": 3,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
        }
    ],
}
RUNNING = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


def file_of(workspace: Workspace) -> Path:
    return workspace.root / "project.yaml"


def states(workspace: Workspace, capsys: Any) -> dict[str, dict[str, Any]]:
    capsys.readouterr()
    use.status(file_of(workspace), None, as_json=True)
    return {each["name"]: each for each in json.loads(capsys.readouterr().out)}


def test_states(helm, cluster, project, applied, capsys) -> None:
    workspace = project()
    assert states(workspace, capsys)["story"]["state"] == "stopped"
    applied(workspace)
    found = states(workspace, capsys)
    assert (found["story"]["state"], found["story"]["revision"], found["story"]["error"]) == ("ready", "1", None)
    cluster.never["story"] = CRASHED
    found = states(workspace, capsys)
    assert found["story"]["state"] == "failed"
    assert found["story"]["error"].startswith("pod/story-0: CrashLoopBackOff: it ended with exit code 1")
    assert found["other"]["state"] == "ready"
    cluster.never["story"] = {"phase": "Pending"}
    assert states(workspace, capsys)["story"]["state"] == "loading"
    cluster.never.clear()
    assert states(project(file_of(workspace).read_text().replace("story:1", "story:2")), capsys)["story"]["state"] == (
        "outdated"
    )


def test_a_replica_without_room_is_pending_and_one_that_waits_long_has_stalled(
    helm, cluster, project, applied, capsys, monkeypatch
) -> None:
    workspace = project()
    applied(workspace)
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no GPU"}
    cluster.never["story"] = {"phase": "Pending", "conditions": [unscheduled]}
    found = states(workspace, capsys)["story"]
    assert (found["state"], found["error"]) == ("pending", "pod/story-0: Unschedulable: no GPU")
    every = cluster.every

    def long_ago(kind: kube.Kind, namespace: str | None = None, labels: Any = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = every(kind, namespace, labels)
        for each in found if kind is kube.POD else ():
            each["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"
        return found

    monkeypatch.setattr(cluster, "every", long_ago)
    assert states(workspace, capsys)["story"]["state"] == "stalled"
    cluster.never["story"] = CRASHED
    assert states(workspace, capsys)["story"]["state"] == "failed"


def test_latency_is_what_prometheus_says(helm, cluster, project, applied, capsys) -> None:
    workspace = project()
    applied(workspace)
    assert states(workspace, capsys)["story"]["p99_seconds"] is None
    series = [
        {"metric": {"model": "story"}, "value": [0, "0.25"]},
        {"metric": {"model": "other"}, "value": [0, "NaN"]},
    ]
    cluster.answers["prometheus-operated:9090/proxy"] = json.dumps({"data": {"result": series}}).encode()
    found = states(workspace, capsys)
    assert (found["story"]["p99_seconds"], found["other"]["p99_seconds"]) == (0.25, None)
    cluster.answers["prometheus-operated:9090/proxy"] = b"<html>"
    assert states(workspace, capsys)["story"]["p99_seconds"] is None


def test_watching_prints_again_what_has_changed(helm, cluster, project, applied, capsys, monkeypatch) -> None:
    workspace = project()
    applied(workspace)
    turns = iter([None, CRASHED, CRASHED])

    def next_turn(seconds: float) -> None:
        try:
            status = next(turns)
        except StopIteration:
            raise KeyboardInterrupt from None
        if status:
            cluster.never["story"] = status

    monkeypatch.setattr("workaday.cli.use.time.sleep", next_turn)
    capsys.readouterr()
    with pytest.raises(KeyboardInterrupt):
        use.status(file_of(workspace), None, watch=True, as_json=False)
    said = capsys.readouterr().out
    assert said.count("model  state") == 2
    assert "CrashLoopBackOff" in said.partition("failed")[2]


def test_replicas_are_counted_by_the_kind_of_their_node(helm, cluster, project, applied, capsys, monkeypatch) -> None:
    workspace = project()
    applied(workspace)
    cluster.never["story"] = RUNNING
    every = cluster.every

    def with_nodes(kind: kube.Kind, namespace: str | None = None, labels: Any = None) -> list[dict[str, Any]]:
        if kind is kube.NODE:
            labels = {"workaday.dev/pool": "gpu", "workaday.dev/capacity": "spot"}
            return [{"metadata": {"name": "n1", "labels": labels}}]
        found = every(kind, namespace, labels)
        for each in found if kind is kube.POD else ():
            each["spec"]["nodeName"] = "n1"
        return found

    monkeypatch.setattr(cluster, "every", with_nodes)
    assert states(workspace, capsys)["story"]["nodes"] == {"gpu/spot": 1}


def test_who_may_not_see_nodes_still_sees_the_models(helm, cluster, project, applied, capsys, monkeypatch) -> None:
    workspace = project()
    applied(workspace)
    every = cluster.every

    def no_nodes(kind: kube.Kind, namespace: str | None = None, labels: Any = None) -> list[dict[str, Any]]:
        if kind is kube.NODE:
            raise kube.mistake_at("X183", "you may not list nodes", kube.CONTEXT)
        found: list[dict[str, Any]] = every(kind, namespace, labels)
        return found

    monkeypatch.setattr(cluster, "every", no_nodes)
    assert states(workspace, capsys)["story"]["state"] == "ready"


def test_logs_are_each_replicas_last_lines(helm, cluster, project, applied, capsys) -> None:
    workspace = project()
    with pytest.raises(ProjectError, match="`story` is not running"):
        use.logs("story", file_of(workspace), None, lines=5)
    applied(workspace)
    cluster.never["story"] = RUNNING
    capsys.readouterr()
    use.logs("story", file_of(workspace), None, lines=5)
    assert capsys.readouterr().out == "Traceback\nKeyError: 'weights'\n"


def test_plan_apply_and_destroy_in_words(helm, cluster, project, capsys) -> None:
    file = file_of(project())
    deploy.plan(file, None, detailed=False, as_json=False)
    planned = capsys.readouterr().out
    assert planned.splitlines()[:3] == [
        "release  kind   action   detail",
        "other    model  install",
        "story    model  install",
    ]
    deploy.apply(file, None, yes=False, as_json=False)
    said = capsys.readouterr().out
    assert "story  ready         0/0" in said
    assert "model  state  ready  nodes  revision  p99  url" in said
    deploy.plan(file, None, detailed=False, as_json=False)
    assert "nothing to do: the cluster runs what project.yaml says" in capsys.readouterr().out
    with pytest.raises(ProjectError, match="destroy would remove other, story"):
        deploy.destroy(file, None, yes=False, confirm=None, as_json=False)
    deploy.destroy(file, None, yes=True, confirm=None, as_json=False)
    said = capsys.readouterr().out
    assert "kubectl delete namespace dungeon" in said
    assert "KServe, KEDA and their definitions" in said
    deploy.destroy(file, None, yes=True, confirm=None, as_json=False)
    assert capsys.readouterr().out == "nothing to destroy\n"


def test_destroy_needs_no_tree(helm, cluster, project, applied, capsys) -> None:
    workspace = project()
    applied(workspace)
    shutil.rmtree(workspace.tree)
    deploy.destroy(file_of(workspace), None, yes=True, confirm=None, as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "destroyed": ["other", "story"],
        "kept": ["namespace/dungeon"],
    }
    assert list((helm.folder / "cluster").iterdir()) == []


def test_the_way_to_a_model_inside_the_cluster_is_told(project) -> None:
    with pytest.raises(ProjectError) as caught:
        use.predict("story", "{}", file_of(project()), None)
    (finding,) = caught.value.diagnostics
    assert "kubectl --namespace dungeon port-forward service/story-predictor 8080:80" in finding.hints[0]
