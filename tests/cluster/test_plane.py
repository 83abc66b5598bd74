"""The control plane itself: it starts, it judges as a real one does, it leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from plane import network, programs, session
from plane.kubectl import Kubectl, KubectlError
from plane.plane import PROGRAMS, Plane
from plane.pods import ProcessNode
from plane.processes import Processes, started_at, until
from plane.testing import Apply, LeftOut, Need

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web}]}
"""


def test_the_server_is_the_pinned_version(kubectl: Kubectl) -> None:
    version = json.loads(kubectl("version", "--output=json"))["serverVersion"]["gitVersion"]
    assert version == programs.tools()["k8s"].version()


@pytest.mark.parametrize(
    "kind",
    [
        "inferenceservices",
        "scaledobjects",
        "httpscaledobjects",
        "httproutes",
        "nodepools",
        "ec2nodeclasses",
        "podmonitors",
        "prometheusrules",
    ],
)
def test_the_pinned_kinds_are_served(kind: str, kubectl: Kubectl, namespace: str) -> None:
    assert kubectl.list(kind, namespace=namespace) == []


def test_a_dry_run_leaves_nothing(apply: Apply, kubectl: Kubectl, namespace: str) -> None:
    apply(DEPLOYMENT, dry_run=True)
    assert kubectl.list("deployments", namespace=namespace) == []


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("replicas: 2", "replicas: -2", "must be greater than or equal to 0"),
        ("replicas: 2", "replica: 2", 'unknown field "replica"'),
        ("{app: web}}\n  template", "{app: other}}\n  template", "does not match template"),
    ],
)
def test_a_dry_run_judges(right: str, wrong: str, complaint: str, apply: Apply) -> None:
    assert right in DEPLOYMENT
    with pytest.raises(KubectlError, match=complaint):
        apply(DEPLOYMENT.replace(right, wrong), dry_run=True)


def test_controllers_act(apply: Apply, kubectl: Kubectl, namespace: str) -> None:
    apply(DEPLOYMENT)
    kubectl("wait", "--for=create", "--timeout=240s", f"--namespace={namespace}", "pod", "--selector=app=web")
    kubectl(
        "wait", "--for=jsonpath={.status.replicas}=2", "--timeout=240s", f"--namespace={namespace}", "deployment/web"
    )
    assert len(kubectl.list("pods", namespace=namespace)) == 2


def test_it_is_in_a_network_of_its_own(plane: Plane, left_out: LeftOut) -> None:
    if reason := network.unavailable():
        left_out(f"pods as processes: {reason}")
    assert network.isolated()
    etcd = plane.processes.recorded()["etcd"]["pid"]
    assert Path(f"/proc/{etcd}/ns/net").readlink() != Path(f"/proc/{os.getppid()}/ns/net").readlink()


def test_its_end_leaves_no_process(need: Need, tmp_path: Path) -> None:
    need(*PROGRAMS)
    with session.new(tmp_path / "plane") as plane:
        started = plane.processes.recorded()
    assert {*started} >= {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}
    assert [name for name, each in started.items() if started_at(each["pid"]) == each["ticks"]] == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["asked", "killed"])
def test_the_end_of_a_node_of_processes_is_the_end_of_its_pods(
    how: int, process_node: ProcessNode, apply: Apply, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    node = ProcessNode(process_node.plane, "process-15")
    node.start()
    node.image("sleeper", ["sh", "-c", "echo $$ > /notes/pid; exec sleep 600"], {"/notes": notes})
    spec = {"nodeName": node.name, "containers": [{"name": "sleeper", "image": "sleeper"}]}
    apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "sleeper"}, "spec": spec})
    until("it runs", lambda: (notes / "pid").exists() and (notes / "pid").read_text().strip())
    pod = int((notes / "pid").read_text())
    assert started_at(pod) is not None
    os.kill(process_node.plane.processes.recorded()[node.name]["pid"], how)
    until("its end", lambda: started_at(pod) is None)
    node.stop()


def test_a_process_of_another_start_is_left_alone(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    processes.start("sleeper", ["sleep", "60"])
    entry = processes.recorded()["sleeper"]
    stranger = {**entry, "ticks": entry["ticks"] - 1}
    processes.record.write_text(json.dumps({"sleeper": stranger}))
    processes.stop()
    assert started_at(entry["pid"]) == entry["ticks"]
    processes.record.write_text(json.dumps({"sleeper": entry}))
    processes.stop()
    assert started_at(entry["pid"]) is None
