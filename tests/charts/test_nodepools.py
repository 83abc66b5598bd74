"""What Karpenter may rent: the manifests of every profile on AWS, and what they promise."""

from __future__ import annotations

import json
import re
from pathlib import Path

import chart_schemas
import pytest
import yaml
from helmet import helm, template

CHART = Path(__file__).parents[2] / "charts" / "nodepools"


@pytest.fixture
def rented(rendered):
    def make(name="full-aws"):
        return template(CHART, json.loads(rendered(name)["releases/pools.json"]))

    return make


@pytest.mark.parametrize("name", ["full-aws", "kinds-aws"])
def test_the_api_server_would_take_every_manifest(name, rented):
    assert [chart_schemas.errors(each) for each in rented(name)] == [[] for _ in rented(name)]


def test_the_schemas_find_what_is_wrong(rented):
    for each in rented():
        assert chart_schemas.errors(each | {"spec": each["spec"] | {"weigth": 1}})


def test_base_then_spot_then_on_demand_and_never_more_than_the_most(rented):
    pools = {each["metadata"]["name"]: each["spec"] for each in rented() if each["kind"] == "NodePool"}
    assert {name: (spec["weight"], spec["limits"]) for name, spec in pools.items()} == {
        "gpu-base": (60, {"nodes": 1, "nvidia.com/gpu": 1}),
        "gpu-spot": (50, {"nodes": 23, "nvidia.com/gpu": 23}),
        "gpu-on-demand": (10, {"nodes": 23, "nvidia.com/gpu": 23}),
        "cpu-on-demand": (10, {"nodes": 6, "cpu": 24}),
    }
    for spec in pools.values():
        assert spec["disruption"]["consolidationPolicy"] == "WhenEmpty"


def test_models_stand_every_taint_and_are_let_in_by_label(rented, manifests):
    [story] = [
        each["spec"]["predictor"]
        for each in manifests("full-aws")
        if each["kind"] == "InferenceService" and each["metadata"]["name"] == "story"
    ]
    stood = {each["key"] for each in story["tolerations"]}
    [terms] = story["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    for each in rented():
        if each["kind"] == "NodePool" and each["metadata"]["name"].startswith("gpu-"):
            nodes = each["spec"]["template"]
            assert {taint["key"] for taint in nodes["spec"]["taints"]} <= stood
            assert nodes["metadata"]["labels"]["workaday.dev/pool"] in terms["matchExpressions"][0]["values"]


def test_each_node_pool_has_its_class_with_the_names_of_the_terraform_module(rented):
    classes = {each["metadata"]["name"]: each["spec"] for each in rented() if each["kind"] == "EC2NodeClass"}
    used = {each["spec"]["template"]["spec"]["nodeClassRef"]["name"] for each in rented() if each["kind"] == "NodePool"}
    assert used == set(classes)
    for spec in classes.values():
        assert spec["role"] == "dungeon-karpenter-node"
        assert spec["subnetSelectorTerms"] == [{"tags": {"karpenter.sh/discovery": "dungeon"}}]
        assert spec["metadataOptions"]["httpTokens"] == "required"


def test_where_nothing_decides_on_nodes_there_is_no_such_release(rendered):
    assert "releases/pools.json" in rendered("full-aws")
    for name in ("full-gcp", "full-existing"):
        assert "releases/pools.json" not in rendered(name)
        assert not any(path.startswith("charts/nodepools") for path in rendered(name))


def test_where_each_is_from_is_known(rendered):
    origins = json.loads(rendered("full-aws")["origins.json"])["origins"]["releases/pools.json"]
    assert origins["/pools/0"] == ["pools", 0]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"role": None}, "role"),
        ({"budget": "some"}, "budget"),
        ({"cluster": ""}, "cluster"),
    ],
)
def test_values_that_cannot_work_are_refused(wrong, said, rendered, tmp_path):
    values = json.loads(rendered("full-aws")["releases/pools.json"]) | wrong
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    done = helm("template", "pools", str(CHART), "--values", str(tmp_path / "values.yaml"))
    assert done.returncode != 0
    assert said in done.stderr


def test_aks_autoscaler_knows_what_to_grow_first(rendered):
    [found] = template(CHART, json.loads(rendered("full-azure")["releases/pools.json"]))
    assert chart_schemas.errors(found) == []
    assert (found["metadata"]["namespace"], found["metadata"]["name"]) == (
        "kube-system",
        "cluster-autoscaler-priority-expander",
    )
    said = yaml.safe_load(found["data"]["priorities"])
    groups = {name: priority for priority, names in said.items() for name in names}
    spot = {name for name, priority in groups.items() if 10 < priority <= 50}
    assert spot
    assert all(re.fullmatch(r"aks-[a-z][a-z0-9]{0,11}-\.\*", name) for name in groups)
    variables = json.loads(rendered("full-azure")["terraform/cluster/workaday.auto.tfvars.json"])
    named = {each["pool_name"]: each for each in variables["node_groups"].values()}
    assert {name.split("-")[1] for name in groups} == set(named)
    assert all(named[name.split("-")[1]]["capacity"] == "spot" for name in spot)
