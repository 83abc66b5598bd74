"""AKS: the cluster, its network, storage, watch and upkeep."""

from __future__ import annotations

from policies import Plan, Rule
from policies.azure import ALL, CLUSTER, of
from policies.mutations import put, without
from policies.reading import resources, values, wants

ACCOUNT, FLOW_LOGS = "azurerm_storage_account", "azurerm_network_watcher_flow_log"
NEW_NETWORK = ("minimal", "gpu", "spot", "auto", "everything")
PROTECTED = ("minimal", "gpu", "spot", "auto", "existing_network")
# takes tags by the schema, and is no part of a thing that has them
UNTAGGED = {"azurerm_storage_container"}


def the_api_is_closed(plan: Plan) -> list[str]:
    """Private, or for the networks of the file alone; and no way round by Azure's own API."""
    cluster = values(plan, CLUSTER)
    ranges = (cluster["api_server_access_profile"] or [{}])[0].get("authorized_ip_ranges") or []
    bad = list(wants(bool(cluster["run_command_enabled"]), CLUSTER, "commands by Azure's API, past every network rule"))
    bad += wants(bool(cluster["private_cluster_public_fqdn_enabled"]), CLUSTER, "a public name of a private endpoint")
    if cluster["private_cluster_enabled"]:
        return bad
    bad += wants(not ranges, CLUSTER, "open to the world")
    return bad + [f"{CLUSTER}: {each} may reach it" for each in ranges if each and each.endswith("/0")]


def pods_are_on_an_overlay(plan: Plan) -> list[str]:
    """With Cilium's policies; an overlay's addresses collide with no network that is peered."""
    [network] = values(plan, CLUSTER)["network_profile"]
    wanted = {
        "network_plugin": "azure",
        "network_plugin_mode": "overlay",
        "network_data_plane": "cilium",
        "network_policy": "cilium",
        "load_balancer_sku": "standard",
    }
    bad = [f"{CLUSTER}: {key} is {network[key]}" for key, value in wanted.items() if network[key] != value]
    ours = all(network[key].startswith("100.") for key in ("pod_cidr", "service_cidr"))
    return bad + list(wants(not ours, CLUSTER, "addresses that a peered network may have"))


def the_cluster_keeps_itself_up_to_date(plan: Plan) -> list[str]:
    """Patches and node images by themselves, in a window."""
    cluster = values(plan, CLUSTER)
    bad = list(wants(cluster["automatic_upgrade_channel"] != "patch", CLUSTER, "no patches"))
    bad += wants(cluster["node_os_upgrade_channel"] != "NodeImage", CLUSTER, "no node images")
    for window in ("maintenance_window_auto_upgrade", "maintenance_window_node_os"):
        bad += wants(not cluster[window], CLUSTER, f"no {window}")
    return bad


def storage_has_no_keys(plan: Plan) -> list[str]:
    """Entra alone opens storage; the flow logs' account is the exception, since its only writer has no identity."""
    return [
        f"{each['address']}: its keys open it"
        for each in resources(plan, ACCOUNT)
        if each["values"]["shared_access_key_enabled"] is not False and ".flow_logs[" not in each["address"]
    ]


def storage_is_encrypted_and_closed(plan: Plan) -> list[str]:
    bad: list[str] = []
    for each in resources(plan, ACCOUNT):
        account = each["values"]
        bad += wants(account["min_tls_version"] not in ("TLS1_2", "TLS1_3"), each, "old TLS")
        bad += wants(not account["https_traffic_only_enabled"], each, "plain HTTP")
        bad += wants(not account["infrastructure_encryption_enabled"], each, "one layer of encryption")
        bad += wants(account["allow_nested_items_to_be_public"] is not False, each, "may be made public")
        bad += wants(account["local_user_enabled"] is not False, each, "has local users")
        rules = account.get("network_rules") or [{}]
        bad += wants(rules[0].get("default_action") != "Deny", each, "every network comes in")
    for each in resources(plan, "azurerm_storage_container"):
        bad += wants(each["values"]["container_access_type"] != "private", each, "open to the world")
    return bad


def the_registry_wants_a_login(plan: Plan) -> list[str]:
    registry = values(plan, "azurerm_container_registry")
    bad = list(wants(registry["admin_enabled"] is not False, "registry", "a password for everything"))
    return bad + list(wants(registry["anonymous_pull_enabled"] is not False, "registry", "images for all the world"))


def subnets_are_closed(plan: Plan) -> list[str]:
    """No way out but the one that is written down, a security group on each, and storage by Azure's own network."""
    bad: list[str] = []
    grouped = {
        each["address"].rpartition("[")[2]
        for each in resources(plan, "azurerm_subnet_network_security_group_association")
    }
    for each in resources(plan, "azurerm_subnet"):
        bad += wants(each["values"]["default_outbound_access_enabled"] is not False, each, "Azure's default way out")
        bad += wants(each["address"].rpartition("[")[2] not in grouped, each, "no security group")
        services = {endpoint["service"] for endpoint in each["values"]["service_endpoint"] or ()}
        bad += wants("Microsoft.Storage" not in services, each, "weights come over the internet")
    return bad


def flows_are_logged(plan: Plan) -> list[str]:
    """A new network's; an existing one's are its owner's."""
    logs = list(resources(plan, FLOW_LOGS))
    bad = list(wants(not logs, "network", "no flow logs"))
    for each in logs:
        [kept] = each["values"]["retention_policy"]
        bad += wants(not each["values"]["enabled"] or not kept["enabled"] or kept["days"] < 90, each, "not kept")
    return bad


def the_control_plane_is_logged(plan: Plan) -> list[str]:
    """Who changed what, who was let in, and why nodes came or did not."""
    found = list(resources(plan, "azurerm_monitor_diagnostic_setting"))
    logged = {log["category"] for each in found for log in each["values"]["enabled_log"]}
    return [
        f"{each} is not logged" for each in ("kube-audit-admin", "guard", "cluster-autoscaler") if each not in logged
    ]


def nothing_is_deleted_by_accident(plan: Plan) -> list[str]:
    """A lock on the cluster and the images, and weeks to take back deleted weights."""
    locked = {
        each["address"].split(".azurerm")[0] + each["name"] for each in resources(plan, "azurerm_management_lock")
    }
    wanted = {"module.clusterthis", "module.storageregistry"}
    [kept] = values(plan, ACCOUNT, "module.storage.azurerm_storage_account.this")["blob_properties"]
    bad = [f"no lock: {each}" for each in sorted(wanted - locked)]
    soft = all(kept[policy] for policy in ("delete_retention_policy", "container_delete_retention_policy"))
    return bad + list(wants(not soft, "weights", "deleted at once"))


def everything_is_tagged(plan: Plan) -> list[str]:
    """With what Workaday is known by, and with the user's own."""
    wanted = {"managed-by", "project", "environment", "workaday-cluster", *plan["variables"]["tags"]["value"]}
    return [
        f"{each['address']}: tags {each['values']['tags']}"
        for each in resources(plan)
        if "tags" in each["values"] and each["type"] not in UNTAGGED and wanted - set(each["values"]["tags"] or {})
    ]


def the_budget_rings_three_times(plan: Plan) -> list[str]:
    """At 50, 80 and 100 percent of what nodes and all else cost together."""
    budget = values(plan, "azurerm_consumption_budget_subscription")
    bad = list(wants({each["threshold"] for each in budget["notification"]} != {50, 80, 100}, "budget", "thresholds"))
    bad += wants(budget["amount"] != plan["variables"]["budget"]["value"]["monthly_usd"], "budget", "another sum")
    silent = [each for each in budget["notification"] if not each["contact_emails"] and not each["contact_roles"]]
    return bad + list(wants(bool(silent), "budget", "nobody is told"))


def the_gateway_has_a_name(plan: Plan) -> list[str]:
    """An address in every zone of the cluster, under a name that charts know beforehand."""
    address, record = (
        values(plan, "azurerm_public_ip", "module.dns.azurerm_public_ip.this"),
        values(plan, "azurerm_dns_a_record"),
    )
    bad = list(
        wants(not set(plan["variables"]["zones"]["value"]) <= set(address["zones"]), "address", "not in every zone")
    )
    bad += wants(address["name"] != f"{plan['variables']['name']['value']}-gateway", "address", "a name of its own")
    dns = plan["variables"]["dns"]["value"]
    return bad + list(wants(f"{record['name']}.{record['zone_name']}" != dns["host"], "record", "another host"))


RULES = (
    Rule(
        "azure-the-api-is-closed",
        the_api_is_closed,
        put(CLUSTER, "", "api_server_access_profile", to=[]),
        of(*ALL),
    ),
    Rule(
        "azure-pods-are-on-an-overlay",
        pods_are_on_an_overlay,
        put(CLUSTER, "", "network_profile", 0, "network_policy", to=None),
        of(*ALL),
    ),
    Rule(
        "azure-the-cluster-keeps-itself-up-to-date",
        the_cluster_keeps_itself_up_to_date,
        put(CLUSTER, "", "maintenance_window_node_os", to=[]),
        of(*ALL),
    ),
    Rule(
        "azure-storage-has-no-keys",
        storage_has_no_keys,
        put(ACCOUNT, "module.storage.azurerm_storage_account.this", "shared_access_key_enabled", to=True),
        of(*ALL),
    ),
    Rule(
        "azure-storage-is-encrypted-and-closed",
        storage_is_encrypted_and_closed,
        put(ACCOUNT, "", "network_rules", 0, "default_action", to="Allow"),
        of(*ALL),
    ),
    Rule(
        "azure-the-registry-wants-a-login",
        the_registry_wants_a_login,
        put("azurerm_container_registry", "", "admin_enabled", to=True),
        of(*ALL),
    ),
    Rule(
        "azure-subnets-are-closed",
        subnets_are_closed,
        without("azurerm_subnet_network_security_group_association", '["nodes"]'),
        of(*NEW_NETWORK),
    ),
    Rule("azure-flows-are-logged", flows_are_logged, without(FLOW_LOGS), of(*NEW_NETWORK)),
    Rule(
        "azure-the-control-plane-is-logged",
        the_control_plane_is_logged,
        without("azurerm_monitor_diagnostic_setting"),
        of(*ALL),
    ),
    Rule(
        "azure-nothing-is-deleted-by-accident",
        nothing_is_deleted_by_accident,
        without("azurerm_management_lock", 'registry["this"]'),
        of(*PROTECTED),
    ),
    Rule(
        "azure-everything-is-tagged",
        everything_is_tagged,
        put(ACCOUNT, "module.storage.azurerm_storage_account.this", "tags", to={"team": "stories"}),
        of(*ALL),
    ),
    Rule(
        "azure-the-budget-rings-three-times",
        the_budget_rings_three_times,
        put("azurerm_consumption_budget_subscription", "", "notification", 0, "threshold", to=200),
        of("everything"),
    ),
    Rule(
        "azure-the-gateway-has-a-name",
        the_gateway_has_a_name,
        put("azurerm_public_ip", "module.dns.azurerm_public_ip.this", "zones", to=["1"]),
        of("everything"),
    ),
)
