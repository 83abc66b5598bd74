"""What a change of project.yaml does to an EKS cluster that is there: what holds data or traffic is not replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
from trees import rendered

from workaday.execute.offline import plan

PROJECT = """\
version: 1
name: shop
platform:
  kind: aws
  region: us-east-1
  zones: [us-east-1b, us-east-1c]
  kubernetes: "1.34"
  network: {cidr: 10.40.0.0/16, nat: single}
  access: {cidrs: [203.0.113.7/32], admins: ["arn:aws:iam::111122223333:role/platform"]}
  provisioner: node_groups
  deletion_protection: true
pools:
  - {name: cpu, instances: [m7i.large, m6i.large, m7a.large], zones: [us-east-1b], nodes: {min: 0, max: 4}, disk: 50Gi}
models:
  - {name: story, server: {kind: triton}, weights: {uri: "s3://models/story"}, compute: {cpu: 1}, pools: [cpu]}
"""
SYSTEM = "module.cluster.aws_eks_node_group.system"
CHANGES = {
    "nothing": (("1.34", "1.34"), set()),
    "the next Kubernetes": (('"1.34"', '"1.35"'), set()),
    # made before the old one goes: controllers move
    "a zone in front": (("[us-east-1b, us-east-1c]", "[us-east-1a, us-east-1b, us-east-1c]"), {SYSTEM, "NAT"}),
    "no way out": (("nat: single", "nat: none"), {"NAT"}),
    "a larger disk": (("disk: 50Gi", "disk: 90Gi"), set()),
}
# a NAT gateway and its address: what is open through it is opened anew
NAT = ("aws_nat_gateway", "aws_eip")


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_replaces_only_what_it_must(change: str, tmp_path: Path) -> None:
    (old, new), expected = CHANGES[change]
    assert old in PROJECT
    before = rendered(tmp_path / "before", PROJECT)
    found = plan(rendered(tmp_path / "after", PROJECT.replace(old, new)), against=before)
    gone = {each.address for each in found.changes if each.action in ("replace", "delete")}
    ours = {"NAT" if any(kind in address for kind in NAT) else address for address in gone}
    # routes go with their gateway
    assert {each for each in ours if ".aws_route.nat" not in each} == expected
    assert bool(found.changes) == (change != "nothing")


def test_another_network_is_another_cluster(tmp_path: Path) -> None:
    before = rendered(tmp_path / "before", PROJECT)
    found = plan(rendered(tmp_path / "after", PROJECT.replace("10.40.0.0/16", "10.50.0.0/16")), against=before)
    gone = {each.address for each in found.changes if each.action == "replace"}
    assert {"module.network.aws_vpc.this[0]", "module.cluster.aws_eks_cluster.this"} <= gone
