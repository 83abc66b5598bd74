"""What the offline plan refuses, and where it says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from workaday.execute.offline import plan
from workaday.project.diagnostics import ProjectError

ROOTS = Path(__file__).parent / "roots"


def refusals(root: Path, **options: object) -> list[str]:
    with pytest.raises(ProjectError) as error:
        plan(root, **options)  # type: ignore[arg-type]
    return [f"{each.code} {each.message}" for each in error.value.diagnostics]


# line of a tree → summary, address, detail, and the code of the line
MISTAKES = {
    "an argument that there is not": (
        "aws",
        ('version  = "1.35"', 'versoin  = "1.35"'),
        "Unsupported argument: aws_eks_cluster.this",
        'An argument named "versoin" is not expected here. Did you mean "version"?',
        'main.tf:88:3: versoin  = "1.35"',
    ),
    "an argument that is missing": (
        "aws",
        ("max_size     = each.value.max", ""),
        "Missing required argument: aws_eks_node_group.this",
        'The argument "max_size" is required, but no definition was found.',
        "main.tf:134:18: scaling_config {",
    ),
    "an argument of a module": (
        "aws",
        ("cidr_block = var.cidr", "cidr = var.cidr"),
        "Unsupported argument: module.network.aws_vpc.this",
        'An argument named "cidr" is not expected here.',
        "modules/network/main.tf:11:3: cidr = var.cidr",
    ),
    "what the provider decides": (
        "aws",
        ('version  = "1.35"', 'status   = "ACTIVE"'),
        "Value for unconfigurable attribute: aws_eks_cluster.this",
        '"status" is decided by the provider and cannot be set',
        'main.tf:88:14: status   = "ACTIVE"',
    ),
    "a value of no enumeration": (
        "aws",
        ('authentication_mode = "API"', 'authentication_mode = "IAM"'),
        "Invalid value: aws_eks_cluster.this",
        '"IAM" is none of "API", "API_AND_CONFIG_MAP", "CONFIG_MAP"',
        'main.tf:91:27: authentication_mode = "IAM"',
    ),
    "two that exclude each other": (
        "aws",
        ('name_prefix = "shop-${each.key}-"', 'name_prefix = "shop-${each.key}-"\n  name = "shop"'),
        'Conflicting arguments: aws_launch_template.this["base"]',
        '"name" conflicts with "name_prefix"',
        'main.tf:103:10: name = "shop"',
    ),
    "a block that is there twice": (
        "google",
        ("workload_identity_config {", "workload_identity_config {}\n  workload_identity_config {"),
        "Too many workload_identity_config blocks: google_container_cluster.this",
        'No more than 1 "workload_identity_config" blocks are allowed',
        "main.tf:71:28: workload_identity_config {",
    ),
    "a block that is missing": (
        "azurerm",
        ('identity {\n    type = "SystemAssigned"\n  }', ""),
        "Missing required argument: azurerm_kubernetes_cluster.this",
        'one of "identity", "service_principal" must be set',
        'main.tf:53:46: resource "azurerm_kubernetes_cluster" "this" {',
    ),
    "a type that no schema has": (
        "azurerm",
        ('"azurerm_resource_group" "this"', '"azurerm_resource_groups" "this"'),
        "Invalid resource type: azurerm_resource_groups.this",
        'The provider hashicorp/azurerm does not support resource type "azurerm_resource_groups".',
        'main.tf:28:10: resource "azurerm_resource_groups" "this" {',
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_shown_with_its_line(mistake, edited):
    cloud, line, head, detail, place = MISTAKES[mistake]
    found = [each for each in refusals(edited(cloud, line)) if head in each]
    assert found, refusals(edited(cloud, line))
    assert found[0].startswith(f"X110 terraform: {head}\n{detail}")
    assert place in found[0]


def test_the_origin_of_a_resource_is_asked_by_its_address(edited):
    asked: list[str] = []
    root = edited("aws", ('authentication_mode = "API"', 'authentication_mode = "IAM"'))
    refusals(root, origin=lambda address: asked.append(address) or ("platform",))
    assert asked == ["aws_eks_cluster.this"]


def test_a_provider_without_schemas_is_named_and_not_downloaded(tmp_path):
    (tmp_path / "main.tf").write_text(
        'terraform {\n  required_providers {\n    datadog = { source = "DataDog/datadog" }\n  }\n}\n'
        'resource "datadog_monitor" "this" {}\n'
    )
    assert refusals(tmp_path) == ["X141 no pinned schemas for provider registry.terraform.io/datadog/datadog"]


def test_a_module_is_not_downloaded(tmp_path):
    (tmp_path / "main.tf").write_text('\nmodule "vpc" {\n  source = "terraform-aws-modules/vpc/aws"\n}\n')
    message = f"module `terraform-aws-modules/vpc/aws` would have to be downloaded ({tmp_path}/main.tf:3:13)"
    assert refusals(tmp_path) == [f"X142 {message}"]


@pytest.mark.parametrize(
    "call",
    [
        'module "m" { source = "../m" }',
        'module "m" {\n  for_each = toset(["resource"])\n  source   = "../m"\n}',
        'module "n" {\n  # source = "none"\n  source = "../n"\n}',
    ],
)
def test_modules_are_found_however_they_are_written(call, tmp_path):
    for name, text in {
        "root": call,
        "m": 'resource "null_resource" "this" {}',
        "n": 'module "m" { source = "../m" }',
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.tf").write_text(text + "\n")
    assert [each.kind for each in plan(tmp_path / "root").changes] == ["null_resource"]


def test_a_module_in_a_comment_is_none(tmp_path):
    (tmp_path / "main.tf").write_text('# module "vpc" { source = "terraform-aws-modules/vpc/aws" }\n')
    assert plan(tmp_path).changes == ()


def test_a_folder_without_terraform_has_nothing_to_plan(tmp_path):
    assert plan(tmp_path).changes == ()


def test_a_state_and_a_tree_at_once_are_refused(tmp_path):
    with pytest.raises(ValueError, match="not both"):
        plan(tmp_path, tmp_path / "state", against=tmp_path)
