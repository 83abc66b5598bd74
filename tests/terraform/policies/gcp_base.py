"""GKE: the cluster, its network, storage, watch and upkeep."""

from __future__ import annotations

from ipaddress import ip_network

from policies import Plan, Rule
from policies.gcp import ALL, CLUSTER, POOL, of
from policies.mutations import put
from policies.reading import resources, values, wants

BUCKET, REGISTRY, SUBNET = (
    "google_storage_bucket",
    "google_artifact_registry_repository",
    "google_compute_subnetwork",
)
PRIVATE = tuple(ip_network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
NEW_NETWORK = ("minimal", "gpu", "spot", "auto", "everything")
PROTECTED = ("minimal", "gpu", "spot", "auto", "existing_network")


def _is_private(cidr: str) -> bool:
    return any(ip_network(cidr).subnet_of(each) for each in PRIVATE)  # type: ignore[arg-type]


def the_api_is_closed(plan: Plan) -> list[str]:
    """Private, or for the networks of the file alone; no way round by another endpoint or Google's own addresses."""
    cluster, access = values(plan, CLUSTER), plan["variables"]["access"]["value"]
    [networks] = cluster["master_authorized_networks_config"] or [{"cidr_blocks": []}]
    blocks = {each["cidr_block"] for each in networks["cidr_blocks"]}
    private = cluster["private_cluster_config"][0]["enable_private_endpoint"]
    bad = list(wants(private != (access["endpoint"] == "private"), CLUSTER, "another endpoint"))
    bad += wants(not cluster["master_authorized_networks_config"], CLUSTER, "open to the world")
    bad += wants(bool(networks.get("gcp_public_cidrs_access_enabled")), CLUSTER, "open to all of Google's customers")
    bad += [f"{CLUSTER}: {each} may reach it" for each in blocks if private and not _is_private(each)]
    bad += wants(bool(access["cidrs"]) and blocks != set(access["cidrs"]), CLUSTER, f"for {blocks}")
    bad += [f"{CLUSTER}: {each} may reach it" for each in blocks if each.endswith("/0")]
    dns = cluster["control_plane_endpoints_config"][0]["dns_endpoint_config"][0]["allow_external_traffic"]
    return bad + list(wants(dns is not False, CLUSTER, "its DNS endpoint is open to every address"))


def nothing_comes_in_from_the_world(plan: Plan) -> list[str]:
    """Firewalls let in private addresses only."""
    return [
        f"{each['address']}: {source} comes in"
        for each in resources(plan, "google_compute_firewall")
        for source in each["values"]["source_ranges"] or ["0.0.0.0/0"]
        if not _is_private(source)
    ]


def pods_have_addresses_of_the_network(plan: Plan) -> list[str]:
    """VPC-native with Dataplane V2: Cilium's policies, and each packet in the flow logs."""
    cluster = values(plan, CLUSTER)
    wanted = {
        "networking_mode": "VPC_NATIVE",
        "datapath_provider": "ADVANCED_DATAPATH",
        "enable_intranode_visibility": True,
    }
    bad = [f"{CLUSTER}: {key} is {cluster[key]}" for key, value in wanted.items() if cluster[key] != value]
    return bad + list(wants(len(cluster["ip_allocation_policy"]) != 1, CLUSTER, "addresses of routes"))


def ranges_do_not_overlap(plan: Plan) -> list[str]:
    """Nodes, pods and services each have their own, within the file's network."""
    subnet = values(plan, SUBNET)
    second = {each["range_name"]: each["ip_cidr_range"] for each in subnet["secondary_ip_range"]}
    ranges = [ip_network(each) for each in (subnet["ip_cidr_range"], *second.values())]
    whole = ip_network(plan["variables"]["network"]["value"]["cidr"])
    bad = [f"{each}: outside {whole}" for each in ranges if not each.subnet_of(whole)]  # type: ignore[arg-type]
    bad += [f"{a} and {b} overlap" for i, a in enumerate(ranges) for b in ranges[i + 1 :] if a.overlaps(b)]
    return bad + list(wants(set(second) != {"pods", "services"}, SUBNET, f"ranges {sorted(second)}"))


def subnets_are_private_and_logged(plan: Plan) -> list[str]:
    """Weights come over Google's own network; flows are logged. An existing network's are its owner's."""
    bad: list[str] = []
    for each in resources(plan, SUBNET):
        bad += wants(not each["values"]["private_ip_google_access"], each, "weights come over the internet")
        bad += wants(not each["values"]["log_config"], each, "no flow logs")
    for each in resources(plan, "google_compute_network"):
        bad += wants(each["values"]["auto_create_subnetworks"] is not False, each, "a subnet in each region")
    return bad


def the_way_out_is_as_asked(plan: Plan) -> list[str]:
    """One Cloud NAT, which lies in every zone, or none; and not for what else is in the network."""
    nats = list(resources(plan, "google_compute_router_nat"))
    asked = plan["variables"]["network"]["value"].get("nat", "none") != "none"
    bad = list(wants(len(nats) != int(asked), "network", f"{len(nats)} ways out"))
    for each in nats:
        ranges = each["values"]["source_subnetwork_ip_ranges_to_nat"]
        bad += wants(ranges != "LIST_OF_SUBNETWORKS", each, f"for {ranges}")
        bad += wants(not each["values"]["log_config"][0]["enable"], each, "what it drops is lost")
    return bad


def buckets_are_closed(plan: Plan) -> list[str]:
    """No lists of their own, nothing public, and a deletion can be taken back."""
    bad: list[str] = []
    for each in resources(plan, BUCKET):
        bucket = each["values"]
        bad += wants(bucket["uniform_bucket_level_access"] is not True, each, "objects have lists of their own")
        bad += wants(bucket["public_access_prevention"] != "enforced", each, "may be made public")
        kept = (bucket["soft_delete_policy"] or [{"retention_duration_seconds": 0}])[0]["retention_duration_seconds"]
        bad += wants(kept < 7 * 24 * 3600, each, f"what is deleted stays {kept} seconds")
    return bad


def tags_of_images_stay(plan: Plan) -> list[str]:
    """A rollback runs what ran before, and cleaning up keeps the newest whatever else it deletes."""
    registry = values(plan, REGISTRY)
    bad = list(wants(not registry["docker_config"][0]["immutable_tags"], REGISTRY, "tags can be moved"))
    kept = [each for each in registry["cleanup_policies"] if each["action"] == "KEEP"]
    bad += wants(not any(each["most_recent_versions"] for each in kept), REGISTRY, "the newest may be deleted")
    deleted = [each["condition"][0] for each in registry["cleanup_policies"] if each["action"] == "DELETE"]
    return bad + [f"{REGISTRY}: tagged ones go" for each in deleted if each["tag_state"] != "UNTAGGED"]


def keys_of_ones_own_reach_everything(plan: Plan) -> list[str]:
    """Everything is encrypted by Google; where a key is named it is for secrets, disks, weights and images alike."""
    key = plan["variables"]["kms_key"]["value"] if "kms_key" in plan["variables"] else None
    cluster, registry = values(plan, CLUSTER), values(plan, REGISTRY)
    used = {
        "secrets": (cluster["database_encryption"] or [{}])[0].get("key_name"),
        "images": registry["kms_key_name"],
        "weights": (values(plan, BUCKET)["encryption"] or [{}])[0].get("default_kms_key_name"),
    }
    used |= {each["address"]: each["values"]["node_config"][0]["boot_disk_kms_key"] for each in resources(plan, POOL)}
    return [f"{what}: encrypted with {got}, not {key}" for what, got in used.items() if got != key]


def the_cluster_keeps_itself_up_to_date(plan: Plan) -> list[str]:
    """Patches by its channel, at weekends; minor versions by project.yaml."""
    cluster = values(plan, CLUSTER)
    bad = list(wants(cluster["release_channel"][0]["channel"] not in ("REGULAR", "STABLE"), CLUSTER, "no channel"))
    wanted = plan["variables"]["kubernetes"]["value"]
    bad += wants(cluster["min_master_version"] != wanted, CLUSTER, f"version {cluster['min_master_version']}")
    [policy] = cluster["maintenance_policy"] or [{"recurring_window": [], "maintenance_exclusion": []}]
    bad += wants(not policy["recurring_window"], CLUSTER, "at any hour")
    scopes = {each["exclusion_options"][0]["scope"] for each in policy["maintenance_exclusion"]}
    return bad + list(wants(scopes != {"NO_MINOR_UPGRADES"}, CLUSTER, "minor versions by themselves"))


def the_cluster_is_watched(plan: Plan) -> list[str]:
    """Logs of the control plane and of pods, metrics of GPUs, and what each namespace costs."""
    cluster = values(plan, CLUSTER)
    logged = set(cluster["logging_config"][0]["enable_components"])
    measured = set(cluster["monitoring_config"][0]["enable_components"])
    bad = [f"{each} is not logged" for each in ("SYSTEM_COMPONENTS", "WORKLOADS", "APISERVER") if each not in logged]
    bad += [f"{each} is not measured" for each in ("SYSTEM_COMPONENTS", "DCGM") if each not in measured]
    prometheus = cluster["monitoring_config"][0]["managed_prometheus"]
    bad += wants(not prometheus or not prometheus[0]["enabled"], CLUSTER, "DCGM needs Google's Prometheus")
    return bad + list(wants(not cluster["cost_management_config"][0]["enabled"], CLUSTER, "no costs by namespace"))


def the_first_pool_is_thrown_away(plan: Plan) -> list[str]:
    """It cannot be changed later; and it is on all of the region's zones that the file names."""
    cluster = values(plan, CLUSTER)
    bad = list(wants(cluster["remove_default_node_pool"] is not True, CLUSTER, "a pool of defaults"))
    bad += wants(cluster["location"] != plan["variables"]["region"]["value"], CLUSTER, "a control plane in one zone")
    zones = plan["variables"]["zones"]["value"]
    return bad + list(wants(sorted(cluster["node_locations"]) != sorted(zones), CLUSTER, "other zones"))


def nothing_is_deleted_by_accident(plan: Plan) -> list[str]:
    """The cluster, the weights and the images."""
    bad = list(wants(values(plan, CLUSTER)["deletion_protection"] is not True, CLUSTER, "may be deleted"))
    for each in resources(plan, BUCKET, REGISTRY):
        bad += wants(each["values"]["deletion_policy"] != "PREVENT", each, "may be deleted")
        bad += wants(bool(each["values"].get("force_destroy")), each, "deleted with all that is in it")
    return bad


def everything_is_labelled(plan: Plan) -> list[str]:
    """With what Workaday is known by and the user's own: by the provider, and on machines and disks by hand."""
    wanted = {"managed-by", "project", "environment", "workaday-cluster", *plan["variables"]["tags"]["value"]}
    bad = [
        f"{each['address']}: labels {each['values']['effective_labels']}"
        for each in resources(plan)
        if "effective_labels" in each["values"] and wanted - set(each["values"]["effective_labels"] or {})
    ]
    for each in resources(plan, POOL):
        on_machines = set(each["values"]["node_config"][0]["resource_labels"] or {})
        bad += wants(bool((wanted | {"pool", "capacity"}) - on_machines), each, f"machines have {on_machines}")
    return bad


def the_budget_rings_three_times(plan: Plan) -> list[str]:
    """At 50, 80 and 100 percent of what this cluster costs."""
    budget = values(plan, "google_billing_budget")
    wanted = plan["variables"]["budget"]["value"]
    [amount] = budget["amount"][0]["specified_amount"]
    bad = list(
        wants(
            {each["threshold_percent"] for each in budget["threshold_rules"]} != {0.5, 0.8, 1}, "budget", "thresholds"
        )
    )
    bad += wants(int(amount["units"]) + amount["nanos"] / 1e9 != wanted["monthly_usd"], "budget", "another sum")
    name = plan["variables"]["name"]["value"]
    bad += wants(budget["budget_filter"][0]["labels"] != {"workaday-cluster": name}, "budget", "others' costs")
    told = {
        each["values"]["labels"]["email_address"] for each in resources(plan, "google_monitoring_notification_channel")
    }
    return bad + list(wants(told != set(wanted["notify"]), "budget", f"tells {told}"))


def the_gateway_has_a_name(plan: Plan) -> list[str]:
    """An address of the region under a name that charts know beforehand, and a record of the host's."""
    address, record = values(plan, "google_compute_address"), values(plan, "google_dns_record_set")
    name, dns = plan["variables"]["name"]["value"], plan["variables"]["dns"]["value"]
    bad = list(wants(address["name"] != f"{name}-gateway", "address", "a name of its own"))
    bad += wants(address["region"] != plan["variables"]["region"]["value"], "address", "another region")
    return bad + list(wants(record["name"] != f"{dns['host']}.", "record", "another host"))


RULES = (
    Rule(
        "gcp-the-api-is-closed",
        the_api_is_closed,
        put(CLUSTER, "", "master_authorized_networks_config", to=[]),
        of(*ALL),
    ),
    Rule(
        "gcp-nothing-comes-in-from-the-world",
        nothing_comes_in_from_the_world,
        put("google_compute_firewall", "", "source_ranges", to=["0.0.0.0/0"]),
        of(*NEW_NETWORK),
    ),
    Rule(
        "gcp-pods-have-addresses-of-the-network",
        pods_have_addresses_of_the_network,
        put(CLUSTER, "", "datapath_provider", to="LEGACY_DATAPATH"),
        of(*ALL),
    ),
    Rule(
        "gcp-ranges-do-not-overlap",
        ranges_do_not_overlap,
        put(SUBNET, "", "ip_cidr_range", to="10.40.0.0/16"),
        of(*NEW_NETWORK),
    ),
    Rule(
        "gcp-subnets-are-private-and-logged",
        subnets_are_private_and_logged,
        put(SUBNET, "", "private_ip_google_access", to=False),
        of(*NEW_NETWORK),
    ),
    Rule(
        "gcp-the-way-out-is-as-asked",
        the_way_out_is_as_asked,
        put("google_compute_router_nat", "", "source_subnetwork_ip_ranges_to_nat", to="ALL_SUBNETWORKS_ALL_IP_RANGES"),
        of(*ALL),
    ),
    Rule(
        "gcp-buckets-are-closed",
        buckets_are_closed,
        put(BUCKET, "", "public_access_prevention", to="inherited"),
        of(*ALL),
    ),
    Rule(
        "gcp-tags-of-images-stay",
        tags_of_images_stay,
        put(REGISTRY, "", "docker_config", 0, "immutable_tags", to=False),
        of(*ALL),
    ),
    Rule(
        "gcp-keys-of-ones-own-reach-everything",
        keys_of_ones_own_reach_everything,
        put(REGISTRY, "", "kms_key_name", to="projects/p/locations/l/keyRings/r/cryptoKeys/k"),
        of(*ALL),
    ),
    Rule(
        "gcp-the-cluster-keeps-itself-up-to-date",
        the_cluster_keeps_itself_up_to_date,
        put(CLUSTER, "", "maintenance_policy", to=[]),
        of(*ALL),
    ),
    Rule(
        "gcp-the-cluster-is-watched",
        the_cluster_is_watched,
        put(CLUSTER, "", "monitoring_config", 0, "enable_components", to=["SYSTEM_COMPONENTS"]),
        of(*ALL),
    ),
    Rule(
        "gcp-the-first-pool-is-thrown-away",
        the_first_pool_is_thrown_away,
        put(CLUSTER, "", "remove_default_node_pool", to=False),
        of(*ALL),
    ),
    Rule(
        "gcp-nothing-is-deleted-by-accident",
        nothing_is_deleted_by_accident,
        put(CLUSTER, "", "deletion_protection", to=False),
        of(*PROTECTED),
    ),
    Rule(
        "gcp-everything-is-labelled",
        everything_is_labelled,
        put(POOL, ".system", "node_config", 0, "resource_labels", to={}),
        of(*ALL),
    ),
    Rule(
        "gcp-the-budget-rings-three-times",
        the_budget_rings_three_times,
        put("google_billing_budget", "", "threshold_rules", 0, "threshold_percent", to=2),
        of("everything"),
    ),
    Rule(
        "gcp-the-gateway-has-a-name",
        the_gateway_has_a_name,
        put("google_compute_address", "", "name", to="gateway"),
        of("everything"),
    ),
)
