"""What the offline providers know beyond their schemas, by hand from the providers' sources and documents."""

from __future__ import annotations

import json

import pytest

from workaday.execute.grading import reason, summary
from workaday.execute.offline import known, made_up, planning, policy_document, states
from workaday.execute.offline.behaviour import behaviour
from workaday.execute.offline.checking import findings
from workaday.execute.offline.grading import graded
from workaday.execute.offline.replacing import forced
from workaday.execute.offline.schema import load, parse_block
from workaday.execute.offline.values import UNKNOWN

# Resource type → arguments that make a new resource, and arguments that do not, by the providers' documents.
REPLACING = {
    "aws_eks_cluster": ({"name", "role_arn", "kubernetes_network_config.service_ipv4_cidr"}, {"version", "vpc_config"}),
    "aws_eks_node_group": (
        {
            "ami_type",
            "capacity_type",
            "disk_size",
            "instance_types",
            "node_role_arn",
            "subnet_ids",
            "launch_template.id",
        },
        {"scaling_config", "labels", "taint", "launch_template.version", "release_version"},
    ),
    "aws_eks_pod_identity_association": ({"cluster_name", "namespace", "service_account"}, {"role_arn"}),
    "aws_eks_addon": ({"addon_name", "cluster_name"}, {"addon_version", "configuration_values"}),
    "aws_launch_template": ({"name", "name_prefix"}, {"block_device_mappings", "user_data"}),
    "aws_subnet": ({"availability_zone", "cidr_block", "vpc_id"}, {"map_public_ip_on_launch"}),
    "aws_vpc": ({"cidr_block"}, {"enable_dns_hostnames"}),
    "aws_s3_bucket": ({"bucket", "bucket_prefix"}, {"force_destroy", "tags"}),
    "aws_iam_role": ({"name", "path"}, {"assume_role_policy", "description"}),
    "aws_sqs_queue": ({"name", "fifo_queue"}, {"message_retention_seconds"}),
    "google_container_cluster": (
        {
            "name",
            "location",
            "network",
            "subnetwork",
            "enable_autopilot",
            "private_cluster_config.master_ipv4_cidr_block",
        },
        {"min_master_version", "deletion_protection", "release_channel"},
    ),
    "google_container_node_pool": (
        {"name", "cluster", "node_config.spot", "node_config.guest_accelerator.type", "node_config.service_account"},
        {"autoscaling.max_node_count", "node_locations", "version", "node_config.machine_type", "node_config.labels"},
    ),
    "google_project_iam_member": ({"project", "role", "member"}, {"etag"}),
    "google_storage_bucket": ({"name", "location", "project"}, {"versioning", "force_destroy"}),
    "google_compute_subnetwork": ({"name", "network", "region"}, {"ip_cidr_range", "secondary_ip_range"}),
    "azurerm_kubernetes_cluster": (
        {"name", "location", "dns_prefix", "network_profile.service_cidr", "private_cluster_enabled"},
        {"kubernetes_version", "sku_tier", "default_node_pool.node_count"},
    ),
    "azurerm_kubernetes_cluster_node_pool": (
        {"name", "kubernetes_cluster_id", "priority", "eviction_policy", "spot_max_price", "gpu_driver"},
        {"max_count", "node_labels", "node_taints", "vm_size"},
    ),
    "google_filestore_instance": ({"tier", "location", "networks.network"}, {"description"}),
    "azurerm_storage_account": ({"name", "location", "account_tier", "is_hns_enabled"}, {"min_tls_version"}),
    "azurerm_federated_identity_credential": ({"name", "user_assigned_identity_id"}, {"issuer", "subject"}),
}


@pytest.mark.parametrize("kind", REPLACING)
def test_the_table_says_what_makes_a_new_resource(kind):
    replacing, in_place = REPLACING[kind]
    table = set(behaviour(kind.split("_")[0], kind).replacing)
    assert replacing <= table
    assert not in_place & table


@pytest.mark.parametrize("provider", ["aws", "google", "azurerm"])
def test_every_rule_is_about_an_argument_of_the_pinned_schema(provider):
    pinned = load(provider)
    kinds = [kind for kind in pinned.kinds() if behaviour(provider, kind).rules]
    assert len(kinds) > 0.95 * len(pinned.kinds())
    for kind in kinds:
        block, manners = pinned.resource(kind), behaviour(provider, kind)
        new = planning.completed({}, None, None, block, manners.defaults)
        forced(new, {}, manners.replacing, block)  # raises KeyError for a path that leads nowhere
        assert all(path.split(".")[0] in {*block.attributes, *block.blocks} for path in manners.rules)


BLOCK = parse_block(
    {
        "attributes": {
            "name": {"type": "string", "required": True},
            "size": {"type": "number", "optional": True},
            "mode": {"type": "string", "optional": True, "computed": True},
            "zones": {"type": ["set", "string"], "optional": True},
            "key": {"type": "string", "optional": True, "write_only": True},
            "id": {"type": "string", "computed": True},
        },
        "block_types": {
            "disk": {
                "nesting_mode": "list",
                "block": {
                    "attributes": {
                        "size": {"type": "number", "optional": True},
                        "kind": {"type": "string", "optional": True},
                        "serial": {"type": "string", "computed": True},
                    }
                },
            },
            "rule": {
                "nesting_mode": "set",
                "block": {
                    "attributes": {
                        "port": {"type": "number", "required": True},
                        "id": {"type": "string", "computed": True},
                    }
                },
            },
            "limits": {
                "nesting_mode": "single",
                "block": {"attributes": {"cpu": {"type": "number", "optional": True}}},
            },
        },
    }
)
EMPTY = {"name": "a", "size": None, "mode": None, "zones": None, "key": None, "id": None}
EMPTY |= {"disk": [], "rule": [], "limits": None}
EXISTING = {**EMPTY, "mode": "fast", "id": "i-1", "disk": [{"size": 1, "kind": "ssd", "serial": "s-1"}]}


def state(proposed, prior=None, config=None, **more):
    said = proposed if config is None else config
    options = {"known": {}, "defaults": {}, **more}
    return planning.planned(proposed, prior, said, BLOCK, **options)


def test_a_new_resource_is_unknown_where_only_the_cloud_can_say():
    new = state({**EMPTY, "key": "secret", "disk": [{"size": 1, "kind": None, "serial": None}]})
    assert (new["id"], new["mode"], new["size"]) == (UNKNOWN, UNKNOWN, None)
    assert new["disk"] == [{"size": 1, "kind": None, "serial": UNKNOWN}]
    assert new["key"] is None  # never in a state


def test_defaults_are_known_in_blocks_too_and_lose_to_what_is_said():
    defaults = {"size": 3, "mode": "slow", "disk.kind": "ssd"}
    new = state({**EMPTY, "mode": "fast", "disk": [{"size": 1, "kind": None, "serial": None}]}, defaults=defaults)
    assert (new["size"], new["mode"], new["disk"][0]["kind"]) == (3, "fast", "ssd")


def test_what_is_taken_out_of_the_configuration_falls_back_to_its_default():
    config = {**EMPTY, "disk": [{"size": 1, "kind": None, "serial": None}]}
    proposed = {**EXISTING, "mode": "fast"}
    after = state(proposed, EXISTING, config, defaults={"mode": "slow"})
    assert after["mode"] == "slow"
    assert state(proposed, EXISTING, config)["mode"] == "fast"  # without one, the cloud's own stays


def test_an_existing_resource_keeps_its_own_and_new_blocks_are_unknown():
    more = {"size": 2, "kind": None, "serial": None}
    after = state({**EXISTING, "disk": [*EXISTING["disk"], more], "rule": [{"port": 1, "id": None}]}, EXISTING)
    assert after["id"] == "i-1"
    assert [each["serial"] for each in after["disk"]] == ["s-1", UNKNOWN]
    assert after["rule"] == [{"port": 1, "id": UNKNOWN}]
    same = {**EXISTING, "rule": [{"port": 1, "id": "r-1"}, {"port": 2, "id": None}]}
    assert state(same, same) == same


def test_what_follows_from_any_change_is_unknown_after_one():
    assert state(EXISTING, EXISTING, recomputed=("id",)) == EXISTING
    assert state({**EXISTING, "size": 9}, EXISTING, recomputed=("id",))["id"] == UNKNOWN


def test_an_empty_text_of_an_old_state_is_no_text():
    before = {**EXISTING, "size": 0}
    assert state({**before, "size": None}, before) == before


FORCED = {
    "an argument": ({"name": "b"}, ("name",), [("name",)]),
    "nothing": ({}, ("name", "disk.size", "rule.port", "limits.cpu"), []),
    "another argument": ({"size": 2}, ("name",), []),
    "unknown": ({"name": UNKNOWN}, ("name",), [("name",)]),
    "partly unknown": ({"zones": ["a", UNKNOWN]}, ("zones",), [("zones",)]),
    "none and empty are the same": ({"zones": []}, ("zones",), []),
    "in a block": ({"disk": [{"size": 2, "kind": "ssd"}]}, ("disk.size", "disk.kind"), [("disk", 0, "size")]),
    "a block's change is not its number": ({"disk": [{"size": 2, "kind": "ssd"}]}, ("disk",), []),
    "a block more": ({"disk": [*EXISTING["disk"], {"size": None}]}, ("disk",), [("disk",)]),
    "a block more that says it": ({"disk": [*EXISTING["disk"], {"size": 5}]}, ("disk.size",), [("disk",)]),
    "a block more that does not say it": ({"disk": [*EXISTING["disk"], {"size": None}]}, ("disk.size",), []),
    "a number of blocks that is unknown": ({"disk": UNKNOWN}, ("disk",), [("disk",)]),
    "in a set": ({"rule": [{"port": 1}]}, ("rule.port",), [("rule",)]),
    "in a single block": ({"limits": {"cpu": 1}}, ("limits.cpu",), [("limits", "cpu")]),
    "a single block": ({"limits": {"cpu": 1}}, ("limits",), [("limits",)]),
}


@pytest.mark.parametrize("case", FORCED)
def test_what_forces_a_new_resource(case):
    change, patterns, expected = FORCED[case]
    assert forced({**EXISTING, **change}, EXISTING, patterns, BLOCK) == expected


RULES = {
    "mode": {"values": ["fast", "slow"]},
    "zones": {"values": ["a", "b"]},
    "size": {"conflicts_with": ["disk"], "at_least_one_of": ["zones"]},
    "disk.size": {"exactly_one_of": ["disk.0.size", "disk.0.kind"]},
    "disk.kind": {"exactly_one_of": ["disk.0.size", "disk.0.kind"]},
    "limits": {"required_with": ["size", "zones"]},
}
SAID = {**EMPTY, "zones": ["a"]}
REFUSED = {
    "nothing": ({}, set()),
    "a value": ({"mode": "warp"}, {('"warp" is none of "fast", "slow"', ("mode",))}),
    "a value in a list": ({"zones": ["a", "c"]}, {('"c" is none of "a", "b"', ("zones",))}),
    "an unknown value is none yet": ({"mode": UNKNOWN, "zones": ["a", UNKNOWN]}, set()),
    "two that exclude each other": (
        {"size": 1, "disk": [{"size": 1}]},
        {('"size" conflicts with "disk"', ("size",))},
    ),
    "two of one": (
        {"disk": [{"size": 1, "kind": "x"}]},
        {('only one of "disk.kind", "disk.size" can be set', ("disk", 0))},
    ),
    "none of one": ({"disk": [{}]}, {('one of "disk.kind", "disk.size" must be set', ("disk", 0))}),
    "an empty list is a value, no block is none": ({"zones": [], "size": 1, "disk": []}, set()),
    "one of one that is not known": ({"disk": [{"size": UNKNOWN}]}, set()),
    "what is needed too": (
        {"limits": {"cpu": 1}, "disk": []},
        {('"limits" needs "size" too', ("limits",))},
    ),
    "none of several": ({"zones": None}, {('one of "size", "zones" must be set', ())}),
    "the provider's own": ({"id": "x"}, {('"id" is decided by the provider and cannot be set', ("id",))}),
    "the provider's own in a set": (
        {"rule": [{"port": 1, "id": "x"}]},
        {('"id" is decided by the provider and cannot be set', ("rule", "id"))},
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_provider_refuses(case):
    change, expected = REFUSED[case]
    assert {(each.detail, each.path) for each in findings({**SAID, **change}, BLOCK, RULES)} == expected


def test_spot_and_reserved_words_of_the_clouds_are_checked():
    for kind, argument, good in [
        ("aws_eks_node_group", "capacity_type", {"ON_DEMAND", "SPOT", "CAPACITY_BLOCK"}),
        ("aws_eks_node_group", "ami_type", {"AL2023_x86_64_NVIDIA", "BOTTLEROCKET_x86_64_NVIDIA"}),
        ("azurerm_kubernetes_cluster_node_pool", "eviction_policy", {"Delete", "Deallocate"}),
        ("azurerm_kubernetes_cluster_node_pool", "gpu_driver", {"Install", "None"}),
        ("google_container_node_pool", "autoscaling.location_policy", {"BALANCED", "ANY"}),
    ]:
        assert good <= set(behaviour(kind.split("_")[0], kind).rules[argument]["values"]), kind


def test_a_policy_document_is_the_providers():
    config = {
        "statement": [
            {
                "sid": "Read",
                "actions": ["s3:GetObject", "s3:ListBucket"],
                "resources": ["arn:aws:s3:::b/&{aws:username}/*"],
                "principals": [
                    {"type": "AWS", "identifiers": ["arn:1"]},
                    {"type": "Service", "identifiers": ["b", "a"]},
                ],
                "condition": [{"test": "StringEquals", "variable": "aws:x", "values": ["1", "2"]}],
            },
            {"effect": "Deny", "not_actions": ["iam:*"], "not_resources": ["*"]},
            {"actions": ["sts:AssumeRole"], "principals": [{"type": "*", "identifiers": ["*"]}]},
        ]
    }
    indented, minified = policy_document.render(config)
    assert (
        json.loads(indented)
        == json.loads(minified)
        == {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "Read",
                    "Effect": "Allow",
                    "Action": ["s3:ListBucket", "s3:GetObject"],
                    "Resource": "arn:aws:s3:::b/${aws:username}/*",
                    "Principal": {"AWS": "arn:1", "Service": ["b", "a"]},
                    "Condition": {"StringEquals": {"aws:x": ["2", "1"]}},
                },
                {"Effect": "Deny", "NotAction": "iam:*", "NotResource": "*"},
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"},
            ],
        }
    )
    assert indented.startswith('{\n  "Version": "2012-10-17",\n  "Statement": [\n    {\n      "Sid": "Read",')


def test_policy_documents_are_merged_by_sid():
    one, other = ({"Statement": [{"Sid": sid, "Effect": "Allow", "Action": "a"}]} for sid in ("One", "Two"))
    override = {"Statement": {"Sid": "Two", "Effect": "Deny", "Action": "b"}}
    config = {"source_policy_documents": list(map(json.dumps, (one, other))), "policy_id": "p", "version": "2008-10-17"}
    config["override_policy_documents"] = [json.dumps(override)]
    document = json.loads(policy_document.render(config)[1])
    assert (document["Id"], document["Version"]) == ("p", "2008-10-17")
    assert [(each["Sid"], each["Effect"]) for each in document["Statement"]] == [("One", "Allow"), ("Two", "Deny")]


@pytest.mark.parametrize(
    "config",
    [
        {"source_policy_documents": ["no json"]},
        {"source_policy_documents": ['{"Statement":[{"Sid":"A"}]}', '{"Statement":[{"Sid":"A"}]}']},
        {"statement": [{"sid": "A"}, {"sid": "A"}]},
    ],
)
def test_policy_documents_that_do_not_fit_are_refused(config):
    with pytest.raises(policy_document.PolicyError):
        policy_document.render(config)


def test_tags_and_labels_of_the_provider_block_are_inherited():
    context = known.context_of("aws", {"region": "eu-west-1", "default_tags": [{"tags": {"a": "1", "b": "1"}}]})
    assert known.known_at_plan("aws", {"tags": {"b": "2"}}, context) == {
        "region": "eu-west-1",
        "tags_all": {"a": "1", "b": "2"},
    }
    assert known.known_at_plan("aws", {}, {"region": UNKNOWN}) == {"tags_all": {}}
    assert known.known_at_plan("aws", {"tags": UNKNOWN}, {})["tags_all"] == UNKNOWN
    labels = known.known_at_plan(
        "google", {"resource_labels": {"x": "y"}}, known.context_of("google", {"project": "p"})
    )
    assert labels["effective_labels"] == {"goog-terraform-provisioned": "true", "x": "y"}
    plain = known.context_of("google", {"add_terraform_attribution_label": False})
    assert known.known_at_plan("google", {}, plain)["terraform_labels"] == {}
    assert known.known_at_plan("azurerm", {"tags": {"a": "b"}}, {}) == {}


def test_made_up_values_have_their_types_and_are_the_same_each_time():
    kind = [
        "object",
        {"arn": "string", "ids": ["list", "string"], "n": "number", "on": "bool", "tags": ["map", "string"]},
    ]
    first = made_up.value(["list", kind], "items", "seed", "aws_vpc")
    assert first == made_up.value(["list", kind], "items", "seed", "aws_vpc")
    [item] = first
    assert item["arn"].startswith("arn:aws:offline:")
    assert (item["ids"], item["n"], item["on"], item["tags"]) == ([], 0, False, {})
    assert made_up.text("arn", "one") != made_up.text("arn", "two")
    assert made_up.text("id", "s", "azurerm_resource_group").startswith("/subscriptions/0ff11e00-")
    assert made_up.text("id", "s", "google_dns_managed_zone").startswith("projects/offline-project/dns_managed_zone/")
    assert made_up.text("principal_id", "s")[:6] == "0ff11e"
    assert made_up.value("dynamic", "x", "seed") is None


def test_a_state_loses_what_only_the_real_provider_reads():
    instance = {
        "schema_version": 4,
        "attributes": {"id": "x"},
        "private": "AAA",
        "identity": {},
        "identity_schema_version": 1,
    }
    document = {"version": 4, "resources": [{"instances": [instance]}]}
    assert json.loads(states.usable(json.dumps(document)))["resources"][0]["instances"] == [
        {"schema_version": 0, "attributes": {"id": "x"}}
    ]
    with pytest.raises(ValueError, match="not a Terraform state"):
        states.usable("[]")


def test_grades_put_the_gravest_first_and_say_why():
    def change(address, actions, before, after, unknown=None, **more):
        parts = {"actions": actions, "before": before, "after": after, "after_unknown": unknown or {}}
        place = {"address": address, "mode": "managed", "type": "t", "name": "n"}
        return {**place, "change": {**parts, **{k: v for k, v in more.items() if k == "replace_paths"}}, **more}

    document = {
        "resource_changes": [
            change("t.new", ["create"], None, {"a": 1}),
            change("t.same", ["no-op"], {"a": 1}, {"a": 1}),
            change("t.changed", ["update"], {"a": 1, "b": [1], "c": 3}, {"a": 2, "b": [1]}, {"b": [False], "c": True}),
            change("t.gone", ["delete"], {"a": 1}, None),
            change(
                "t.other",
                ["delete", "create"],
                {"a": 1, "id": 1},
                {"a": 2},
                {"id": True},
                replace_paths=[["a"], ["d", 0, "x"]],
            ),
            change(
                "t.first", ["create", "delete"], {"a": 1}, {"a": 2}, replace_paths=[["a"]], previous_address="t.old"
            ),
            {**change("data.t.read", ["read"], None, {}), "mode": "data"},
        ]
    }
    plan = graded(document)
    assert [(each.address, each.action) for each in plan.changes] == [
        ("t.first", "replace"),
        ("t.other", "replace"),
        ("t.gone", "delete"),
        ("t.changed", "update"),
        ("t.new", "create"),
    ]
    assert [reason(each) for each in plan.changes] == [
        "forced by a; moved from t.old",
        "forced by a, d[0].x",
        "",
        "a, c",
        "",
    ]
    assert plan.changes[1].changed == ("a",)
    assert summary(plan.changes) == "2 replace, 1 destroy, 1 in place, 1 create"
    assert summary(graded({}).changes) == "no changes"
    answer = json.loads(json.dumps(plan.as_json()))
    assert answer["mark"] == "offline: no account was asked"
    assert answer["changes"][0]["forced_by"] == ["a"]


def test_a_change_that_the_provider_judges_by_its_values_is_named():
    policy = ({"network_profile": [{"network_policy": value}]} for value in ("azure", "cilium"))
    before, after = ({"name": "a", **each} for each in policy)
    change = {"actions": ["update"], "before": before, "after": after, "after_unknown": {}}
    kind = "azurerm_kubernetes_cluster"
    raw = {"address": f"{kind}.this", "mode": "managed", "type": kind, "name": "this", "change": change}
    [found] = graded(
        {"resource_changes": [{**raw, "provider_name": "registry.terraform.io/hashicorp/azurerm"}]}
    ).changes
    assert found.perhaps == ("network_profile.network_policy",)
    assert reason(found) == "network_profile; perhaps replaced by network_profile.network_policy"
