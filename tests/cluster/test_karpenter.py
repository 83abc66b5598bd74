"""The real Karpenter: it rents what our catalogue offers, the cheapest that a NodePool allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from plane import karpenter
from plane.kubectl import Kubectl
from plane.plane import Plane
from plane.processes import until
from plane.testing import Apply, Need

from workaday import catalog
from workaday.blueprint.cloud import CAPACITY_LABEL, POOL_LABEL

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]

REGION = "us-east-1"
TYPES = ("g6.xlarge", "g6.2xlarge", "m7i.large")
POOLS = {"spot": (50, {"nvidia.com/gpu": "2"}), "on-demand": (10, {})}


def pool(capacity: str) -> dict[str, Any]:
    """Return a NodePool of one capacity type for models with a GPU."""
    weight, limits = POOLS[capacity]
    requirements = [("karpenter.sh/capacity-type", [capacity]), ("node.kubernetes.io/instance-type", list(TYPES[:2]))]
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": f"rented-{capacity}"},
        "spec": {
            "weight": weight,
            "limits": limits,
            "template": {
                "metadata": {"labels": {POOL_LABEL: "rented", CAPACITY_LABEL: capacity}},
                "spec": {
                    "nodeClassRef": {"group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": "default"},
                    "taints": [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}],
                    "requirements": [{"key": key, "operator": "In", "values": values} for key, values in requirements],
                },
            },
        },
    }


def deployment(replicas: int) -> dict[str, Any]:
    """Return a deployment of pods with a GPU each."""
    pod = {
        "nodeSelector": {POOL_LABEL: "rented"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        "containers": [
            {
                "name": "model",
                "image": "model",
                "resources": {"requests": {"cpu": "1", "memory": "4Gi"}, "limits": {"nvidia.com/gpu": "1"}},
            }
        ],
    }
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
def rented(plane: Plane, nodes: list[str], need: Need, kubectl: Kubectl, namespace: str) -> Iterator[Any]:
    """Return the (capacity type, instance type) of each node that was rented; all are given back afterwards."""
    need(*karpenter.PROGRAMS)

    def capacities() -> list[tuple[str, str]]:
        labels = [each["metadata"]["labels"] for each in kubectl.list("nodes", f"--selector={POOL_LABEL}=rented")]
        return sorted((it[CAPACITY_LABEL], it["node.kubernetes.io/instance-type"]) for it in labels)

    yield capacities
    kubectl("delete", "deployment", "model", f"--namespace={namespace}", "--ignore-not-found")
    kubectl("delete", "nodepools", "--all", "--timeout=240s")
    until("every node is given back", lambda: capacities() == [])
    plane.processes.stop("karpenter")


def running(kubectl: Kubectl, namespace: str) -> int:
    return len(kubectl.list("pods", "--field-selector=status.phase=Running", namespace=namespace))


def test_spot_first_to_its_limit_then_on_demand(
    plane: Plane, rented: Any, apply: Apply, kubectl: Kubectl, namespace: str
) -> None:
    catalogue = catalog.read("aws")
    assert catalogue
    karpenter.start(plane, karpenter.types(catalogue, REGION, TYPES))
    apply([pool("spot"), pool("on-demand"), deployment(3)])
    until("three run", lambda: running(kubectl, namespace) == 3)
    assert rented() == [("on-demand", "g6.xlarge"), ("spot", "g6.xlarge"), ("spot", "g6.xlarge")]


def test_without_spot_on_demand_takes_over(
    plane: Plane, rented: Any, apply: Apply, kubectl: Kubectl, namespace: str
) -> None:
    catalogue = catalog.read("aws")
    assert catalogue
    missing = {(name, "spot") for name in TYPES}
    karpenter.start(plane, karpenter.types(catalogue, REGION, TYPES, missing))
    apply([pool("spot"), pool("on-demand"), deployment(1)])
    until("it runs", lambda: running(kubectl, namespace) == 1)
    assert rented() == [("on-demand", "g6.xlarge")]
