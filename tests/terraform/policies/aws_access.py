"""EKS: who may do what."""

from __future__ import annotations

import re
from typing import Any

from policies import Plan, Rule
from policies.reading import Values, as_list, edit_statement, resources, statements, values

ALL = tuple(f"aws/{each}" for each in ("minimal", "gpu", "spot", "auto", "existing_network", "private", "everything"))
READING = tuple(f"aws/{each}" for each in ("everything", "gpu", "spot", "auto", "private"))
TRUST = {
    "aws:RequestTag/eks-cluster-arn",
    "aws:RequestTag/kubernetes-namespace",
    "aws:RequestTag/kubernetes-service-account",
}
# Calls that know no resource: they see, and change nothing.
SEEING = re.compile(r"[a-z0-9-]+:(Describe|List|Get)[A-Za-z]*")


def _policies(plan: Plan) -> list[tuple[str, Values]]:
    return [
        (each["address"], statement)
        for each in resources(plan, "aws_iam_policy", "aws_iam_role_policy")
        for statement in statements(each["values"].get("policy"))
    ]


def model_reads_its_weights_only(plan: Plan) -> list[str]:
    """A model's rights are exactly: objects under its prefix, and the list of them."""
    found: list[str] = []
    asked = plan["variables"]["models"]["value"]
    for each in resources(plan, "aws_iam_role_policy"):
        if not each["address"].startswith("module.identity."):
            continue
        place = asked[each["index"]]["weights"]
        bucket, prefix = f"arn:aws:s3:::{place['bucket']}", place["prefix"].strip("/")
        objects = {f"{bucket}/{prefix}", f"{bucket}/{prefix}/*"} if prefix else {f"{bucket}/*"}
        for statement in statements(each["values"]["policy"]):
            action, on = as_list(statement["Action"]), set(as_list(statement["Resource"]))
            listed = statement.get("Condition", {}).get("StringLike", {}).get("s3:prefix")
            reads = action == ["s3:GetObject"] and on == objects
            lists = action == ["s3:ListBucket"] and on == {bucket}
            lists = lists and (not prefix or set(as_list(listed)) == {prefix, f"{prefix}/*"})
            if not reads and not lists:
                found.append(f"{each['address']}: {statement}")
    with_rights = {
        each["index"] for each in resources(plan, "aws_iam_role_policy") if "module.identity." in each["address"]
    }
    return found + [
        f"{name}: cannot read its weights" for name in asked if asked[name].get("weights") and name not in with_rights
    ]


def roles_are_held_to_one_service_account(plan: Plan) -> list[str]:
    """What Pod Identity may assume is for one service account of one cluster."""
    found: list[str] = []
    for role in resources(plan, "aws_iam_role"):
        for statement in statements(role["values"].get("assume_role_policy")):
            principal = statement["Principal"]
            if principal == "*" or "AWS" in principal or "Federated" in principal:
                found.append(f"{role['address']}: {principal}")
                continue
            held = set(statement.get("Condition", {}).get("StringEquals", ())) == TRUST
            if "pods.eks.amazonaws.com" in as_list(principal["Service"]) and not held:
                found.append(f"{role['address']}: any pod may have it")
    return found


def rights_are_narrow(plan: Plan) -> list[str]:
    """No right on everything but to see, and no action with a wildcard."""
    found: list[str] = []
    for address, statement in _policies(plan):
        if statement["Effect"] != "Allow":
            continue
        actions = as_list(statement["Action"])
        if any("*" in action for action in actions):
            found.append(f"{address}: {actions}")
        if "*" in as_list(statement["Resource"]) and not all(SEEING.fullmatch(action) for action in actions):
            found.append(f"{address}: {actions} on everything")
    return found


def karpenter_touches_its_own_only(plan: Plan) -> list[str]:
    """What changes instances and profiles is held to the cluster's tag; the role that it passes is one."""
    found: list[str] = []
    owned = f"kubernetes.io/cluster/{plan['variables']['name']['value']}"
    for address, statement in _policies(plan):
        if not address.startswith("module.karpenter."):
            continue
        actions = set(as_list(statement["Action"]))
        conditions = str(statement.get("Condition", {}))
        changes = actions & {
            "ec2:CreateTags", "ec2:DeleteLaunchTemplate", "ec2:TerminateInstances", "iam:AddRoleToInstanceProfile",
            "iam:CreateInstanceProfile", "iam:DeleteInstanceProfile", "iam:TagInstanceProfile",
        }  # fmt: skip
        if changes and owned not in conditions:
            found.append(f"{address}: {sorted(changes)} on what is not its own")
        passed = as_list(statement["Resource"])
        if "iam:PassRole" in actions and (len(passed) != 1 or not passed[0].endswith("-karpenter-node")):
            found.append(f"{address}: passes {passed}")
    return found


def autoscaler_changes_this_cluster_only(plan: Plan) -> list[str]:
    tag = f"aws:ResourceTag/k8s.io/cluster-autoscaler/{plan['variables']['name']['value']}"
    return [
        f"{address}: changes groups of others"
        for address, statement in _policies(plan)
        if "autoscaling:SetDesiredCapacity" in as_list(statement["Action"])
        and tag not in str(statement.get("Condition"))
    ]


def dns_writes_one_name(plan: Plan) -> list[str]:
    """Of one zone, what ends in the gateway's name."""
    names, host = "route53:ChangeResourceRecordSetsNormalizedRecordNames", plan["variables"]["dns"]["value"]["host"]
    return [
        f"{address}: writes {statement['Resource']}"
        for address, statement in _policies(plan)
        if "route53:ChangeResourceRecordSets" in as_list(statement["Action"])
        and (
            not re.fullmatch(r"arn:aws:route53:::hostedzone/[^*/]+", str(statement["Resource"]))
            or as_list(statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get(names)) != [f"*{host}"]
        )
    ]


def there_are_administrators(plan: Plan) -> list[str]:
    """Each of `admins`, and nobody else, administers the cluster."""
    wanted = set(plan["variables"]["access"]["value"]["admins"])
    entries = resources(plan, "aws_eks_access_policy_association")
    found = {each["values"]["principal_arn"] for each in entries if "ClusterAdmin" in each["values"]["policy_arn"]}
    return [] if found == wanted and wanted else [f"administrators are {sorted(found)}, not {sorted(wanted)}"]


def no_static_keys(plan: Plan) -> list[str]:
    return [each["address"] for each in resources(plan, "aws_iam_access_key", "aws_iam_user", "aws_key_pair")]


def reads_all_of_it(plan: dict[str, Any]) -> None:
    holder = values(plan, "aws_iam_role_policy", 'weights["story"]')
    edit_statement(holder, "policy", {"Resource": "arn:aws:s3:::dungeon-models/*"})


def lists_all_of_it(plan: dict[str, Any]) -> None:
    edit_statement(values(plan, "aws_iam_role_policy", 'weights["story"]'), "policy", {"Condition": {}}, number=1)


def any_pod(plan: dict[str, Any]) -> None:
    role = next(
        each["values"] for each in resources(plan, "aws_iam_role") if each["address"].startswith("module.identity.")
    )
    edit_statement(role, "assume_role_policy", {"Condition": {}})


def everything_everywhere(plan: dict[str, Any]) -> None:
    edit_statement(values(plan, "aws_iam_policy", '["discovery"]'), "policy", {"Action": "ec2:*"})


def ends_any(plan: dict[str, Any]) -> None:
    edit_statement(values(plan, "aws_iam_policy", '["instances"]'), "policy", {"Condition": {}}, number=5)


def passes_any(plan: dict[str, Any]) -> None:
    edit_statement(values(plan, "aws_iam_policy", '["profiles"]'), "policy", {"Resource": "*"})


def scales_any(plan: dict[str, Any]) -> None:
    edit_statement(values(plan, "aws_iam_role_policy", "autoscaler[0]"), "policy", {"Condition": {}}, number=2)


def any_zone(plan: dict[str, Any]) -> None:
    edit_statement(
        values(plan, "aws_iam_role_policy", ".records"), "policy", {"Resource": "arn:aws:route53:::hostedzone/*"}
    )


def any_name(plan: dict[str, Any]) -> None:
    edit_statement(values(plan, "aws_iam_role_policy", ".records"), "policy", {"Condition": {}})


def one_more(plan: dict[str, Any]) -> None:
    values(plan, "aws_eks_access_policy_association")["principal_arn"] = "arn:aws:iam::444455556666:role/stranger"


def a_user(plan: dict[str, Any]) -> None:
    plan["planned_values"]["root_module"].setdefault("resources", []).append(
        {"address": "aws_iam_user.ci", "mode": "managed", "type": "aws_iam_user", "name": "ci", "values": {}}
    )


RULES = (
    Rule("aws-model-reads-its-weights-only", model_reads_its_weights_only, reads_all_of_it, READING),
    Rule("aws-model-lists-its-weights-only", model_reads_its_weights_only, lists_all_of_it, READING),
    Rule("aws-roles-are-of-one-service-account", roles_are_held_to_one_service_account, any_pod, ALL),
    Rule("aws-rights-are-narrow", rights_are_narrow, everything_everywhere, ALL),
    Rule("aws-karpenter-touches-its-own-only", karpenter_touches_its_own_only, ends_any, (ALL[0], ALL[3], ALL[5])),
    Rule("aws-karpenter-passes-one-role", karpenter_touches_its_own_only, passes_any, (ALL[0], ALL[3], ALL[5])),
    Rule(
        "aws-autoscaler-changes-its-own-only", autoscaler_changes_this_cluster_only, scales_any, ("aws/spot", "aws/gpu")
    ),
    Rule("aws-dns-writes-one-zone", dns_writes_one_name, any_zone, ("aws/everything",)),
    Rule("aws-dns-writes-one-name", dns_writes_one_name, any_name, ("aws/everything",)),
    Rule("aws-there-are-administrators", there_are_administrators, one_more, ALL),
    Rule("aws-no-static-keys", no_static_keys, a_user, ALL),
)
