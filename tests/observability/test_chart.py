"""Dashboards, rules and receivers: accepted by their projects' schemas, and about metrics that there are."""

from __future__ import annotations

import json
import runpy

import chart_schemas
import grafana_foundation_sdk.cog.plugins as plugins
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from helmet import helm
from watching import CHART, ROOT, VALUES, dashboards, emitted, manifests, metrics_of, queries, rules

# node exporter's own, which a real one is asked for in tests/cluster/test_observability.py
NODE = {"node_cpu_seconds_total", "node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes"}


def lost(given, kept, path=""):
    """Yield what a typed reading of a document leaves out or changes."""
    if isinstance(given, dict):
        for key, value in given.items():
            if not isinstance(kept, dict) or key not in kept:
                yield f"{path}/{key}"
            else:
                yield from lost(value, kept[key], f"{path}/{key}")
    elif isinstance(given, list):
        assert isinstance(kept, list)
        assert len(given) == len(kept)
        for place, (one, other) in enumerate(zip(given, kept, strict=True)):
            yield from lost(one, other, f"{path}/{place}")
    elif given != kept:
        yield f"{path}: {given} became {kept}"


def read_by_grafana(dashboard):
    plugins.register_default_plugins()
    return json.loads(json.dumps(Dashboard.from_json(dashboard), cls=JSONEncoder))


def test_the_files_are_what_the_tool_says():
    tool = runpy.run_path(str(ROOT / "tools" / "dashboards.py"))
    files = {path.stem: path.read_text() for path in (CHART / "dashboards").glob("*.json")}
    assert files == {name: tool["text"](name) for name in tool["DASHBOARDS"]}, "run python tools/dashboards.py"


@pytest.mark.parametrize("name", ["dungeon-model.json", "dungeon-nodes.json", "dungeon-cost.json"])
def test_grafanas_types_know_every_key(name):
    dashboard = dashboards()[name]
    assert list(lost(dashboard, read_by_grafana(dashboard))) == []
    assert dashboard["uid"] == f"{name.removeprefix('dungeon-').removesuffix('.json')}-dungeon"
    assert "@" not in json.dumps(dashboard)


def test_grafanas_types_find_what_is_wrong():
    dashboard = dashboards()["dungeon-model.json"]
    dashboard["panels"][0]["gridPos"]["width"] = 3
    dashboard["panels"][0]["targets"][0]["query"] = "up"
    assert list(lost(dashboard, read_by_grafana(dashboard))) == [
        "/panels/0/gridPos/width",
        "/panels/0/targets/0/query",
    ]


@pytest.mark.parametrize("kind", ["webhook", "slack", "pagerduty"])
def test_the_api_server_would_take_every_manifest(kind):
    found = manifests(receiver={"kind": kind, "secret": "pager"})
    assert {each["kind"] for each in found} == {"ConfigMap", "PrometheusRule", "AlertmanagerConfig", "PodMonitor"}
    assert [chart_schemas.errors(each) for each in found] == [[] for _ in found]


def test_the_schemas_find_what_is_wrong():
    for each in manifests():
        if each["kind"] != "ConfigMap":
            assert chart_schemas.errors(each | {"spec": each["spec"] | {"grups": []}})


def test_every_metric_that_is_named_is_one_that_there_is():
    named = set().union(*(metrics_of(rule["expr"]) for rule in rules()))
    named |= set().union(*(metrics_of(query) for *_, query in queries()))
    assert named - emitted() - NODE == set()
    assert "kube_deployment_spec_replicas" in named


def test_names_are_found_in_queries():
    assert metrics_of('sum by (a) (rate(x_total{b="c or d"}[5m])) / on (e) group_left (f) g:h > 0.5 * 1e3') == {
        "x_total",
        "g:h",
    }


def test_each_alert_has_its_page_and_each_page_its_alert():
    alerts = {rule["alert"] for rule in rules() if "alert" in rule}
    pages = {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")} - {"README"}
    assert alerts == pages
    for rule in rules():
        if "alert" in rule:
            assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"
            assert rule["annotations"]["summary"]
            assert rule["labels"]["namespace"] == "dungeon"
            assert rule["labels"]["severity"] in ("page", "ticket")


def test_a_model_of_another_server_has_no_promise_that_nothing_measures():
    burns = [each for each in rules() if each.get("alert", "").endswith("Burn")]
    assert {each["labels"]["model"] for each in burns} == {"story"}
    assert len(burns) == 6


def test_nothing_is_made_of_nothing():
    found = manifests(
        dashboards=False, receiver=None, models=[], prices=[], bases=[], budget=None, certificate=None, monitors=[]
    )
    assert {each["kind"] for each in found} == {"PrometheusRule"}
    assert [chart_schemas.errors(each) for each in found] == [[] for _ in found]


def test_a_project_says_all_of_it(rendered_full):
    values = json.loads(rendered_full["releases/observability.json"])
    (story, *_) = values["models"]
    assert (story["availability"], story["latency"]) == (99.9, {"share": 0.99, "seconds": 5.0})
    config = json.loads(rendered_full["releases/story.json"])["models"][0]["config"]
    assert config["models"][0]["promise_seconds"] == 5.0
    assert values["bases"] == [{"pool": "gpu", "nodes": 1}]
    assert {each["capacity"] for each in values["prices"]} == {"on-demand", "spot"}
    assert values["receiver"] == {"kind": "webhook", "secret": "pager"}
    assert {each["name"] for each in values["monitors"]} == {"keda", "karpenter"}
    origins = json.loads(rendered_full["origins.json"])["origins"]["releases/observability.json"]
    assert origins[""] == ["observability"]


def test_a_machine_costs_what_its_label_says_not_its_cards(rendered_gcp):
    prices = json.loads(rendered_gcp["releases/observability.json"])["prices"]
    assert prices
    assert not any("+" in each["type"] for each in prices)
    assert len({(each["type"], each["capacity"]) for each in prices}) == len(prices)


@pytest.mark.parametrize(
    "wrong",
    [{"receiver": {"kind": "smoke", "secret": "a"}}, {"budget": 0}, {"bases": [{"pool": "gpu", "nodes": 0}]}, {"x": 1}],
)
def test_values_that_cannot_work_are_refused(wrong, tmp_path):
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(VALUES | wrong))
    done = helm("template", "observability", str(CHART), "--values", str(tmp_path / "values.yaml"))
    assert done.returncode != 0
    assert next(iter(wrong)) in done.stderr
