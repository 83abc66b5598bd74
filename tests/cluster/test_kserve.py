"""The real KServe controller: it accepts, refuses and makes what it does in a cluster."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from plane.kubectl import Kubectl, KubectlError
from plane.plane import Plane
from plane.testing import Apply, WaitReady

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800), pytest.mark.usefixtures("kserve")]

SERVICE: dict[str, Any] = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {
        "name": "story",
        "annotations": {
            "serving.kserve.io/deploymentMode": "Standard",
            "serving.kserve.io/autoscalerClass": "external",
        },
    },
    "spec": {
        "predictor": {
            "minReplicas": 1,
            "maxReplicas": 3,
            "containers": [
                {
                    "name": "kserve-container",
                    "image": "registry.example/story:1",
                    "ports": [{"containerPort": 8080, "name": "http"}],
                    "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
                }
            ],
        }
    },
}


def service(**predictor: Any) -> dict[str, Any]:
    made = copy.deepcopy(SERVICE)
    made["spec"]["predictor"] |= predictor
    return made


def test_a_service_becomes_ready(apply: Apply, wait_ready: WaitReady, kubectl: Kubectl, namespace: str) -> None:
    apply(SERVICE)
    wait_ready("inferenceservice", "story")
    (deployment,) = kubectl.list("deployments", namespace=namespace)
    assert deployment["metadata"]["name"] == "story-predictor"
    assert deployment["status"]["readyReplicas"] == 1
    routes = {each["metadata"]["name"] for each in kubectl.list("httproutes", namespace=namespace)}
    assert routes == {"story", "story-predictor"}


def test_a_service_with_a_gpu_runs_on_a_gpu_node(
    apply: Apply, wait_ready: WaitReady, kubectl: Kubectl, namespace: str
) -> None:
    container = copy.deepcopy(SERVICE["spec"]["predictor"]["containers"][0])
    container["resources"]["limits"]["nvidia.com/gpu"] = "1"
    tolerations = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    apply(service(containers=[container], tolerations=tolerations, nodeSelector={"workaday.dev/pool": "gpu"}))
    wait_ready("inferenceservice", "story")
    (pod,) = kubectl.list("pods", namespace=namespace)
    assert pod["spec"]["nodeName"] == "gpu-on-demand-0"


@pytest.mark.parametrize(
    ("predictor", "complaint"),
    [
        ({"minReplicas": 4}, "'MinReplicas' cannot be greater than MaxReplicas"),
        ({"minReplicas": -1}, "'MinReplicas' cannot be less than 0"),
        ({"model": {"modelFormat": {"name": "sklearn"}}}, "exactly one of"),
        ({"containerConcurency": 1}, "unknown field"),
    ],
    ids=["min over max", "negative", "two models", "misspelt"],
)
def test_the_webhook_refuses(predictor: dict[str, Any], complaint: str, apply: Apply) -> None:
    with pytest.raises(KubectlError, match=complaint):
        apply(service(**predictor), dry_run=True)


def test_the_webhook_refuses_a_name(apply: Apply) -> None:
    made = copy.deepcopy(SERVICE)
    made["metadata"]["name"] = "9lives"
    with pytest.raises(KubectlError, match="9lives"):
        apply(made, dry_run=True)


def test_it_has_only_the_rights_of_its_chart(plane: Plane) -> None:
    may = ["auth", "can-i", "--as=system:serviceaccount:kserve:kserve-controller-manager"]
    assert plane.kubectl(*may, "create", "deployments").strip() == "yes"
    with pytest.raises(KubectlError):
        plane.kubectl(*may, "delete", "nodes")
