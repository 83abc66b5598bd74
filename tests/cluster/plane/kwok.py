"""KWOK: kubelets that only say so. Nodes of the catalogue's types, labelled and tainted as our node groups are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from plane import programs
from plane.api import Object
from plane.plane import Plane, fetch
from workaday import catalog
from workaday.blueprint.cloud import CAPACITY_LABEL, POOL_LABEL, SPOT, Taint
from workaday.blueprint.node_groups import GPU_TAINT, SPOT_LABELS, SPOT_TAINTS
from workaday.blueprint.nodes import allocatable

HERE = Path(__file__).resolve().parent
STAGES = HERE / "stages"
NODES = HERE / "nodes.json"
FAKE = {"kwok.x-k8s.io/node": "fake"}
ZONES = "abc"
LEASE = 40  # seconds; without leases of its own KWOK's nodes fall to NotReady


def start(plane: Plane, *, gateways: bool = True) -> None:
    """Start KWOK; every node and its pods are its, except those without its annotation.

    Args:
        gateways: it also accepts every Gateway and HTTPRoute, as a gateway's controller would.

    Raises:
        Missing, NotReady: it is not built, or does not come up.
    """
    stages = [STAGES / "nodes.yaml", STAGES / "pods.yaml"] + ([STAGES / "gateways.yaml"] if gateways else [])
    address = f"127.0.0.1:{plane.port('kwok')}"
    command = [
        f"--kubeconfig={plane.kubeconfig}",
        *(f"--config={each}" for each in stages),
        f"--node-lease-duration-seconds={LEASE}",
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        "--node-ip=10.255.0.1",
        "--cidr=10.0.0.0/16",
        f"--node-port={plane.port('kwok')}",
        f"--server-address={address}",
    ]
    plane.processes.start("kwok", [programs.find("kwok"), *command])
    plane.processes.ready("kwok", lambda: fetch(f"http://{address}/healthz"))


def start_with_nodes(plane: Plane) -> list[str]:
    """Start KWOK with the nodes of `nodes.json`; returns their names."""
    start(plane)
    return add_nodes(plane)


def add_nodes(plane: Plane, groups: Iterable[Mapping[str, Any]] | None = None) -> list[str]:
    """Add the nodes of groups, those of `nodes.json` by default, and wait until they are ready; returns their names."""
    made = list(nodes(json.loads(NODES.read_text()) if groups is None else groups))
    names = [each["metadata"]["name"] for each in made]
    there = {each["metadata"]["name"] for each in plane.api.get("/api/v1/nodes")["items"]}
    for each in made:
        if each["metadata"]["name"] not in there:
            plane.api.create("/api/v1/nodes", each)
    plane.kubectl("wait", "--for=condition=Ready", "--timeout=240s", "node", *names)
    return names


def nodes(groups: Iterable[Mapping[str, Any]]) -> Iterator[Object]:
    """Yield the nodes of groups: each has a name, cloud, instance type, pool, capacity type and count of nodes."""
    for group in groups:
        for number in range(group["count"]):
            yield node(group, f"{group['name']}-{number}", ZONES[number % len(ZONES)])


def node(group: Mapping[str, Any], name: str, zone: str) -> Object:
    """Return a node: what its instance type leaves for pods, and the labels and taints of a group of ours."""
    found = catalog.read(group["cloud"])
    assert found is not None, group["cloud"]
    instance = found.instances[group["instance"]]
    left, spot = allocatable(instance), group["capacity"] == SPOT
    resources = {
        "cpu": f"{left.cpu_millis}m",
        "memory": str(left.memory_bytes),
        "pods": str(left.pods),
        "ephemeral-storage": "100Gi",
        **({"nvidia.com/gpu": str(left.gpus)} if left.gpus else {}),
    }
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": {"x86_64": "amd64"}.get(instance.arch, instance.arch),
        "node.kubernetes.io/instance-type": instance.name,
        "topology.kubernetes.io/region": "us-east-1",
        "topology.kubernetes.io/zone": f"us-east-1{zone}",
        POOL_LABEL: group["pool"],
        CAPACITY_LABEL: group["capacity"],
        **(SPOT_LABELS.get(group["cloud"], {}) if spot else {}),
    }
    taints = [*([GPU_TAINT] if left.gpus else []), *([SPOT_TAINTS[group["cloud"]]] if spot else [])]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": FAKE},
        # Karpenter waits for ever on nodes without an id
        "spec": {"providerID": f"fake://{name}", "taints": [as_object(each) for each in taints]},
        "status": {"capacity": resources, "allocatable": resources},
    }


def as_object(taint: Taint) -> Object:
    return {"key": taint.key, "value": taint.value, "effect": taint.effect}


def interrupt(plane: Plane, name: str) -> None:
    """Take a node away as a cloud does with spot nodes: a NoExecute taint, which evicts what runs there."""
    plane.kubectl("taint", "node", name, f"{CAPACITY_LABEL}=interrupted:NoExecute")


def restore(plane: Plane, name: str) -> None:
    """Give an interrupted node back."""
    plane.kubectl("taint", "node", name, f"{CAPACITY_LABEL}:NoExecute-")
