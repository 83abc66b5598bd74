"""From an empty control plane to a model that answers, by `workaday apply` alone: its add-ons are real Helm releases.

KServe's two charts are the project's own, from a folder as in a closed network; its controller runs in the pod that
its Deployment makes, as a process. KEDA, Prometheus and cert-manager are `existing`: definitions, and for certificates
a stand-in. README.md lists what of each add-on runs where.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faults import Gate, applying, release
from plane import controllers, crds, inside, network, programs, session
from plane.kubectl import objects
from plane.plane import Plane
from plane.pods import ProcessNode
from plane.processes import until
from plane.testing import LeftOut, Need

from workaday.execute import existing, kube, upgrading
from workaday.execute.workspace import Workspace
from workaday.project.diagnostics import ProjectError

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]

CONTROLLER = "docker.io/kserve/kserve-controller:v0.20.0"
PROXY = "quay.io/brancz/kube-rbac-proxy:v0.18.0"
MODEL = "registry.example/story:1"
RBAC = "rbac.authorization.k8s.io"
PROJECT = """\
version: 1
name: dungeon
platform: {kind: existing, context: plane, kubeconfig: kubeconfig}
addons: {charts: charts, kserve: {}, cert_manager: existing, keda: existing, metrics: existing}
models:
  - name: story
    server: {kind: container, image: "registry.example/story:1", port: 8080, ready: /}
    compute: {cpu: 1, memory: 1Gi}
    scale: {min: 1, max: 1}
"""
SERVER = """\
import http.server
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"once upon a time")
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Answer).serve_forever()
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def bare(need: Need, left_out: LeftOut, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A control plane of its own without KServe, and one node, whose pods are processes."""
    need("kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "kubectl", "helm", "kserve-manager")
    need("charts/kserve-crd", "charts/kserve-resources")
    if reason := network.unavailable():
        left_out(f"pods as processes: {reason}")
    folder = tmp_path_factory.mktemp("bare")
    with session.new(folder) as plane:
        crds.install(plane, [crds.CRDS / each for each in ("keda", "prometheus-operator", "cert-manager")])
        inside.api_server(plane)
        inside.certificates(plane)
        node = ProcessNode(plane)
        node.image(CONTROLLER, [], {"/manager": programs.find("kserve-manager")}, inside.IN_CLUSTER)
        node.image(PROXY, ["/bin/sh", "-c", "exec sleep infinity"])  # only metrics come through it
        (folder / "server.py").write_text(SERVER)
        node.image(MODEL, [sys.executable, "/server.py"], {"/server.py": folder / "server.py"})
        node.start(taints=())
        yield plane


@pytest.fixture
def folder(bare: Plane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The project; what it installed is gone afterwards."""
    (tmp_path / "project.yaml").write_text(PROJECT)
    (tmp_path / "kubeconfig").write_bytes(bare.kubeconfig.read_bytes())
    for each in ("kserve-crd", "kserve-resources"):
        shutil.copytree(programs.find(f"charts/{each}"), tmp_path / "charts" / each)
    monkeypatch.setenv("WORKADAY_HELM", str(programs.find("helm")))
    yield tmp_path
    subprocess.run([sys.executable, "-m", "workaday", "destroy", "--yes"], cwd=tmp_path, check=False)


@pytest.fixture
def run(folder: Path) -> Run:
    """Run the command in the project's folder."""

    def do(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "workaday", *arguments]
        return subprocess.run(command, cwd=folder, env=dict(os.environ), capture_output=True, text=True, check=False)

    return do


def planned(run: Run) -> list[tuple[str, str]]:
    answer = json.loads(run("plan", "--format", "json").stdout)
    return [(each["action"], each["key"]) for each in answer["changes"]]


def answer(plane: Plane) -> str:
    """Ask the model, at its pod's address."""
    pods = plane.kubectl.list("pods", "--selector=serving.kserve.io/inferenceservice=story", namespace="dungeon")
    address = next(each["status"]["podIP"] for each in pods)
    with urllib.request.urlopen(f"http://{address}:8080/", timeout=10) as said:
        body: bytes = said.read()
    return body.decode()


def test_from_an_empty_cluster_to_a_model_that_answers_and_back(run: Run, bare: Plane, folder: Path) -> None:
    assert planned(run) == [("create", "kserve-crd"), ("create", "kserve"), ("create", "story")]
    done = run("apply")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    order = [line.split()[0] for line in lines if " ready " in line]
    assert order[:3] == ["kserve-crd", "kserve", "story"]
    assert answer(bare) == "once upon a time"
    assert planned(run) == []

    gone = run("destroy", "--yes")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    names = [each["metadata"]["name"] for each in bare.kubectl.list("crd")]
    assert [each for each in names if each.endswith("serving.kserve.io")] == []
    assert "kserve" not in [each["metadata"]["name"] for each in bare.kubectl.list("namespaces")]


def killed_when(folder: Path, what: Callable[[], Any]) -> None:
    """Start an apply and kill it once something is there."""
    command = [sys.executable, "-m", "workaday", "apply", "--yes"]
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until("the stage to be reached", what, 300)
    child.send_signal(signal.SIGKILL)
    child.wait()


def test_an_apply_that_is_killed_in_each_stage_is_gone_on_with(run: Run, bare: Plane, folder: Path) -> None:
    def release(name: str) -> Callable[[], Any]:
        selector = f"--selector=owner=helm,name={name}"
        return lambda: bare.kubectl.list("secrets", selector, "--all-namespaces")

    def deployment() -> Any:
        found = bare.kubectl.list("deployments", "--all-namespaces")
        return [each for each in found if each["metadata"]["name"] == "kserve-controller-manager"]

    for reached in (release("kserve-crd"), deployment, release("story")):
        killed_when(folder, reached)
    done = run("apply", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert answer(bare) == "once upon a time"
    assert planned(run) == []


def test_an_api_server_lost_while_addons_are_installed(run: Run, bare: Plane, folder: Path) -> None:
    gate = Gate(bare.port("kube-apiserver"))
    through = bare.kubeconfig.read_text().replace(bare.server, f"https://127.0.0.1:{gate.port}")
    (folder / "kubeconfig").write_text(through)
    child = applying(folder, lost=2.0)  # for good: while Helm sends the controller
    until("Helm is at work", lambda: child.poll() is not None or release(bare.kubectl, "kserve"), 300)
    gate.close()
    said = child.communicate()[1]
    assert child.returncode == 1
    assert said.count("error[") == 1, said
    assert "error[X182]: the cluster does not answer" in said
    assert "project.yaml:3:" in said
    assert release(bare.kubectl, "story") == {}

    gate.open()
    child = applying(folder)  # for a while: while the controller is waited for
    until("the controller", lambda: child.poll() is not None or waited_for(bare), 300)
    assert child.poll() is None
    gate.close()
    threading.Timer(3.0, gate.open).start()
    out, said = child.communicate()
    gate.close()
    (folder / "kubeconfig").write_bytes(bare.kubeconfig.read_bytes())
    assert child.returncode == 0, out + said
    assert answer(bare) == "once upon a time"
    assert planned(run) == []


def waited_for(plane: Plane) -> bool:
    """Return whether Helm has sent the controller, which is not ready yet."""
    found = plane.kubectl.list("secrets", "--selector=owner=helm,name=kserve,status=deployed", namespace="kserve")
    live = plane.kubectl.get("deployment", "kserve-controller-manager", "kserve")
    return bool(found) and not live["status"].get("readyReplicas")


def test_credentials_that_have_expired_and_a_right_that_one_object_lacks(run: Run, bare: Plane, folder: Path) -> None:
    bare.write_kubeconfig(folder / "kubeconfig", token="expired")
    for verb in (("plan",), ("apply", "--yes"), ("apply", "--yes", "--only", "addons"), ("destroy", "--yes")):
        said = run(*verb).stderr
        assert "error[X181]: the credentials of context `plane` do not serve: Unauthorized" in said, verb
        assert "project.yaml:3:" in said, verb
    assert bare.kubectl.list("secrets", "--selector=owner=helm", "--all-namespaces") == []

    every = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    hooks = {"apiGroups": ["admissionregistration.k8s.io"], "resources": ["*"], "verbs": ["*"]}
    known = bare.kubectl("api-versions").split()
    groups = sorted({each.partition("/")[0] if "/" in each else "" for each in known} | {"serving.kserve.io"})
    but_one = {**every, "apiGroups": [each for each in groups if each not in hooks["apiGroups"]]}
    look = {**hooks, "verbs": ["get", "list", "watch"]}
    role = {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": "ann"}, "rules": [but_one, look]}
    account = controllers.service_account("default", "ann")
    bound = controllers.binding("ann", "ann", {"name": "ann", "namespace": "default"})
    bare.kubectl.apply([account, role, bound])
    (folder / "kubeconfig").write_bytes(controllers.kubeconfig(bare, "default", "ann").read_bytes())
    done = run("apply", "--yes")
    assert done.returncode == 1
    assert "error[X183]: `system:serviceaccount:default:ann` may not patch" in done.stderr, done.stderr
    assert "webhookconfigurations.admissionregistration.k8s.io, which `kserve` needs" in done.stderr
    assert "project.yaml:3:" in done.stderr
    assert release(bare.kubectl, "story") == {}

    role["rules"] = [every]
    bare.kubectl.apply([role])
    done = run("apply", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert answer(bare) == "once upon a time"
    assert planned(run) == []
    bare.kubectl("delete", "clusterrole,clusterrolebinding", "ann")
    (folder / "kubeconfig").write_bytes(bare.kubeconfig.read_bytes())


def test_an_addon_of_somebody_else_is_left_alone(run: Run, bare: Plane, folder: Path) -> None:
    bare.kubectl.apply(objects(crds.CRDS / "kserve"))
    try:
        done = run("apply", "--yes")
        assert "error[X192]: already in the cluster: KServe's definitions" in done.stderr
        assert "addons: {kserve: existing}" in done.stderr
        assert bare.kubectl.list("secrets", "--selector=owner=helm", "--all-namespaces") == []
    finally:
        names = [each["metadata"]["name"] for each in bare.kubectl.list("crd")]
        bare.kubectl("delete", "crd", *(each for each in names if each.endswith("serving.kserve.io")))


def test_an_addon_that_does_not_get_ready_says_why_and_the_next_run_mends_it(
    run: Run, bare: Plane, folder: Path
) -> None:
    node = ProcessNode(bare)
    node.image(CONTROLLER, [], {"/manager": "/bin/false"}, inside.IN_CLUSTER)
    try:
        command = [sys.executable, "-c", IMPATIENT]
        done = subprocess.run(command, cwd=folder, env=dict(os.environ), capture_output=True, text=True, check=False)
    finally:
        node.image(CONTROLLER, [], {"/manager": programs.find("kserve-manager")}, inside.IN_CLUSTER)
    assert "error[X191]: KServe v0.20.0 does not work after" in done.stderr, done.stdout + done.stderr
    assert "pod/kserve-controller-manager" in done.stderr
    assert bare.kubectl.list("secrets", "--selector=owner=helm,name=story", "--all-namespaces") == []
    done = run("apply", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert answer(bare) == "once upon a time"


def test_a_kubernetes_that_would_be_skipped_or_go_back_is_refused(bare: Plane) -> None:
    place = existing.Place(kube.opened(str(bare.kubeconfig), "plane"), "dungeon", "dungeon/default")
    live = json.loads(bare.kubectl("version", "--output=json"))["serverVersion"]
    major, minor = int(live["major"]), int(live["minor"])
    for wanted, said in ((minor + 2, f"would skip {major}.{minor + 1}"), (minor - 1, "none goes back")):
        with pytest.raises(ProjectError, match=re.escape(said)) as caught:
            upgrading.refuse_skipped(wanting(f"{major}.{wanted}"), place)
        assert [each.code for each in caught.value.diagnostics] == ["X194"]
    for wanted in (minor, minor + 1):
        upgrading.refuse_skipped(wanting(f"{major}.{wanted}"), place)


def wanting(kubernetes: str) -> Workspace:
    """Return as much of a project on a cloud as says which Kubernetes it wants."""
    blueprint = SimpleNamespace(cloud=SimpleNamespace(kubernetes=kubernetes))
    return cast("Workspace", SimpleNamespace(blueprint=blueprint))


IMPATIENT = """
from workaday.execute import installing
installing.HOPELESS_SECONDS = 3.0
import sys
from workaday.__main__ import main
sys.argv = ["workaday", "apply", "--yes"]
main()
"""
