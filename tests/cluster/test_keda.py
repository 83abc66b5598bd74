"""The real KEDA and the real autoscaler, on what a test says is measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from plane.kubectl import Kubectl, KubectlError
from plane.processes import until
from plane.prometheus import Answers, answering
from plane.testing import Apply, WaitReady

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800), pytest.mark.usefixtures("keda")]

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "model"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "model"}},
        "template": {
            "metadata": {"labels": {"app": "model"}},
            "spec": {"containers": [{"name": "model", "image": "model"}]},
        },
    },
}


def scaled_object(url: str, least: int = 1) -> dict[str, Any]:
    """Return one replica for five of what is measured, asked every second, without waiting on the way down."""
    prometheus = {"serverAddress": url, "query": "sum(in_flight)", "threshold": "5"}
    down = {"scaleDown": {"stabilizationWindowSeconds": 0}}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "model"},
        "spec": {
            "scaleTargetRef": {"name": "model"},
            "minReplicaCount": least,
            "maxReplicaCount": 4,
            "pollingInterval": 1,
            "cooldownPeriod": 1,
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": down}},
            "triggers": [{"type": "prometheus", "metadata": prometheus}],
        },
    }


@pytest.fixture
def measured() -> Iterator[Answers]:
    with answering() as answers:
        yield answers


@pytest.fixture
def replicas(kubectl: Kubectl, namespace: str) -> Any:
    """Return how many replicas are ready."""

    def ready() -> int:
        return int(kubectl.get("deployment", "model", namespace)["status"].get("readyReplicas", 0))

    return ready


def test_it_scales_up_and_down(apply: Apply, wait_ready: WaitReady, measured: Answers, replicas: Any) -> None:
    apply([DEPLOYMENT, scaled_object(measured.url)])
    wait_ready("scaledobject", "model")
    until("one", lambda: replicas() == 1)
    measured.value = 14
    until("three", lambda: replicas() == 3)
    measured.value = 0
    until("one again", lambda: replicas() == 1)
    assert measured.queries > 0


def test_it_scales_to_nothing_and_back(apply: Apply, wait_ready: WaitReady, measured: Answers, replicas: Any) -> None:
    apply([DEPLOYMENT, scaled_object(measured.url, least=0)])
    wait_ready("scaledobject", "model")
    until("none", lambda: replicas() == 0)
    measured.value = 4
    until("one", lambda: replicas() == 1)


def test_a_wrong_bound_is_refused(apply: Apply) -> None:
    wrong = scaled_object("http://127.0.0.1:9")
    wrong["spec"]["minReplicaCount"] = "one"
    with pytest.raises(KubectlError, match="minReplicaCount"):
        apply(wrong, dry_run=True)
