"""plan, apply, status, rollback and destroy in a cluster that is there: real Helm, API server, KServe; KWOK's nodes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from faults import Gate
from plane import controllers, programs
from plane.kubectl import Kubectl
from plane.plane import Plane
from plane.processes import until

from workaday.execute import existing, rolling, waiting
from workaday.execute.workspace import open_workspace
from workaday.project.diagnostics import ProjectError, render_text
from workaday.render import render
from workaday.render.tree import write

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800), pytest.mark.usefixtures("kserve")]

Run = Callable[..., subprocess.CompletedProcess[str]]
PROJECT = """\
version: 1
name: dungeon
namespace: {namespace}
platform: {{kind: existing, context: plane, kubeconfig: kubeconfig}}
models:
  - name: story
    server: {{kind: container, image: "registry.example/story:1", port: 8080}}
    compute: {{cpu: 1, memory: 1Gi}}
  - name: other
    server: {{kind: container, image: "registry.example/other:1", port: 8080}}
    compute: {{cpu: 1, memory: 1Gi}}
"""


@pytest.fixture
def folder(plane: Plane, namespace: str, tmp_path: Path) -> Path:
    """A project of two models, in the test's own namespace."""
    (tmp_path / "project.yaml").write_text(PROJECT.format(namespace=namespace))
    (tmp_path / "kubeconfig").write_bytes(plane.kubeconfig.read_bytes())
    return tmp_path


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("WORKADAY_HELM", str(programs.find("helm")))
    return dict(os.environ)


@pytest.fixture
def run(folder: Path, environment: dict[str, str]) -> Run:
    """Run the command in the project's folder."""

    def do(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "workaday", *arguments]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    return do


def change(folder: Path, old: str, new: str) -> None:
    file = folder / "project.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def applied(folder: Path) -> None:
    """Plan and apply in this process, so that its patience can be shortened."""
    workspace = open_workspace(folder / "project.yaml", None)
    write(workspace.tree, render(workspace.blueprint))
    existing.plan(workspace)
    existing.apply(workspace, lambda event: None)


def releases(kubectl: Kubectl, namespace: str) -> dict[str, tuple[int, str]]:
    """Return the newest revision of each release, and its state, from the labels of Helm's Secrets."""
    found: dict[str, tuple[int, str]] = {}
    for each in kubectl.list("secrets", "--selector=owner=helm", namespace=namespace):
        labels = each["metadata"]["labels"]
        newest = (int(labels["version"]), labels["status"])
        found[labels["name"]] = max(found.get(labels["name"], newest), newest)
    return found


def states(run: Run) -> dict[str, Any]:
    return {each["name"]: each for each in json.loads(run("status", "--format", "json").stdout)}


def test_from_nothing_to_ready_then_nothing_to_do_then_clean(run: Run, kubectl: Kubectl, namespace: str) -> None:
    planned = run("plan", "--detailed-exitcode")
    assert planned.returncode == 2, planned.stderr
    done = run("apply")
    assert done.returncode == 0, done.stderr
    assert releases(kubectl, namespace) == {"story": (1, "deployed"), "other": (1, "deployed")}
    assert {name: (each["state"], each["ready"]) for name, each in states(run).items()} == {
        "story": ("ready", 1),
        "other": ("ready", 1),
    }
    assert states(run)["story"]["nodes"] == {"system/on-demand": 1}
    again = run("apply", "--yes")
    assert "nothing to do" in again.stdout
    assert releases(kubectl, namespace)["story"] == (1, "deployed")
    assert run("plan", "--detailed-exitcode").returncode == 0

    gone = run("destroy", "--yes")
    assert gone.returncode == 0, gone.stderr
    assert f"kubectl delete namespace {namespace}" in gone.stdout
    kinds = (
        "inferenceservices,scaledobjects,httproutes,poddisruptionbudgets,networkpolicies,configmaps,secrets,deployments"
    )
    left = kubectl.list(kinds, namespace=namespace)
    assert [each["metadata"]["name"] for each in left if each["metadata"]["name"] != "kube-root-ca.crt"] == []
    assert states(run)["story"]["state"] == "stopped"


def test_a_changed_image_rolls_one_model_and_a_rollback_writes_the_old_one(
    run: Run, folder: Path, kubectl: Kubectl, namespace: str
) -> None:
    assert run("apply", "--yes").returncode == 0
    before = (folder / "project.yaml").read_text()
    change(folder, "story:1", "story:2")
    assert "image" in run("plan").stdout
    done = run("apply")
    assert done.returncode == 0, done.stderr
    assert releases(kubectl, namespace) == {"story": (2, "deployed"), "other": (1, "deployed")}
    deployment = kubectl.get("deployment", "story-predictor", namespace)
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/story:2"
    assert deployment["status"]["updatedReplicas"] == deployment["status"]["readyReplicas"] == 1
    back = run("rollback", "story", "--yes")
    assert back.returncode == 0, back.stderr
    assert (folder / "project.yaml").read_text().replace("'", '"').replace('"', "") == before.replace('"', "")
    deployment = kubectl.get("deployment", "story-predictor", namespace)
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/story:1"
    assert releases(kubectl, namespace)["story"] == (3, "deployed")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolling, "START_SECONDS", 4.0)
    monkeypatch.setattr(rolling.Rolling, "load_seconds", lambda self, wanted: 0.0)
    monkeypatch.setattr(waiting, "DEEP_SECONDS", 1.0)


@pytest.mark.usefixtures("environment", "impatient")
def test_what_no_node_has_room_for_is_said_at_its_line_and_undone(
    folder: Path, kubectl: Kubectl, namespace: str
) -> None:
    change(folder, "cpu: 1", "cpu: 900")
    with pytest.raises(ProjectError) as caught:
        applied(folder)
    said = render_text(caught.value.diagnostics, caught.value.sources, color=False)
    assert "error[X185]: `story` is not ready" in said
    assert "pod/story-predictor" in said
    assert "Unschedulable" in said
    assert "Insufficient cpu" in said
    assert "project.yaml:8:14  (models[0].compute)" in said
    assert "it was removed again" in said
    assert releases(kubectl, namespace) == {"other": (1, "deployed")}


@pytest.mark.usefixtures("environment", "impatient")
def test_a_version_that_does_not_start_never_takes_the_old_one_away(
    folder: Path, kubectl: Kubectl, namespace: str
) -> None:
    applied(folder)
    change(folder, "cpu: 1", "cpu: 900")
    with pytest.raises(ProjectError, match="is not ready"):
        applied(folder)
    assert releases(kubectl, namespace)["story"] == (3, "deployed")
    change(folder, "cpu: 900", "cpu: 1")
    workspace = open_workspace(folder / "project.yaml", None)
    write(workspace.tree, render(workspace.blueprint))
    until("the old version alone", lambda: existing.plan(workspace).changes == (), 60)


def test_a_run_that_was_killed_is_gone_on_with(
    run: Run, folder: Path, environment: dict[str, str], kubectl: Kubectl, namespace: str
) -> None:
    command = [sys.executable, "-m", "workaday", "apply", "--yes"]
    killed = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until("a first release", lambda: releases(kubectl, namespace), 120)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    done = run("apply", "--yes")
    assert done.returncode == 0, done.stderr
    assert {name for name, (_, status) in releases(kubectl, namespace).items() if status == "deployed"} == {
        "story",
        "other",
    }
    assert run("plan", "--detailed-exitcode").returncode == 0


@pytest.fixture
def gate(plane: Plane, folder: Path) -> Iterator[Gate]:
    made = Gate(plane.port("kube-apiserver"))
    text = plane.kubeconfig.read_text().replace(plane.server, f"https://127.0.0.1:{made.port}")
    (folder / "kubeconfig").write_text(text)
    yield made
    made.close()


@pytest.mark.usefixtures("environment")
def test_an_api_server_that_goes_away_for_a_while_is_waited_for(
    gate: Gate, folder: Path, kubectl: Kubectl, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = []
    look = existing.look

    def gone_once(place: existing.Place, *, deep: bool = False) -> Any:
        # both are waited for: what Helm sends at the moment would end in an error
        if not closed and list(releases(kubectl, namespace).values()) == [(1, "deployed")] * 2:
            closed.append(True)
            gate.close()
            threading.Timer(3.0, gate.open).start()
        return look(place, deep=deep)

    monkeypatch.setattr(existing, "look", gone_once)
    applied(folder)
    assert closed
    assert releases(kubectl, namespace) == {"story": (1, "deployed"), "other": (1, "deployed")}


@pytest.mark.usefixtures("environment")
def test_an_api_server_that_stays_away_ends_the_run_and_the_next_one_goes_on(
    gate: Gate, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = existing.look

    def gone(place: existing.Place, *, deep: bool = False) -> Any:
        gate.close()
        return look(place, deep=deep)

    with monkeypatch.context() as patch:
        patch.setattr(existing, "look", gone)
        patch.setattr(waiting, "LOST_SECONDS", 2.0)
        with pytest.raises(ProjectError) as caught:
            applied(folder)
    assert {each.code for each in caught.value.diagnostics} == {"X182"}
    gate.open()
    applied(folder)
    workspace = open_workspace(folder / "project.yaml", None)
    assert existing.plan(workspace).changes == ()


def test_ways_that_lead_nowhere(run: Run, plane: Plane, folder: Path) -> None:
    change(folder, "context: plane", "context: prod")
    missing = run("plan")
    assert "error[X181]: no context `prod` in" in missing.stderr
    assert "there are: plane" in missing.stderr
    change(folder, "context: prod", "context: plane")
    plane.write_kubeconfig(folder / "kubeconfig", token="expired")
    for verb in ("plan", "status"):
        assert "error[X181]: the credentials of context `plane` do not serve: Unauthorized" in run(verb).stderr


def test_a_right_that_is_missing_for_one_object_is_named_and_those_of_its_page_suffice(
    run: Run, plane: Plane, folder: Path, kubectl: Kubectl, namespace: str, repository: Path
) -> None:
    page = (repository / "generator/workaday/codes/X183.md").read_text()
    every = yaml.safe_load(page.split("```yaml")[1].split("```")[0])["rules"]
    rules = [each for each in every if each["apiGroups"] != ["networking.k8s.io"]]
    assert len(rules) == len(every) - 1
    rbac = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": {"name": "ann"}, "rules": rules}
    binding = {
        "apiVersion": f"{rbac}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "ann"},
        "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "ann"},
        "subjects": [{"kind": "ServiceAccount", "name": "ann", "namespace": namespace}],
    }
    kubectl.apply([controllers.service_account(namespace, "ann"), role, binding], namespace=namespace)
    (folder / "kubeconfig").write_bytes(controllers.kubeconfig(plane, namespace, "ann").read_bytes())
    done = run("apply", "--yes")
    assert done.returncode == 1
    assert f"`system:serviceaccount:{namespace}:ann` may not" in done.stderr
    assert "networkpolicies.networking.k8s.io, which `story` needs" in done.stderr
    assert releases(kubectl, namespace) == {}
    role["rules"] = every
    kubectl.apply([role], namespace=namespace)
    done = run("apply", "--yes")
    assert done.returncode == 0, done.stderr


def test_an_object_of_somebody_else_is_not_taken_over(run: Run, kubectl: Kubectl, namespace: str, plane: Plane) -> None:
    kubectl.apply([controllers.service_account(namespace, "story")], namespace=namespace)
    done = run("apply", "--yes")
    assert "error[X186]: ServiceAccount `story`" in done.stderr
    assert releases(kubectl, namespace) == {"other": (1, "deployed")}
    assert kubectl.get("serviceaccount", "story", namespace)
