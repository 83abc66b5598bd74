"""The real Karpenter, whose cloud is KWOK: what it can rent, and for how much, is our catalogue's."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator

from plane import controllers, crds, programs
from plane.api import Object
from plane.helm import template
from plane.plane import Plane, fetch
from workaday.catalog import Catalogue, Instance

NAMESPACE = "karpenter"
ACCOUNT = "karpenter"
CRDS, CHART = "kwok/apis/crds", "kwok/charts"
PROGRAMS = ("karpenter-kwok", "helm", CRDS, CHART)
# What Karpenter's own names for ours are.
CAPACITIES = {"on_demand": "on-demand", "spot": "spot"}
SPOT_SHARE = 0.4  # of the price on demand: a stand-in, the catalogue has no prices of spot nodes
KEPT_BACK = {"cpu": 100, "memory": 10 * 2**20}  # milli-CPU and bytes that this provider takes off every type
ARCHITECTURES = {"x86_64": "amd64"}
NODE_CLASS = {
    "apiVersion": "karpenter.kwok.sh/v1alpha1",
    "kind": "KWOKNodeClass",
    "metadata": {"name": "default"},
}
BATCH = "500ms"


def types(
    catalogue: Catalogue, region: str, names: Iterable[str], missing: Collection[tuple[str, str]] = ()
) -> list[Object]:
    """Return instance types as Karpenter's kwok provider reads them.

    Args:
        catalogue, region: whose types, prices and zones.
        names: the types that can be rented.
        missing: (type, `spot` or `on_demand`) that cannot be had now; the provider itself takes all as available.

    Raises:
        KeyError: the catalogue has no such type.
        ValueError: it has no price for one in the region.
    """
    return [as_type(catalogue, region, catalogue.instances[name], missing) for name in names]


def as_type(catalogue: Catalogue, region: str, instance: Instance, missing: Collection[tuple[str, str]]) -> Object:
    """Return one type, see `types`."""
    resources = {
        "cpu": f"{instance.vcpu * 1000}m",
        "memory": f"{instance.memory_mib}Mi",
        "pods": str(instance.pods),
        "ephemeral-storage": "100Gi",
    }
    if instance.gpu:
        resources["nvidia.com/gpu"] = str(instance.gpu.count)
    return {
        "name": instance.name,
        "architecture": ARCHITECTURES.get(instance.arch, instance.arch),
        "operatingSystems": ["linux"],
        "resources": resources,
        "offerings": list(offerings(catalogue, region, instance, missing)),
    }


def offerings(
    catalogue: Catalogue, region: str, instance: Instance, missing: Collection[tuple[str, str]]
) -> Iterator[Object]:
    """Yield each zone's offers of a type."""
    price = catalogue.usd_hour(instance.name, region)
    if price is None:
        raise ValueError(f"{instance.name}: no price in {region}")
    zones = catalogue.zones.get(region) or instance.zones_in(region) or (f"{region}-a",)
    for capacity, karpenters in CAPACITIES.items():
        if capacity not in instance.capacities or (instance.name, capacity) in missing:
            continue
        for zone in zones:
            requirements = [("karpenter.sh/capacity-type", karpenters), ("topology.kubernetes.io/zone", zone)]
            yield {
                "Price": round(price * (SPOT_SHARE if capacity == "spot" else 1), 6),
                "Available": True,
                "Requirements": [{"key": key, "operator": "In", "values": [value]} for key, value in requirements],
            }


def start(plane: Plane, offered: list[Object]) -> None:
    """Start Karpenter with what can be rented; where it runs it starts anew with that.

    Raises:
        Missing, NotReady: something is not built, or does not come up.
    """
    controllers.make_namespace(plane, NAMESPACE)
    crds.install(plane, [programs.find(CRDS)])
    rights = template(plane, programs.find(CHART), ACCOUNT, NAMESPACE)
    kinds = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ServiceAccount")
    plane.kubectl.apply([*(each for each in rights if each["kind"] in kinds), NODE_CLASS])
    path = plane.folder / "instance-types.json"
    path.write_text(json.dumps(offered))
    health = plane.port("karpenter-health")
    env = {
        "KUBECONFIG": str(controllers.kubeconfig(plane, NAMESPACE, ACCOUNT)),
        "INSTANCE_TYPES_FILE_PATH": str(path),
        "KUBERNETES_MIN_VERSION": "1.25.0",
        "SYSTEM_NAMESPACE": NAMESPACE,
        "METRICS_PORT": str(plane.port("karpenter-metrics")),
        "HEALTH_PROBE_PORT": str(health),
        "DISABLE_LEADER_ELECTION": "true",
        "BATCH_IDLE_DURATION": BATCH,
        "HOME": os.environ.get("HOME", "/"),
    }
    plane.processes.stop("karpenter")
    plane.processes.start("karpenter", [programs.find("karpenter-kwok")], env)
    plane.processes.ready("karpenter", lambda: fetch(f"http://127.0.0.1:{health}/healthz"))
