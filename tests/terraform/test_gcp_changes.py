"""What a change of project.yaml does to a GKE cluster that is there: what holds data or traffic is not replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
from trees import rendered

from workaday.execute.offline import plan

PROJECT = """\
version: 1
name: shop
platform:
  kind: gcp
  project: shop-prod-1
  region: us-central1
  zones: [us-central1-a, us-central1-b]
  kubernetes: "1.34"
  network: {cidr: 10.40.0.0/16, nat: single}
  access: {cidrs: [203.0.113.7/32], admins: ["group:platform@shop.example"]}
pools:
  - {name: gpu, accelerator: L4, zones: [us-central1-a], nodes: {min: 0, max: 4}, spot: true, disk: 100Gi}
models:
  - name: story
    server: {kind: vllm}
    weights: {uri: "gs://shop-models/story", size: 1Gi}
    compute: {cpu: 1, memory: 4Gi, gpu: {type: L4, memory: 8Gi}}
"""
CHANGES = {
    "nothing": (("1.34", "1.34"), set()),
    "the next Kubernetes": (('"1.34"', '"1.35"'), set()),
    "a zone in front": (("[us-central1-a, us-central1-b]", "[us-central1-f, us-central1-a, us-central1-b]"), set()),
    "no way out": (("nat: single", "nat: none"), {"google_compute_router", "google_compute_router_nat"}),
    "a larger disk": (("disk: 100Gi", "disk: 200Gi"), set()),
    "more nodes": (("max: 4", "max: 9"), set()),
    "another endpoint": (("cidrs: [203.0.113.7/32]", "endpoint: private, via: vpn"), set()),
    "other weights": (("shop-models/story", "shop-models/story-2"), {"google_storage_bucket_iam_member"}),
    # the further spot types have pools of their own
    "one machine type": (("accelerator: L4", "instances: [g2-standard-4]"), {"google_container_node_pool"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_replaces_only_what_it_must(change: str, tmp_path: Path) -> None:
    (old, new), expected = CHANGES[change]
    assert old in PROJECT
    before = rendered(tmp_path / "before", PROJECT)
    found = plan(rendered(tmp_path / "after", PROJECT.replace(old, new)), against=before)
    gone = {each.address.split(".")[2] for each in found.changes if each.action in ("replace", "delete")}
    assert gone == expected
    assert bool(found.changes) == (change != "nothing")
