"""AKS: nodes. The cluster and what lies round it are in `azure_base.py`, who may do what in `azure_access.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies import Plan, Rule
from policies.mutations import put, without
from policies.reading import Values, resources, values, wants

POOL, CLUSTER = "azurerm_kubernetes_cluster_node_pool", "azurerm_kubernetes_cluster"
SPOT_KEY = "kubernetes.azure.com/scalesetpriority"
ALL = ("minimal", "gpu", "spot", "auto", "existing_network", "everything")
POOLED = ("minimal", "gpu", "spot", "existing_network", "everything")
SPOT = ("spot", "existing_network", "everything")
GPU_SIZE = re.compile(r"Standard_N[CDGV]")
NAME = re.compile(r"[a-z][a-z0-9]{0,11}")


def of(*profiles: str) -> tuple[str, ...]:
    """Return profiles of azure by their short names."""
    return tuple(f"azure/{each}" for each in profiles)


def _pools(plan: Plan, priority: str | None = None) -> Iterator[Values]:
    for each in resources(plan, POOL):
        if priority is None or each["values"]["priority"] == priority:
            yield each


def _pool(group: Values) -> str:
    return str(group["values"]["node_labels"]["workaday.dev/pool"])


def spot_is_marked(plan: Plan) -> list[str]:
    """Spot nodes have both labels and the taint: Azure demands its own, models choose by ours."""
    found: list[str] = []
    for group in _pools(plan, "Spot"):
        labels, taints = group["values"]["node_labels"], group["values"]["node_taints"]
        labelled = labels.get(SPOT_KEY) == "spot" and labels.get("workaday.dev/capacity") == "spot"
        found += wants(
            not labelled or f"{SPOT_KEY}=spot:NoSchedule" not in taints, group, "spot without label or taint"
        )
    return found


def spot_has_no_surge(plan: Plan) -> list[str]:
    """Azure refuses upgrade settings on spot pools, when the cluster is up and half an hour has gone."""
    return [
        f"{each['address']}: a surge on spot" for each in _pools(plan, "Spot") if each["values"].get("upgrade_settings")
    ]


def spot_is_deleted_at_a_known_price(plan: Plan) -> list[str]:
    """An evicted node that is only stopped keeps its disk, its quota and its place in the cluster."""
    found: list[str] = []
    for group in _pools(plan):
        policy, price = group["values"].get("eviction_policy"), group["values"].get("spot_max_price")
        if group["values"]["priority"] == "Spot":
            found += wants(policy != "Delete", group, f"eviction policy {policy}")
            found += wants(price is None or not (price == -1 or price > 0), group, f"at most {price} USD")
        else:
            found += wants(policy is not None or price not in (None, -1), group, "what is spot's on another pool")
    return found


def spot_has_a_fallback(plan: Plan) -> list[str]:
    """Beside a pool's spot nodes is a pool on demand that can carry all of it."""
    most: dict[str, int] = {}
    for group in _pools(plan, "Regular"):
        most[_pool(group)] = most.get(_pool(group), 0) + group["values"]["max_count"]
    return [
        f"{group['address']}: nothing on demand takes over from it"
        for group in _pools(plan, "Spot")
        if most.get(_pool(group), 0) < group["values"]["max_count"]
    ]


def spot_has_three_sizes(plan: Plan) -> list[str]:
    """Each VM size is a further chance of a node; a pool has one, so there are several."""
    sizes: dict[str, set[str]] = {}
    for group in _pools(plan, "Spot"):
        sizes.setdefault(_pool(group), set()).add(group["values"]["vm_size"])
    return [f"pool {pool}: {len(found)} VM sizes" for pool, found in sizes.items() if len(found) < 3]


def system_is_never_spot(plan: Plan) -> list[str]:
    """Controllers have a pool of their own, on demand, of more than one node, and models stay out of it."""
    system = values(plan, CLUSTER)["default_node_pool"][0]
    bad = [f"{each['address']}: a system pool" for each in _pools(plan) if each["values"].get("mode") != "User"]
    bad += wants(not system["only_critical_addons_enabled"], "system pool", "models may sit among the controllers")
    bad += wants(system["node_count"] < 2, "system pool", "one node, which may go")
    return bad


def gpus_are_tainted_and_driven(plan: Plan) -> list[str]:
    """GPU nodes keep others off, and it is written down who installs the driver."""
    found: list[str] = []
    for group in _pools(plan):
        if GPU_SIZE.match(group["values"]["vm_size"]):
            taints = group["values"]["node_taints"] or []
            found += wants("nvidia.com/gpu=present:NoSchedule" not in taints, group, "GPUs without the taint")
            found += wants(group["values"].get("gpu_driver") not in ("Install", "None"), group, "nobody's driver")
    return found


def parted_gpus_have_their_profile(plan: Plan) -> list[str]:
    """`share: mig` reaches Azure as the profile that the file says."""
    found: list[str] = []
    for name, group in plan["variables"]["node_groups"]["value"].items():
        gpu = group.get("gpu") or {}
        if gpu.get("share") == "mig":
            made = values(plan, POOL, f'["{name}"]').get("gpu_instance")
            found += wants(made != f"MIG{gpu['partition'].partition('.')[0]}", name, f"MIG profile {made}")
    return found


def names_are_azures(plan: Plan) -> list[str]:
    """At most twelve lower-case letters and digits, also while a pool is changed."""
    return [
        f"{group['address']}: {name}"
        for group in _pools(plan)
        for name in (group["values"]["name"], group["values"]["temporary_name_for_rotation"])
        if not NAME.fullmatch(name)
    ]


def disks_are_encrypted_on_the_host(plan: Plan) -> list[str]:
    """Caches and temporary disks too, for which Azure's own encryption does nothing."""
    system = values(plan, CLUSTER)["default_node_pool"][0]
    bad = [f"{each['address']}: plain" for each in _pools(plan) if not each["values"]["host_encryption_enabled"]]
    return bad + list(wants(not system["host_encryption_enabled"], "system pool", "plain"))


def nodes_have_no_public_address(plan: Plan) -> list[str]:
    system = values(plan, CLUSTER)["default_node_pool"][0]
    bad = [f"{each['address']}: public" for each in _pools(plan) if each["values"].get("node_public_ip_enabled")]
    return bad + list(wants(bool(system["node_public_ip_enabled"]), "system pool", "public"))


def pools_grow_and_shrink(plan: Plan) -> list[str]:
    """By the cluster's autoscaler, in the order of the capacities, and off idle nodes that have emptyDirs."""
    profile = values(plan, CLUSTER)["auto_scaler_profile"]
    bad = [f"{each['address']}: fixed" for each in _pools(plan) if not each["values"]["auto_scaling_enabled"]]
    bad += wants(not profile or profile[0]["expander"] != "priority", "autoscaler", "no order among pools")
    bad += wants(not profile or profile[0]["skip_nodes_with_local_storage"], "autoscaler", "idle model nodes stay")
    return bad


def auto_provisioning_is_alone(plan: Plan) -> list[str]:
    """AKS's Karpenter and the cluster autoscaler exclude each other, and its own NodePools take any machine."""
    cluster = values(plan, CLUSTER)
    [profile] = cluster["node_provisioning_profile"]
    bad = list(wants(profile["mode"] != "Auto" or profile["default_node_pools"] != "None", "provisioner", str(profile)))
    bad += wants(bool(cluster["auto_scaler_profile"]), "provisioner", "an autoscaler beside it")
    return bad + [f"{each['address']}: grows by itself" for each in _pools(plan)]


def compact_pools_are_in_one_zone(plan: Plan) -> list[str]:
    """A proximity placement group is in one building."""
    found: list[str] = []
    for group in resources(plan, "azurerm_proximity_placement_group"):
        key = group["address"].rpartition("[")[2]
        found += wants(len(values(plan, POOL, f"[{key}")["zones"]) != 1, group, "more than one zone")
    return found


def reserved_pools_name_their_reservation(plan: Plan) -> list[str]:
    """By its whole id, with the right to use it: without either AKS makes the pool on machines that nobody reserved."""
    granted = {
        each["values"]["scope"]
        for each in resources(plan, "azurerm_role_assignment")
        if ".reservation[" in each["address"]
    }
    return [
        f"{group['address']}: not on its reservation"
        for group in _pools(plan)
        if group["values"]["node_labels"]["workaday.dev/capacity"] == "reserved"
        and group["values"]["capacity_reservation_group_id"] not in granted
    ]


def tags_say_pool_and_capacity(plan: Plan) -> list[str]:
    """Costs are split by tags, and these are on the machines."""
    return [
        f"{each['address']}: tags {each['values']['tags']}"
        for each in _pools(plan)
        if {"pool", "capacity", "managed-by", "workaday-cluster"} - set(each["values"]["tags"] or {})
    ]


SPOT_POOL = 'this["gpu-spot"]'
RULES = (
    Rule("azure-spot-is-marked", spot_is_marked, put(POOL, SPOT_POOL, "node_taints", to=[]), of(*SPOT)),
    Rule(
        "azure-spot-has-no-surge",
        spot_has_no_surge,
        put(POOL, SPOT_POOL, "upgrade_settings", to=[{"max_surge": "1"}]),
        of(*SPOT),
    ),
    Rule(
        "azure-spot-is-deleted-at-a-known-price",
        spot_is_deleted_at_a_known_price,
        put(POOL, SPOT_POOL, "eviction_policy", to="Deallocate"),
        of(*SPOT),
    ),
    Rule("azure-spot-has-a-fallback", spot_has_a_fallback, without(POOL, 'this["gpu-on-demand"]'), of("spot")),
    Rule("azure-spot-has-three-sizes", spot_has_three_sizes, without(POOL, 'this["gpu-spot-2"]'), of("spot")),
    Rule(
        "azure-system-is-never-spot",
        system_is_never_spot,
        put(CLUSTER, "", "default_node_pool", 0, "only_critical_addons_enabled", to=False),
        of(*ALL),
    ),
    Rule(
        "azure-gpus-are-tainted-and-driven",
        gpus_are_tainted_and_driven,
        put(POOL, 'this["gpu-on-demand"]', "gpu_driver", to=None),
        of("gpu", *SPOT),
    ),
    Rule(
        "azure-parted-gpus-have-their-profile",
        parted_gpus_have_their_profile,
        put(POOL, 'this["parted-on-demand"]', "gpu_instance", to=None),
        of("gpu", "everything"),
    ),
    Rule("azure-names-are-azures", names_are_azures, put(POOL, SPOT_POOL, "name", to="gpu-spot"), of("spot", *POOLED)),
    Rule(
        "azure-disks-are-encrypted-on-the-host",
        disks_are_encrypted_on_the_host,
        put(CLUSTER, "", "default_node_pool", 0, "host_encryption_enabled", to=False),
        of(*ALL),
    ),
    Rule(
        "azure-nodes-have-no-public-address",
        nodes_have_no_public_address,
        put(CLUSTER, "", "default_node_pool", 0, "node_public_ip_enabled", to=True),
        of(*ALL),
    ),
    Rule(
        "azure-pools-grow-and-shrink",
        pools_grow_and_shrink,
        put(CLUSTER, "", "auto_scaler_profile", 0, "expander", to="random"),
        of(*POOLED),
    ),
    Rule(
        "azure-auto-provisioning-is-alone",
        auto_provisioning_is_alone,
        put(CLUSTER, "", "node_provisioning_profile", 0, "default_node_pools", to="Auto"),
        of("auto"),
    ),
    Rule(
        "azure-compact-pools-are-in-one-zone",
        compact_pools_are_in_one_zone,
        put(POOL, 'this["together-reserved"]', "zones", to=["1", "2"]),
        of("everything"),
    ),
    Rule(
        "azure-reserved-pools-name-their-reservation",
        reserved_pools_name_their_reservation,
        without("azurerm_role_assignment", 'reservation["together-reserved"]'),
        of("everything"),
    ),
    Rule(
        "azure-tags-say-pool-and-capacity",
        tags_say_pool_and_capacity,
        put(POOL, 'this["gpu-on-demand"]', "tags", to={}),
        of("gpu", *SPOT),
    ),
)
