"""EKS: the cluster, its network and its storage."""

from __future__ import annotations

import re
from typing import Any

from policies import Plan, Rule
from policies.mutations import put, without
from policies.reading import resources, values, wants

ANYWHERE = {"0.0.0.0/0", "::/0"}
LOGS = {"api", "audit", "authenticator", "controllerManager", "scheduler"}
EVENTS = {
    "EC2 Spot Instance Interruption Warning",
    "EC2 Instance Rebalance Recommendation",
    "EC2 Instance State-change Notification",
    "EC2 Capacity Reservation Instance Interruption Warning",
    "AWS Health Event",
}
ALL = ("minimal", "gpu", "spot", "auto", "existing_network", "private", "everything")
OWN_NETWORK = ("minimal", "gpu", "spot", "auto", "private", "everything")


def _of(*profiles: str) -> tuple[str, ...]:
    return tuple(f"aws/{each}" for each in profiles)


def cluster_is_closed(plan: Plan) -> list[str]:
    """Access by entries only, all logs, deletion protected as asked, no price of extended support unasked."""
    cluster = values(plan, "aws_eks_cluster")
    access, asked = cluster["access_config"][0], plan["variables"]["deletion_protection"]["value"]
    return [
        *wants(access["authentication_mode"] != "API", "cluster", "aws-auth is in use"),
        *wants(access["bootstrap_cluster_creator_admin_permissions"], "cluster", "its maker is a hidden admin"),
        *wants(set(cluster["enabled_cluster_log_types"]) != LOGS, "cluster", "not all logs"),
        *wants(cluster["deletion_protection"] != asked, "cluster", "deletion protection is not as asked"),
        *wants(cluster["upgrade_policy"][0]["support_type"] != "STANDARD", "cluster", "extended support"),
    ]


def endpoint_is_as_asked(plan: Plan) -> list[str]:
    network, asked = values(plan, "aws_eks_cluster")["vpc_config"][0], plan["variables"]["access"]["value"]
    public = bool(network["endpoint_public_access"])
    cidrs = set(network.get("public_access_cidrs") or ())
    return [
        *wants(not network["endpoint_private_access"], "cluster", "nodes leave the network to reach their API"),
        *wants(public != (asked["endpoint"] == "public"), "cluster", "the endpoint is not as asked"),
        *wants(public and (cidrs != set(asked["cidrs"]) or not cidrs), "cluster", "open to others than asked"),
    ]


def nothing_lets_the_world_in(plan: Plan) -> list[str]:
    found: list[str] = []
    for each in resources(plan, "aws_vpc_security_group_ingress_rule"):
        found += wants({each["values"]["cidr_ipv4"], each["values"]["cidr_ipv6"]} & ANYWHERE != set(), each, "open")
    for each in resources(plan, "aws_subnet"):
        found += wants(bool(each["values"].get("map_public_ip_on_launch")), each, "gives out public addresses")
    for each in resources(plan, "aws_default_security_group"):
        found += wants(bool(each["values"].get("ingress")), each, "the default group lets someone in")
    return found


def ec2_takes_the_words(plan: Plan) -> list[str]:
    """Descriptions of security groups and their rules have characters that EC2 knows; the schema does not say which."""
    kinds = ("aws_security_group", "aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule")
    known = re.compile(r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}")
    found = resources(plan, *kinds)
    return [each["address"] for each in found if not known.fullmatch(each["values"]["description"] or "")]


def traffic_is_logged(plan: Plan) -> list[str]:
    logged = len([each for each in resources(plan, "aws_flow_log") if each["values"]["traffic_type"] == "ALL"])
    return [] if logged == len(list(resources(plan, "aws_vpc"))) else ["a VPC without flow logs"]


def nat_is_as_asked(plan: Plan) -> list[str]:
    """As many gateways as asked; without any, the endpoints that nodes cannot do without."""
    asked = plan["variables"]["network"]["value"]
    zones = len(list(filter(lambda each: each["name"] == "private", resources(plan, "aws_subnet"))))
    wanted = {"single": 1, "per_zone": zones, "none": 0}[asked["nat"]]
    gateways = len(list(resources(plan, "aws_nat_gateway")))
    services = {each["values"]["service_name"].split(".", 3)[3] for each in resources(plan, "aws_vpc_endpoint")}
    needed = {"s3"} | (
        {"ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "sqs", "sts"} if asked["nat"] == "none" else set()
    )
    return [
        *wants(gateways != wanted, "network", f"{gateways} NAT gateways, not {wanted}"),
        *wants(not needed <= services, "network", f"no endpoint of {', '.join(sorted(needed - services))}"),
    ]


def existing_network_is_left_alone(plan: Plan) -> list[str]:
    kinds = ("aws_vpc", "aws_subnet", "aws_route", "aws_route_table", "aws_nat_gateway", "aws_internet_gateway")
    return [f"{each['address']}: made in an existing network" for each in resources(plan, *kinds)]


def interruptions_reach_karpenter(plan: Plan) -> list[str]:
    """Five events, each to the queue, which is encrypted and short."""
    rules = list(resources(plan, "aws_cloudwatch_event_rule"))
    heard = {event for event in EVENTS if any(event in each["values"]["event_pattern"] for each in rules)}
    aimed = {each["index"] for each in resources(plan, "aws_cloudwatch_event_target")}
    queue = values(plan, "aws_sqs_queue")
    return [
        *(f"nobody hears of: {event}" for event in sorted(EVENTS - heard)),
        *(f"{each['address']}: goes nowhere" for each in rules if each["index"] not in aimed),
        *wants(not queue["sqs_managed_sse_enabled"], "queue", "not encrypted"),
        *wants(queue["message_retention_seconds"] != 300, "queue", "keeps what is over"),
    ]


def buckets_are_closed(plan: Plan) -> list[str]:
    """Each bucket: nothing public, no ACLs, encrypted, versioned, TLS only."""
    found: list[str] = []
    for bucket in resources(plan, "aws_s3_bucket"):
        name = bucket["name"]
        parts = {each["type"]: each["values"] for each in resources(plan) if each["name"] == name}
        block = parts.get("aws_s3_bucket_public_access_block", {})
        found += wants(sum(bool(value) for key, value in block.items() if key[:5] in FLAGS) != 4, bucket, "not closed")
        found += wants("aws_s3_bucket_server_side_encryption_configuration" not in parts, bucket, "not encrypted")
        found += wants("aws_s3_bucket_ownership_controls" not in parts, bucket, "has ACLs")
        versions = parts.get("aws_s3_bucket_versioning", {}).get("versioning_configuration", [{}])
        found += wants(versions[0].get("status") != "Enabled", bucket, "not versioned")
        policy = parts.get("aws_s3_bucket_policy", {}).get("policy") or ""
        found += wants("aws:SecureTransport" not in policy, bucket, "without TLS")
    return found


FLAGS = ("block", "ignor", "restr")


def images_stay_what_they_are(plan: Plan) -> list[str]:
    found: list[str] = []
    for each in resources(plan, "aws_ecr_repository"):
        found += wants(each["values"]["image_tag_mutability"] != "IMMUTABLE", each, "tags can move")
        found += wants(not each["values"]["image_scanning_configuration"][0]["scan_on_push"], each, "not scanned")
    return found


def everything_is_tagged(plan: Plan) -> list[str]:
    """Workaday's own tags and the user's, on all that has tags, and on what launch templates make."""
    wanted = set(plan["variables"]["tags"]["value"]) | {"managed-by", "project", "workaday-cluster"}
    found: list[str] = []
    for each in resources(plan):
        if "tags_all" in each["values"]:
            found += wants(not wanted <= set(each["values"]["tags_all"] or ()), each, "without tags")
    for each in resources(plan, "aws_launch_template"):
        made = {spec["resource_type"] for spec in each["values"]["tag_specifications"] if wanted <= set(spec["tags"])}
        found += wants(not {"instance", "volume", "network-interface"} <= made, each, "makes things without tags")
    return found


def budget_alarms(plan: Plan) -> list[str]:
    alarms = values(plan, "aws_budgets_budget")["notification"]
    heard = {each["threshold"] for each in alarms if each["subscriber_email_addresses"]}
    return [f"no alarm at {each} percent" for each in (50, 80, 100) if each not in heard]


def made_in_it(plan: dict[str, Any]) -> None:
    plan["planned_values"]["root_module"].setdefault("resources", []).append(
        {"address": "aws_subnet.stray", "mode": "managed", "type": "aws_subnet", "name": "stray", "values": {}}
    )


RULES = (
    Rule(
        "aws-cluster-is-closed",
        cluster_is_closed,
        put("aws_eks_cluster", "", "access_config", 0, "bootstrap_cluster_creator_admin_permissions", to=True),
        _of(*ALL),
    ),
    Rule(
        "aws-endpoint-is-as-asked",
        endpoint_is_as_asked,
        put("aws_eks_cluster", "", "vpc_config", 0, "public_access_cidrs", to=["0.0.0.0/0"]),
        _of(*ALL),
    ),
    Rule(
        "aws-private-stays-private",
        endpoint_is_as_asked,
        put("aws_eks_cluster", "", "vpc_config", 0, "endpoint_public_access", to=True),
        _of("private", "existing_network"),
    ),
    Rule(
        "aws-nothing-lets-the-world-in",
        nothing_lets_the_world_in,
        put("aws_vpc_security_group_ingress_rule", "", "cidr_ipv4", to="0.0.0.0/0"),
        _of("private", *ALL),
    ),
    Rule(
        "aws-ec2-takes-the-words",
        ec2_takes_the_words,
        put("aws_security_group", "", "description", to="AWS' interfaces"),
        _of("private", *OWN_NETWORK[:-2], "existing_network", "everything"),
    ),
    Rule("aws-traffic-is-logged", traffic_is_logged, without("aws_flow_log"), _of(*OWN_NETWORK)),
    Rule("aws-nat-is-as-asked", nat_is_as_asked, without("aws_nat_gateway"), _of(*OWN_NETWORK)),
    Rule("aws-without-nat-endpoints", nat_is_as_asked, without("aws_vpc_endpoint", '["eks-auth"]'), _of("private")),
    Rule("aws-existing-network-is-left-alone", existing_network_is_left_alone, made_in_it, _of("existing_network")),
    Rule(
        "aws-interruptions-reach-karpenter",
        interruptions_reach_karpenter,
        without("aws_cloudwatch_event_rule", '["reservation"]'),
        _of("auto", "minimal", "private"),
    ),
    Rule(
        "aws-buckets-are-closed",
        buckets_are_closed,
        put("aws_s3_bucket_public_access_block", "", "restrict_public_buckets", to=False),
        _of(*ALL),
    ),
    Rule("aws-buckets-are-versioned", buckets_are_closed, without("aws_s3_bucket_versioning"), _of(*ALL)),
    Rule("aws-buckets-take-tls-only", buckets_are_closed, without("aws_s3_bucket_policy"), _of(*ALL)),
    Rule(
        "aws-images-stay-what-they-are",
        images_stay_what_they_are,
        put("aws_ecr_repository", "", "image_tag_mutability", to="MUTABLE"),
        _of(*ALL),
    ),
    Rule("aws-everything-is-tagged", everything_is_tagged, put("aws_vpc", "", "tags_all", to={}), _of(*OWN_NETWORK)),
    Rule(
        "aws-what-is-launched-is-tagged",
        everything_is_tagged,
        put("aws_launch_template", ".system", "tag_specifications", to=[]),
        _of(*ALL),
    ),
    Rule("aws-budget-alarms", budget_alarms, put("aws_budgets_budget", "", "notification", to=[]), _of("everything")),
)
