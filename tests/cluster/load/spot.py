"""Nodes that a cloud takes away: its notice, and what Karpenter does at it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from plane.api import MERGE, ApiError, Object
from plane.kwok import as_object
from plane.plane import Plane
from plane.pods import ProcessNode

from load.release import DEPLOYMENT, POOL
from workaday.blueprint.cloud import CAPACITY_LABEL, POOL_LABEL, SPOT
from workaday.blueprint.node_groups import SPOT_TAINTS
from workaday.catalog.clouds import TERMS

NODES = ("spot-1", "spot-2", "spot-3")
# What Karpenter taints a node with that is to go.
DISRUPTED = {"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}
AGAIN = 0.5  # seconds until an eviction that a budget forbade is tried again


class Fleet:
    """Spot nodes whose pods are processes, one in each zone."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cloud = "aws"
        for name, zone in zip(NODES, "abc", strict=True):
            labels = {POOL_LABEL: POOL, CAPACITY_LABEL: SPOT, "topology.kubernetes.io/zone": f"region-{zone}"}
            ProcessNode(plane, name).start(labels, taints=self.taints(), gpus=0)

    def taints(self) -> list[Object]:
        """Return the taints of the cloud's spot nodes."""
        return [as_object(SPOT_TAINTS[self.cloud])]

    def become(self, cloud: str) -> None:
        """Be nodes of a cloud."""
        self.cloud = cloud
        for each in NODES:
            self.patch(each, {"taints": self.taints(), "unschedulable": None})

    def patch(self, node: str, spec: Object) -> None:
        """Change a node's specification."""
        self.plane.api.patch(f"/api/v1/nodes/{node}", {"spec": spec}, MERGE)

    def close(self) -> None:
        """Take no further pods, those of other tests least of all."""
        for each in NODES:
            self.patch(each, {"unschedulable": True})

    def pods(self, namespace: str, *, leaving: bool) -> list[Object]:
        """Return the model's pods, with or without those that are on their way out."""
        path, selector = f"/api/v1/namespaces/{namespace}/pods", f"app=isvc.{DEPLOYMENT}"
        found = self.plane.api.get(path, labelSelector=selector)["items"]
        return [each for each in found if leaving or "deletionTimestamp" not in each["metadata"]]

    def on(self, node: str, namespace: str, *, leaving: bool = True) -> list[Object]:
        """Return the model's pods on a node."""
        return [each for each in self.pods(namespace, leaving=leaving) if each["spec"].get("nodeName") == node]

    def fullest(self, namespace: str, but: Sequence[str]) -> str:
        """Return the node, of those that stay, that has the most pods."""
        return max(
            (each for each in NODES if each not in but), key=lambda it: len(self.on(it, namespace, leaving=False))
        )

    def notice(self, node: str, namespace: str) -> list[str]:
        """Have the cloud say that a node will go: what runs there is evicted, and killed when the notice is over.

        Returns the pods' names, once the node is empty. An empty one then comes in its place.
        """
        end = time.monotonic() + TERMS[self.cloud].usable_notice_seconds
        self.patch(node, {"taints": [*self.taints(), DISRUPTED]})
        names = [each["metadata"]["name"] for each in self.on(node, namespace, leaving=False)]
        waiting = list(names)
        while waiting and time.monotonic() < end:
            waiting = [each for each in waiting if not self.evicted(each, namespace)]
            time.sleep(AGAIN if waiting else 0)
        for each in waiting:  # the machine is gone
            self.plane.api.delete(f"/api/v1/namespaces/{namespace}/pods/{each}", gracePeriodSeconds=0)
        while self.on(node, namespace):
            time.sleep(AGAIN)
        self.patch(node, {"taints": self.taints()})
        return names

    def evicted(self, pod: str, namespace: str) -> bool:
        """Ask for a pod's eviction; returns False where a budget forbids it for now."""
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": namespace},
        }
        try:
            self.plane.api.create(f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction", eviction)
        except ApiError as error:
            if error.code == 429:
                return False
            if error.code != 404:
                raise
        return True
