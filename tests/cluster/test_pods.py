"""Pods that are processes: this repository's server in a pod, behind EndpointSlices, with a kubelet's manners."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from plane.kubectl import Kubectl
from plane.pods import TOLERATION, ProcessNode
from plane.processes import started_at, until
from plane.testing import Apply, WaitReady

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]

PREDICTOR = """
class Predictor:
    def __init__(self, config):
        self.word = config["word"]

    def predict(self, payload):
        return {"word": self.word, "asked": payload["asked"]}
"""
CONFIG = {
    "version": 1,
    "host": "0.0.0.0",
    "port": 8080,
    "drain_seconds": 1.0,
    "models": [
        {
            "name": "echo",
            "revision": "1",
            "predictor": "/models/predictor.py",
            "config": {"word": "hello"},
            "route": "/echo",
        }
    ],
}
READY = {"httpGet": {"path": "/v2/health/ready", "port": "http"}, "periodSeconds": 1}


def pod(image: str, **container: Any) -> dict[str, Any]:
    """Return a pod's specification for the node of processes."""
    return {
        "containers": [{"name": "main", "image": image, **container}],
        "tolerations": [TOLERATION],
        "nodeSelector": {"workaday.dev/runtime": "process"},
        "terminationGracePeriodSeconds": 10,
    }


def lone(name: str, image: str, **container: Any) -> dict[str, Any]:
    """Return a pod of its own."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": pod(image, **container)}


@pytest.fixture
def server(process_node: ProcessNode, tmp_path: Path) -> list[dict[str, Any]]:
    """Return the manifests of two replicas of the model server, configured by a ConfigMap, and their Service."""
    (tmp_path / "predictor.py").write_text(PREDICTOR)
    process_node.model_server("echo-server", tmp_path)
    spec = pod(
        "echo-server:1",
        args=["/etc/workaday/server.json"],
        ports=[{"containerPort": 8080, "name": "http"}],
        readinessProbe=READY,
        volumeMounts=[{"name": "config", "mountPath": "/etc/workaday"}],
        lifecycle={"preStop": {"sleep": {"seconds": 1}}},
    )
    spec["volumes"] = [{"name": "config", "configMap": {"name": "echo"}}]
    labels = {"app": "echo"}
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "echo"},
            "data": {"server.json": json.dumps(CONFIG)},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "echo"},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "echo"},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": "http"}]},
        },
    ]


@pytest.fixture
def addresses(kubectl: Kubectl, namespace: str) -> Callable[[], list[str]]:
    """Return the addresses of a Service's endpoints that are ready."""
    selected = "--selector=kubernetes.io/service-name=echo"

    def ready() -> list[str]:
        return sorted(
            address
            for piece in kubectl.list("endpointslices", selected, namespace=namespace)
            for each in piece.get("endpoints") or []
            if each["conditions"]["ready"]
            for address in each["addresses"]
        )

    return ready


def test_the_model_server_answers_behind_endpoints(
    server: list[dict[str, Any]], apply: Apply, wait_ready: WaitReady, addresses: Callable[[], list[str]]
) -> None:
    apply(server)
    wait_ready("deployment", "echo", "Available")
    until("two endpoints", lambda: len(addresses()) == 2)
    for address in addresses():
        answer = httpx.post(f"http://{address}:8080/echo", json={"asked": 1}, timeout=30, trust_env=False)
        assert answer.json() == {"word": "hello", "asked": 1}


def test_a_service_answers_at_its_address_and_name(
    server: list[dict[str, Any]],
    process_node: ProcessNode,
    apply: Apply,
    wait_ready: WaitReady,
    kubectl: Kubectl,
    namespace: str,
) -> None:
    apply(server)
    wait_ready("deployment", "echo", "Available")
    address = kubectl.get("service", "echo", namespace)["spec"]["clusterIP"]
    ready = httpx.get(f"http://{address}/v2/health/ready", timeout=30, trust_env=False)
    assert ready.status_code == 200
    asking = f"import urllib.request as u; print(u.urlopen('http://echo.{namespace}/v2/health/ready').status, 'said')"
    process_node.image("client", [sys.executable, "-c", asking])
    apply(lone("client", "client") | {"spec": {**pod("client"), "restartPolicy": "Never"}})
    until("its log", lambda: "200 said" in kubectl("logs", "client", f"--namespace={namespace}"))


def test_a_pod_that_is_replaced_leaves_its_endpoints_and_no_process(
    server: list[dict[str, Any]],
    apply: Apply,
    wait_ready: WaitReady,
    addresses: Callable[[], list[str]],
    kubectl: Kubectl,
    namespace: str,
) -> None:
    apply(server)
    wait_ready("deployment", "echo", "Available")
    until("two endpoints", lambda: len(addresses()) == 2)
    before = addresses()
    (first, _) = kubectl.list("pods", namespace=namespace)
    gone = first["status"]["podIP"]
    kubectl("delete", "pod", first["metadata"]["name"], f"--namespace={namespace}", "--timeout=240s")
    until("a replacement", lambda: len(addresses()) == 2 and gone not in addresses())
    assert len({*addresses()} - {*before}) == 1
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://{gone}:8080/v2/health/live", timeout=2, trust_env=False)


def test_environment_secrets_and_logs(
    process_node: ProcessNode, apply: Apply, kubectl: Kubectl, namespace: str
) -> None:
    process_node.image("printer", ["sh", "-c", "echo $GREETING from $WHERE at $ADDRESS, $SECRET; sleep 600"])
    env = [
        {"name": "WHERE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        {"name": "ADDRESS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "word", "key": "it"}}},
        {"name": "GREETING", "value": "hello $(WHERE)"},
    ]
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "word"}, "stringData": {"it": "sesame"}}
    apply([secret, lone("printer", "printer", env=env)])
    where = f"--namespace={namespace}"
    kubectl("wait", "--for=condition=Ready", "--timeout=240s", where, "pod/printer")
    address = kubectl.get("pod", "printer", namespace)["status"]["podIP"]
    said = f"hello {namespace} from {namespace} at {address}, sesame"
    until("its log", lambda: said in kubectl("logs", "printer", where))


def test_what_ends_is_started_anew(process_node: ProcessNode, apply: Apply, kubectl: Kubectl, namespace: str) -> None:
    process_node.image("short", ["sh", "-c", "exit 3"])
    apply(lone("short", "short"))

    def status() -> dict[str, Any]:
        found: dict[str, Any] = kubectl.get("pod", "short", namespace)["status"].get("containerStatuses", [{}])[0]
        return found

    until("two restarts", lambda: status().get("restartCount", 0) >= 2)
    assert status()["lastState"]["terminated"]["exitCode"] == 3


def test_an_image_that_is_not_there(process_node: ProcessNode, apply: Apply, kubectl: Kubectl, namespace: str) -> None:
    apply(lone("nothing", "registry.example/nothing:1"))

    def reason() -> str:
        statuses = kubectl.get("pod", "nothing", namespace)["status"].get("containerStatuses", [])
        return str(statuses[0]["state"]["waiting"]["reason"]) if statuses else ""

    until("a reason", lambda: reason() == "ErrImagePull")


def test_an_end_is_asked_for_then_forced(
    process_node: ProcessNode, apply: Apply, kubectl: Kubectl, namespace: str, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    script = """
import os, pathlib, signal, time
place = pathlib.Path("/notes")
signal.signal(signal.SIGTERM, lambda *_: (place / "asked").write_text(str(time.time())))
(place / "pid").write_text(str(os.getpid()))
while True:
    time.sleep(0.1)
"""
    process_node.image("stubborn", [sys.executable, "-c", script], {"/notes": notes})
    hook = {"preStop": {"exec": {"command": ["sh", "-c", "date +%s.%N > /notes/before"]}}}
    apply(lone("stubborn", "stubborn", lifecycle=hook))
    where = f"--namespace={namespace}"
    kubectl("wait", "--for=condition=Ready", "--timeout=240s", where, "pod/stubborn")
    until("it runs", lambda: (notes / "pid").exists())
    pid = int((notes / "pid").read_text())
    kubectl("delete", "pod", "stubborn", where, "--grace-period=3", "--timeout=240s")
    assert float((notes / "before").read_text()) <= float((notes / "asked").read_text())
    assert started_at(pid) is None
