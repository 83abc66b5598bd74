"""From zero: the real HTTP add-on holds the first request until the model that it is for has come up."""

from __future__ import annotations

import sys
from typing import Any

import httpx
import pytest
from plane import http_add_on
from plane.kubectl import Kubectl
from plane.plane import Plane
from plane.pods import TOLERATION, ProcessNode
from plane.processes import until
from plane.testing import Apply, Need, WaitReady

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]


@pytest.fixture(scope="session")
def interceptor(plane: Plane, keda: None, process_node: ProcessNode, need: Need) -> str:
    """Return where requests go in."""
    need(*http_add_on.PROGRAMS)
    http_add_on.start(plane)
    return http_add_on.url(plane)


def model() -> list[dict[str, Any]]:
    """Return a deployment at zero, its Service, and what brings it up."""
    labels = {"app": "model"}
    container = {
        "name": "model",
        "image": "model",
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
        "ports": [{"containerPort": 8080}],
    }
    spec = {"containers": [container], "tolerations": [TOLERATION], "nodeSelector": {"workaday.dev/runtime": "process"}}
    template = {"metadata": {"labels": labels}, "spec": spec}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "model"},
            "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "model"},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        },
        {
            "apiVersion": "http.keda.sh/v1alpha1",
            "kind": "HTTPScaledObject",
            "metadata": {"name": "model"},
            "spec": {
                "hosts": ["model.example"],
                "scaleTargetRef": {"name": "model", "kind": "Deployment", "service": "model", "port": 80},
                "replicas": {"min": 0, "max": 2},
            },
        },
    ]


def test_the_first_request_is_answered(
    interceptor: str,
    process_node: ProcessNode,
    apply: Apply,
    wait_ready: WaitReady,
    kubectl: Kubectl,
    namespace: str,
) -> None:
    process_node.image("model", [sys.executable, "-m", "http.server", "8080"], workdir="/srv")
    apply(model())
    until("a ScaledObject", lambda: kubectl.list("scaledobjects", namespace=namespace))
    wait_ready("scaledobject", "model")
    assert kubectl.get("deployment", "model", namespace)["status"].get("readyReplicas", 0) == 0
    answer = httpx.get(interceptor, headers={"host": "model.example"}, timeout=300, trust_env=False)
    assert answer.status_code == 200
    assert kubectl.get("deployment", "model", namespace)["status"]["readyReplicas"] == 1
