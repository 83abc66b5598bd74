"""Scheduling by the real scheduler, eviction by the real controllers, on nodes as our node groups make them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from plane import kwok
from plane.kubectl import Kubectl
from plane.plane import Plane
from plane.processes import until
from plane.testing import Apply, WaitReady

from workaday.blueprint.cloud import CAPACITY_LABEL, POOL_LABEL

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800), pytest.mark.usefixtures("nodes")]

GPU = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
SPOT = {"key": CAPACITY_LABEL, "operator": "Equal", "value": "spot", "effect": "NoSchedule"}


def deployment(replicas: int, tolerations: list[dict[str, str]], **more: Any) -> dict[str, Any]:
    """Return a deployment of pods with a GPU each, on the pool of GPUs."""
    container = {"name": "model", "image": "model", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    pod = {"containers": [container], "nodeSelector": {POOL_LABEL: "gpu"}, "tolerations": tolerations, **more}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "model"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "model"}},
            "template": {"metadata": {"labels": {"app": "model"}}, "spec": pod},
        },
    }


@pytest.fixture
def nodes_of(kubectl: Kubectl, namespace: str) -> Iterator[Any]:
    """Return the nodes of the test's running pods; its deployment is gone afterwards, so that the GPUs are free."""

    def running() -> list[str]:
        pods = kubectl.list("pods", namespace=namespace)
        return sorted(each["spec"]["nodeName"] for each in pods if each["status"]["phase"] == "Running")

    yield running
    where = f"--namespace={namespace}"
    kubectl("delete", "deployment", "model", where, "--ignore-not-found", "--cascade=foreground", "--timeout=240s")


def message(kubectl: Kubectl, namespace: str) -> str:
    """Return why a pod is not scheduled."""
    for pod in kubectl.list("pods", "--field-selector=status.phase=Pending", namespace=namespace):
        for each in pod["status"].get("conditions", []):
            if each["type"] == "PodScheduled" and each["status"] == "False":
                return str(each["message"])
    return ""


def test_nodes_are_what_the_catalogue_says(kubectl: Kubectl) -> None:
    node = kubectl.get("node", "gpu-spot-0")
    assert node["status"]["allocatable"]["nvidia.com/gpu"] == "1"
    assert node["metadata"]["labels"][CAPACITY_LABEL] == "spot"
    assert {each["key"] for each in node["spec"]["taints"]} == {"nvidia.com/gpu", CAPACITY_LABEL}


def test_spot_is_for_those_who_tolerate_it(apply: Apply, nodes_of: Any, kubectl: Kubectl, namespace: str) -> None:
    apply(deployment(2, [GPU]))
    until("a refusal", lambda: message(kubectl, namespace))
    assert "untolerated taint" in message(kubectl, namespace)
    until("one on demand", lambda: nodes_of() == ["gpu-on-demand-0"])


def test_spot_nodes_fill_by_label(apply: Apply, nodes_of: Any, kubectl: Kubectl, namespace: str) -> None:
    spot = {"nodeSelector": {CAPACITY_LABEL: "spot"}}
    apply(deployment(4, [GPU, SPOT], **spot))
    until("three on spot", lambda: nodes_of() == ["gpu-spot-0", "gpu-spot-1", "gpu-spot-2"])
    until("a refusal", lambda: "Insufficient nvidia.com/gpu" in message(kubectl, namespace))


def test_an_interrupted_node_loses_its_pods_to_another(plane: Plane, apply: Apply, nodes_of: Any) -> None:
    apply(deployment(1, [GPU, SPOT], nodeSelector={CAPACITY_LABEL: "spot"}))
    until("it runs", lambda: len(nodes_of()) == 1)
    (before,) = nodes_of()
    kwok.interrupt(plane, before)
    try:
        until("it runs elsewhere", lambda: len(nodes_of()) == 1 and nodes_of() != [before])
    finally:
        kwok.restore(plane, before)


def test_a_start_can_take_its_time(apply: Apply, wait_ready: WaitReady, kubectl: Kubectl, namespace: str) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "slow", "annotations": {"workaday.dev/start": "5s"}},
        "spec": {"containers": [{"name": "slow", "image": "slow"}]},
    }
    apply(pod)
    wait_ready("pod", "slow", "PodScheduled")
    assert kubectl.get("pod", "slow", namespace)["status"]["phase"] == "Pending"
    wait_ready("pod", "slow")
