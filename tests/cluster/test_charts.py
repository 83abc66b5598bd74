"""The rendered charts on the real API server, through KServe's real webhooks, until each model is Ready."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from chart_profiles import NAMES, tree, values
from helmet import template
from plane.kubectl import Kubectl, KubectlError
from plane.testing import Apply, WaitReady

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800), pytest.mark.usefixtures("kserve")]

Manifests = list[dict[str, Any]]
CHART = Path(__file__).parents[2] / "charts" / "inference"


# what a model of the profile has its weights in
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "models"},
    "spec": {
        "accessModes": ["ReadOnlyMany"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": "",
        "volumeName": "models",
    },
}
VOLUME = {
    "apiVersion": "v1",
    "kind": "PersistentVolume",
    "metadata": {"name": "models"},
    "spec": {
        "accessModes": ["ReadOnlyMany"],
        "capacity": {"storage": "1Gi"},
        "storageClassName": "",
        "hostPath": {"path": "/models"},
    },
}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Any]]:
    """Return the values of all releases of a profile."""
    return cache(lambda name: values(tree(name, tmp_path_factory.mktemp(name))))


@pytest.mark.parametrize("name", NAMES)
def test_the_api_server_takes_every_manifest(
    name: str, release: Callable[[str], dict[str, Any]], apply: Apply, namespace: str
) -> None:
    said = apply(template(CHART, release(name), namespace), dry_run=True)
    assert said.count("(server dry run)") == len(template(CHART, release(name), namespace))


def test_pod_security_admits_every_pod(
    release: Callable[[str], dict[str, Any]], apply: Apply, wait_ready: WaitReady, kubectl: Kubectl, namespace: str
) -> None:
    apply([VOLUME, CLAIM])
    kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    found = on_the_planes_nodes(release("kinds-existing"))
    apply(template(CHART, found, namespace))
    for model in found["models"]:
        wait_ready("inferenceservice", model["name"])
    for model in found["models"]:
        [deployment] = [
            each
            for each in kubectl.list("deployments", namespace=namespace)
            if each["metadata"]["name"] == f"{model['name']}-predictor"
        ]
        assert deployment["status"]["readyReplicas"] >= 1
        pod = deployment["spec"]["template"]["spec"]
        assert pod["terminationGracePeriodSeconds"] == model["ending"]["grace"]
    with pytest.raises(KubectlError, match="restricted"):
        apply({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "root"},
            "spec": {"containers": [{"name": "root", "image": "root"}]},
        })  # fmt: skip


def test_a_budget_and_a_spread_select_the_pods_that_kserve_makes(
    release: Callable[[str], dict[str, Any]], apply: Apply, wait_ready: WaitReady, kubectl: Kubectl, namespace: str
) -> None:
    found = on_the_planes_nodes(release("full-existing"))
    apply(template(CHART, found, namespace))
    wait_ready("inferenceservice", "story")
    pods = kubectl.list("pods", namespace=namespace)
    labels = [each["metadata"]["labels"].get("app") for each in pods]
    budget = kubectl.get("poddisruptionbudget", "story-predictor", namespace)
    assert budget["spec"]["selector"]["matchLabels"]["app"] in labels
    assert {each["metadata"]["name"] for each in kubectl.list("httproutes", namespace=namespace)} >= {"story-route"}


def on_the_planes_nodes(found: dict[str, Any]) -> dict[str, Any]:
    """Return values with pools that the plane has nodes for, and no more GPUs than they have."""
    changed = json.loads(json.dumps(found))
    for model in changed["models"]:
        gpus = min(1, model["resources"]["gpus"])
        model["resources"] |= {"gpus": gpus, "cpu": "250m", "memory": "256Mi"}
        model["scheduling"]["pools"] = ["gpu"] if gpus else ["system"]
        model["headroom"] = {"replicas": 0}
    return changed
