"""GKE: nodes. The cluster and what lies round it are in `gcp_base.py`, who may do what in `gcp_access.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies import Plan, Rule
from policies.mutations import put, without
from policies.reading import Values, resources, values, wants

POOL, CLUSTER = "google_container_node_pool", "google_container_cluster"
SPOT_TAINT = {"key": "cloud.google.com/gke-spot", "value": "true", "effect": "NO_SCHEDULE"}
GPU_TAINT = {"key": "nvidia.com/gpu", "value": "present", "effect": "NO_SCHEDULE"}
ALL = ("minimal", "gpu", "spot", "auto", "existing_network", "everything")
POOLED = ("minimal", "gpu", "spot", "existing_network", "everything")
SPOT = ("spot", "existing_network", "everything")
# on Ubuntu there is no newest
DRIVERS = ("DEFAULT", "INSTALLATION_DISABLED")
NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")
# machine types that bring their own disks, and those that take no persistent ones
WITH_DISKS = re.compile(r"a2-ultragpu|a3-|a4-")
HYPERDISK_ONLY = re.compile(r"(a3-ultragpu|a4|c4|c4a|c4d|g4|n4|n4d)-")


def of(*profiles: str) -> tuple[str, ...]:
    """Return profiles of gcp by their short names."""
    return tuple(f"gcp/{each}" for each in profiles)


def _pools(plan: Plan, *, spot: bool | None = None, system: bool = False) -> Iterator[tuple[Values, Values]]:
    """Yield each pool with its nodes' configuration; without the system's unless asked for."""
    for each in resources(plan, POOL):
        node = each["values"]["node_config"][0]
        if (system or not each["address"].endswith(".system")) and spot in (None, bool(node["spot"])):
            yield each, node


def _pool(node: Values) -> str:
    return str(node["labels"]["workaday.dev/pool"])


def spot_is_marked(plan: Plan) -> list[str]:
    """Google sets no taint on spot nodes: without ours, whoever cannot be called back sits there too."""
    found: list[str] = []
    for pool, node in _pools(plan, spot=True):
        found += wants(SPOT_TAINT not in node["taint"], pool, "spot without the taint")
        found += wants(node["labels"].get("workaday.dev/capacity") != "spot", pool, "spot without our label")
    for pool, node in _pools(plan, spot=False):
        found += wants(SPOT_TAINT in node["taint"], pool, "the taint of spot on another pool")
    return found


def spot_has_a_fallback(plan: Plan) -> list[str]:
    """Beside a pool's spot nodes is a pool on demand that can carry all of it."""
    most: dict[str, int] = {}
    for pool, node in _pools(plan, spot=False):
        most[_pool(node)] = most.get(_pool(node), 0) + pool["values"]["autoscaling"][0]["total_max_node_count"]
    return [
        f"{pool['address']}: nothing on demand takes over from it"
        for pool, node in _pools(plan, spot=True)
        if most.get(_pool(node), 0) < pool["values"]["autoscaling"][0]["total_max_node_count"]
    ]


def spot_has_three_types(plan: Plan) -> list[str]:
    """Each machine type is a further chance of a node; a pool of GKE's has one, so there are several."""
    types: dict[str, set[str]] = {}
    for _, node in _pools(plan, spot=True):
        types.setdefault(_pool(node), set()).add(node["machine_type"])
    return [f"pool {pool}: {len(found)} machine types" for pool, found in types.items() if len(found) < 3]


def spot_comes_from_any_zone(plan: Plan) -> list[str]:
    """Spot from wherever there is a machine; the rest spread, so that a zone's failure takes its share and no more."""
    return [
        f"{pool['address']}: location policy {policy}"
        for pool, node in _pools(plan)
        if (policy := pool["values"]["autoscaling"][0]["location_policy"]) != ("ANY" if node["spot"] else "BALANCED")
    ]


def spot_nodes_end_in_two_minutes(plan: Plan) -> list[str]:
    """From 1.35 on Google gives two minutes instead of half of one, if asked, and for spot nodes only."""
    assert plan["variables"]["kubernetes"]["value"] >= "1.35"
    found: list[str] = []
    for pool, node in _pools(plan):
        grace = node["kubelet_config"][0].get("shutdown_grace_period_seconds")
        found += wants(bool(node["spot"]) and grace != 120, pool, f"ends after {grace} seconds")
        found += wants(not node["spot"] and bool(grace), pool, "what is spot's on another pool")
    return found


def system_is_never_spot(plan: Plan) -> list[str]:
    """Controllers have a pool of their own, on demand, of as many nodes as the file says, in more than one zone."""
    pool = values(plan, POOL, ".system")
    wanted = plan["variables"]["system"]["value"]
    bad = list(wants(bool(pool["node_config"][0]["spot"]), "system pool", "spot"))
    bad += wants(len(pool["node_locations"]) < 2, "system pool", "one zone, which may fail")
    nodes = len(pool["node_locations"]) * pool["node_count"]
    bad += wants(nodes != wanted["nodes"], "system pool", f"{nodes} nodes instead of {wanted['nodes']}")
    machine = pool["node_config"][0]["machine_type"]
    return bad + list(wants(machine != wanted["instance_types"][0], "system pool", machine))


def gpus_are_tainted_and_driven(plan: Plan) -> list[str]:
    """GPU nodes keep others off, and somebody installs the driver: GKE, or the operator with its own plugin."""
    found: list[str] = []
    for pool, node in _pools(plan):
        for gpu in node["guest_accelerator"]:
            [driver] = gpu["gpu_driver_installation_config"] or [{"gpu_driver_version": None}]
            found += wants(GPU_TAINT not in node["taint"], pool, "GPUs without the taint")
            known = ("LATEST", "INSTALLATION_DISABLED") if node["image_type"] == "COS_CONTAINERD" else DRIVERS
            found += wants(driver["gpu_driver_version"] not in known, pool, "no driver")
            operator = driver["gpu_driver_version"] == "INSTALLATION_DISABLED"
            own = node["labels"].get("gke-no-default-nvidia-gpu-device-plugin") == "true"
            found += wants(operator != own, pool, "two device plugins, or none")
            found += wants(operator and node["image_type"] != "UBUNTU_CONTAINERD", pool, "no driver on this image")
    return found


def gpus_are_shared_as_asked(plan: Plan) -> list[str]:
    """`accelerator` of the file reaches GKE: how many, of what type, how shared."""
    found: list[str] = []
    for name, group in plan["variables"]["node_groups"]["value"].items():
        gpu = group.get("gpu")
        made = values(plan, POOL, f'["{name}"]')["node_config"][0]["guest_accelerator"]
        if not gpu:
            found += wants(bool(made), name, "GPUs that nobody asked for")
            continue
        [got] = made
        sharing = (got["gpu_sharing_config"] or [{}])[0]
        by_gke = gpu["driver"] == "cloud"  # else NVIDIA's operator does it
        clients = gpu.get("clients") if by_gke and gpu["share"] == "time_slicing" else None
        part = gpu.get("partition") if by_gke and gpu["share"] == "mig" else None
        found += wants((got["type"], got["count"]) != (gpu["type"], gpu["count"]), name, "other GPUs")
        found += wants(sharing.get("max_shared_clients_per_gpu") != clients, name, f"shared as {sharing}")
        found += wants(got["gpu_partition_size"] != part, name, f"parts of {got['gpu_partition_size']}")
    return found


def names_are_googles(plan: Plan) -> list[str]:
    """At most forty characters, and each once."""
    names = [each["values"]["name"] for each in resources(plan, POOL)]
    bad = [f"{name}: no name of a pool" for name in names if not NAME.fullmatch(name)]
    return bad + [f"{name}: twice" for name in sorted(set(names)) if names.count(name) > 1]


def disks_fit_the_machine(plan: Plan) -> list[str]:
    """No boot disk that the machine does not take, and none of its own left idle."""
    found: list[str] = []
    for pool, node in _pools(plan, system=True):
        wanted = "hyperdisk-balanced" if HYPERDISK_ONLY.match(node["machine_type"]) else "pd-balanced"
        found += wants(node["disk_type"] != wanted, pool, f"{node['machine_type']} with {node['disk_type']}")
        idle = WITH_DISKS.match(node["machine_type"]) and "a2-highgpu" not in node["machine_type"]
        found += wants(bool(idle) and not node["ephemeral_storage_local_ssd_config"], pool, "its own disks are idle")
    return found


def nodes_are_shielded(plan: Plan) -> list[str]:
    """Signed from the first byte on; the exception is a driver that nobody signed, on Ubuntu."""
    found: list[str] = []
    for pool, node in _pools(plan, system=True):
        [shield] = node["shielded_instance_config"]
        unsigned = node["guest_accelerator"] and node["image_type"] == "UBUNTU_CONTAINERD"
        found += wants(not shield["enable_secure_boot"] and not unsigned, pool, "boots anything")
        found += wants(not shield["enable_integrity_monitoring"], pool, "nobody looks at how it booted")
    return found


def nodes_have_no_public_address(plan: Plan) -> list[str]:
    private = values(plan, CLUSTER)["private_cluster_config"][0]["enable_private_nodes"]
    bad = list(wants(not private, CLUSTER, "public nodes"))
    return bad + [
        f"{pool['address']}: public"
        for pool, _ in _pools(plan, system=True)
        if not pool["values"]["network_config"][0]["enable_private_nodes"]
    ]


def pods_are_not_the_node(plan: Plan) -> list[str]:
    """The metadata server is GKE's, and the kubelet tells nobody unasked."""
    found: list[str] = []
    for pool, node in _pools(plan, system=True):
        mode = node["workload_metadata_config"][0]["mode"]
        found += wants(mode != "GKE_METADATA", pool, f"pods see {mode}")
        legacy = node["metadata"].get("disable-legacy-endpoints")
        found += wants(legacy != "true", pool, "metadata without a header")
        port = node["kubelet_config"][0]["insecure_kubelet_readonly_port_enabled"]
        found += wants(port != "FALSE", pool, "the kubelet's open port")
    return found


def nodes_repair_and_upgrade_themselves(plan: Plan) -> list[str]:
    """A reservation has no machine to spare; everything else surges by one, and leaves no gap."""
    found: list[str] = []
    for pool, node in _pools(plan, system=True):
        [managed], [upgrade] = pool["values"]["management"], pool["values"]["upgrade_settings"]
        found += wants(not (managed["auto_repair"] and managed["auto_upgrade"]), pool, "left alone")
        reserved = node["labels"]["workaday.dev/capacity"] == "reserved"
        spare = (upgrade["max_surge"], upgrade["max_unavailable"])
        found += wants(spare != ((0, 1) if reserved else (1, 0)), pool, f"surge, unavailable: {spare}")
    return found


def auto_provisioning_has_limits(plan: Plan) -> list[str]:
    """On CPUs, memory and each type of GPU; its nodes are like the others. Reservations have pools beside it."""
    [scaling] = values(plan, CLUSTER)["cluster_autoscaling"]
    limits = {each["resource_type"]: each["maximum"] for each in scaling["resource_limits"] or ()}
    bad = list(wants(scaling["enabled"] is not True, "provisioner", "off"))
    bad += wants(not limits.get("cpu") or not limits.get("memory"), "provisioner", f"limits {limits}")
    gpus = plan["variables"]["gpu_limits"]["value"]
    bad += [f"provisioner: {gpu} up to {limits.get(gpu)}" for gpu, most in gpus.items() if limits.get(gpu) != most]
    for nodes in scaling["auto_provisioning_defaults"]:
        bad += wants(not nodes["shielded_instance_config"][0]["enable_secure_boot"], "provisioner", "boots anything")
        bad += wants(not nodes["management"][0]["auto_repair"], "provisioner", "left alone")
    bad += wants(len(scaling["auto_provisioning_defaults"]) != 1, "provisioner", "Google's defaults")
    return bad + [
        f"{pool['address']}: a pool beside it" for pool, node in _pools(plan) if not node["reservation_affinity"]
    ]


def pools_are_not_provisioned_twice(plan: Plan) -> list[str]:
    """Where pools are written, GKE makes none of its own."""
    [scaling] = values(plan, CLUSTER)["cluster_autoscaling"]
    bad = list(wants(bool(scaling["enabled"] or scaling["resource_limits"]), "provisioner", "GKE makes pools too"))
    return bad + [f"{pool['address']}: fixed" for pool, _ in _pools(plan) if not pool["values"]["autoscaling"]]


def compact_pools_are_in_one_zone(plan: Plan) -> list[str]:
    return [
        f"{pool['address']}: in {len(pool['values']['node_locations'])} zones"
        for pool, _ in _pools(plan)
        if pool["values"]["placement_policy"] and len(pool["values"]["node_locations"]) != 1
    ]


def reserved_pools_name_their_reservation(plan: Plan) -> list[str]:
    """Else Google takes any machine, and the reservation is paid for beside it."""
    found: list[str] = []
    for name, group in plan["variables"]["node_groups"]["value"].items():
        affinity = (values(plan, POOL, f'["{name}"]')["node_config"][0]["reservation_affinity"] or [{}])[0]
        wanted = [group["reservation"]["id"]] if group.get("reservation") else None
        found += wants(affinity.get("values") != wanted, name, f"on {affinity.get('values')}")
        kind = affinity.get("consume_reservation_type")
        found += wants(bool(wanted) and kind != "SPECIFIC_RESERVATION", name, f"takes {kind}")
    return found


SPOT_POOL = 'this["gpu-spot"]'
NODE = ("node_config", 0)
RULES = (
    Rule("gcp-spot-is-marked", spot_is_marked, put(POOL, SPOT_POOL, *NODE, "taint", to=[GPU_TAINT]), of(*SPOT)),
    Rule("gcp-spot-has-a-fallback", spot_has_a_fallback, without(POOL, 'this["gpu-on-demand"]'), of("spot")),
    Rule("gcp-spot-has-three-types", spot_has_three_types, without(POOL, 'this["gpu-spot-2"]'), of("spot")),
    Rule(
        "gcp-spot-comes-from-any-zone",
        spot_comes_from_any_zone,
        put(POOL, SPOT_POOL, "autoscaling", 0, "location_policy", to="BALANCED"),
        of("spot", *POOLED),
    ),
    Rule(
        "gcp-spot-nodes-end-in-two-minutes",
        spot_nodes_end_in_two_minutes,
        put(POOL, SPOT_POOL, *NODE, "kubelet_config", 0, "shutdown_grace_period_seconds", to=30),
        of(*SPOT),
    ),
    Rule("gcp-system-is-never-spot", system_is_never_spot, put(POOL, ".system", *NODE, "spot", to=True), of(*ALL)),
    Rule(
        "gcp-gpus-are-tainted-and-driven",
        gpus_are_tainted_and_driven,
        put(POOL, 'this["gpu-on-demand"]', *NODE, "guest_accelerator", 0, "gpu_driver_installation_config", to=[]),
        of("gpu", *SPOT),
    ),
    Rule(
        "gcp-gpus-are-shared-as-asked",
        gpus_are_shared_as_asked,
        put(POOL, 'this["parted-on-demand"]', *NODE, "guest_accelerator", 0, "gpu_partition_size", to=None),
        of("gpu", "everything"),
    ),
    Rule("gcp-names-are-googles", names_are_googles, put(POOL, SPOT_POOL, "name", to="gpu_spot"), of("spot", *POOLED)),
    Rule(
        "gcp-disks-fit-the-machine",
        disks_fit_the_machine,
        put(POOL, 'this["together-reserved"]', *NODE, "ephemeral_storage_local_ssd_config", to=[]),
        of("everything", *ALL),
    ),
    Rule(
        "gcp-nodes-are-shielded",
        nodes_are_shielded,
        put(POOL, ".system", *NODE, "shielded_instance_config", 0, "enable_secure_boot", to=False),
        of(*ALL),
    ),
    Rule(
        "gcp-nodes-have-no-public-address",
        nodes_have_no_public_address,
        put(POOL, ".system", "network_config", 0, "enable_private_nodes", to=False),
        of(*ALL),
    ),
    Rule(
        "gcp-pods-are-not-the-node",
        pods_are_not_the_node,
        put(POOL, ".system", *NODE, "workload_metadata_config", 0, "mode", to="GCE_METADATA"),
        of(*ALL),
    ),
    Rule(
        "gcp-nodes-repair-and-upgrade-themselves",
        nodes_repair_and_upgrade_themselves,
        put(POOL, ".system", "management", 0, "auto_repair", to=False),
        of(*ALL),
    ),
    Rule(
        "gcp-auto-provisioning-has-limits",
        auto_provisioning_has_limits,
        put(CLUSTER, "", "cluster_autoscaling", 0, "resource_limits", to=[]),
        of("auto"),
    ),
    Rule(
        "gcp-pools-are-not-provisioned-twice",
        pools_are_not_provisioned_twice,
        put(CLUSTER, "", "cluster_autoscaling", 0, "enabled", to=True),
        of(*POOLED),
    ),
    Rule(
        "gcp-compact-pools-are-in-one-zone",
        compact_pools_are_in_one_zone,
        put(POOL, 'this["together-reserved"]', "node_locations", to=["us-central1-a", "us-central1-b"]),
        of("everything"),
    ),
    Rule(
        "gcp-reserved-pools-name-their-reservation",
        reserved_pools_name_their_reservation,
        put(POOL, 'this["together-reserved"]', *NODE, "reservation_affinity", to=[]),
        of("everything"),
    ),
)
