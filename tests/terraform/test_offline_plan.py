"""Real Terraform over the pinned providers: what a plan says of new roots and of changed ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workaday.execute.offline import OfflinePlan, plan

ROOTS = Path(__file__).parent / "roots"


def graded(found: OfflinePlan) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {each.address: (each.action, each.forced_by or each.changed) for each in found.changes}


@pytest.fixture(scope="module")
def new() -> dict[str, OfflinePlan]:
    return {cloud: plan(ROOTS / cloud) for cloud in ("aws", "google", "azurerm")}


def test_a_new_root_is_created_and_left_as_it_was():
    before = {path: path.read_bytes() for path in ROOTS.rglob("*") if path.is_file()}
    found = plan(ROOTS / "aws")
    assert found.counts == {"replace": 0, "delete": 0, "update": 0, "create": 10}
    assert not found.against
    assert {path: path.read_bytes() for path in ROOTS.rglob("*") if path.is_file()} == before


def test_for_each_dynamic_blocks_and_defaults_are_in_the_values(new):
    values = new["aws"].values
    assert set(values) > {'module.network.aws_subnet.this["eu-west-1a"]', 'aws_eks_node_group.this["spot"]'}
    assert values['module.network.aws_subnet.this["eu-west-1b"]']["cidr_block"] == "10.0.32.0/19"
    spot, base = (values[f'aws_eks_node_group.this["{name}"]'] for name in ("spot", "base"))
    assert (spot["capacity_type"], base["capacity_type"]) == ("SPOT", "ON_DEMAND")
    assert spot["taint"] == [{"key": "capacity", "value": "spot", "effect": "NO_SCHEDULE"}]
    assert base["taint"] == []
    assert values["aws_iam_role.nodes"]["path"] == "/"  # the provider's default
    assert values["aws_eks_cluster.this"]["vpc_config"][0]["endpoint_public_access"] is True


def test_what_the_provider_block_says_reaches_each_resource(new):
    assert new["aws"].values["module.network.aws_vpc.this"]["tags_all"] == {"project": "shop"}
    google = new["google"].values
    assert google["google_service_account.nodes"]["project"] == "shop-42"
    assert google["google_container_cluster.this"]["effective_labels"] == {
        "goog-terraform-provisioned": "true",
        "project": "shop",
    }


def test_data_sources_answer_per_provider_configuration(new):
    outputs = new["aws"].document["planned_values"]["outputs"]
    assert outputs["regions"]["value"] == ["eu-west-1", "us-east-1"]
    assert json.loads(outputs["trust"]["value"])["Statement"][0]["Principal"] == {"Service": "ec2.amazonaws.com"}
    tenant = new["azurerm"].document["planned_values"]["outputs"]["tenant"]["value"]
    assert tenant.startswith("0ff11e00-")


@pytest.mark.parametrize("cloud", ["aws", "google", "azurerm"])
def test_an_applied_root_has_nothing_to_change(cloud, applied):
    assert plan(ROOTS / cloud, applied(cloud)).changes == ()


def test_a_tree_is_planned_over_an_earlier_tree(edited):
    found = plan(edited("azurerm", ('name                  = "gpu"', 'name = "gpus"')), against=ROOTS / "azurerm")
    assert graded(found) == {"azurerm_kubernetes_cluster_node_pool.gpu": ("replace", ("name",))}
    assert found.against


# one line of a tree → what becomes of which resources, and why
CHANGES = {
    "aws in place": (
        "aws",
        ("max = 8", "max = 9"),
        {'aws_eks_node_group.this["spot"]': ("update", ("scaling_config",))},
    ),
    "aws, a launch template's new version reaches its node group": (
        "aws",
        ('["g6.xlarge"], max = 2', '["g6.xlarge"], max = 2, disk = 200'),
        {
            'aws_launch_template.this["base"]': ("update", ("block_device_mappings", "latest_version")),
            'aws_eks_node_group.this["base"]': ("update", ("launch_template",)),
        },
    ),
    "aws replaced": (
        "aws",
        ('"g6.xlarge", "g5.xlarge"', '"g6e.xlarge", "g5.xlarge"'),
        {'aws_eks_node_group.this["spot"]': ("replace", ("instance_types",))},
    ),
    "aws, a set in a nested block": (
        "aws",
        ("cidr_blocks = [var.cidr]", 'cidr_blocks = [var.cidr, "10.9.0.0/16"]'),
        {"module.network.aws_security_group.this": ("update", ("ingress",))},
    ),
    "aws, what depends on a new one is new": (
        "aws",
        ('default = "nodes"', 'default = "workers"'),
        {
            "aws_iam_role.nodes": ("replace", ("name",)),
            "aws_eks_cluster.this": ("replace", ("role_arn",)),
            'aws_eks_node_group.this["base"]': ("replace", ("node_role_arn",)),
            'aws_eks_node_group.this["spot"]': ("replace", ("node_role_arn",)),
        },
    ),
    "aws, a key that goes": (
        "aws",
        ('spot = { types = ["g6.xlarge", "g5.xlarge"], capacity = "SPOT", max = 8 }', ""),
        {
            'aws_launch_template.this["spot"]': ("delete", ()),
            'aws_eks_node_group.this["spot"]': ("delete", ()),
        },
    ),
    "google in place": (
        "google",
        ("default = 8", "default = 9"),
        {"google_container_node_pool.spot": ("update", ("autoscaling",))},
    ),
    "google replaced": (
        "google",
        ("spot            = true", "spot            = false"),
        {"google_container_node_pool.spot": ("replace", ("node_config[0].spot",))},
    ),
    "google, an argument of a block in a block": (
        "google",
        ('type  = "nvidia-l4"', 'type  = "nvidia-tesla-t4"'),
        {"google_container_node_pool.spot": ("replace", ("node_config[0].guest_accelerator[0].type",))},
    ),
    "azurerm in place": (
        "azurerm",
        ("default = 8", "default = 9"),
        {"azurerm_kubernetes_cluster_node_pool.gpu": ("update", ("max_count",))},
    ),
    "azurerm replaced": (
        "azurerm",
        ('default = "Spot"', 'default = "Regular"'),
        {"azurerm_kubernetes_cluster_node_pool.gpu": ("replace", ("eviction_policy", "priority"))},
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_graded_with_its_reason(change, edited, applied):
    cloud, line, expected = CHANGES[change]
    found = plan(edited(cloud, line), applied(cloud))
    assert graded(found) == expected


def test_a_moved_resource_is_not_replaced(edited, applied):
    block = 'moved {\n  from = aws_iam_role.nodes\n  to   = aws_iam_role.workers\n}\n\noutput "trust" {'
    after = edited("aws", ('output "trust" {', block), ("aws_iam_role.nodes.", "aws_iam_role.workers."))
    after.joinpath("main.tf").write_text(
        after.joinpath("main.tf").read_text().replace('"aws_iam_role" "nodes"', '"aws_iam_role" "workers"')
    )
    assert plan(after, applied("aws")).changes == ()


def test_a_state_of_the_real_provider_can_be_planned_over(tmp_path):
    (tmp_path / "main.tf").write_text(
        'resource "aws_sqs_queue" "this" {\n  name = "shop"\n  message_retention_seconds = 300\n}\n'
    )
    attributes = {"id": "https://sqs/shop", "arn": "arn:aws:sqs:::shop", "name": "shop", "policy": "", "url": "u"}
    attributes |= {"message_retention_seconds": 345600, "delay_seconds": 0, "gone_from_the_schema": 1}
    resource = {"mode": "managed", "type": "aws_sqs_queue", "name": "this"}
    resource |= {"provider": 'provider["registry.terraform.io/hashicorp/aws"]'}
    resource |= {"instances": [{"schema_version": 7, "attributes": attributes, "private": "AAAA"}]}
    state = {"version": 4, "terraform_version": "1.11.4", "serial": 3, "lineage": "x", "resources": [resource]}
    (tmp_path / "pulled.tfstate").write_text(json.dumps(state))
    found = plan(tmp_path, tmp_path / "pulled.tfstate")
    [change] = found.changes
    assert change.action == "update"
    assert "message_retention_seconds" in change.changed
    assert "policy" not in change.changed  # an empty text in a state is no text
