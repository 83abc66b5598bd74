"""Pipelines in the blueprint and in the tree: addresses, pods, what KServe's graphs can say, ways out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from workaday.blueprint.graphs import Graph, Misfit, fit
from workaday.execute.workspace import open_workspace
from workaday.project import expressions
from workaday.project.schema import Pipeline
from workaday.render import render
from workaday_server.pipelines import expressions as server_expressions

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "server.schema.json").read_text())
MODELS = """
  - {name: first, server: {kind: torch, predictor: p.py}, compute: {cpu: 1, memory: 1Gi}}
  - {name: second, server: {kind: torch, predictor: q.py}, route: {path: /other}, compute: {cpu: 2, memory: 2Gi}}
"""
OTHERS = """
  - {name: llm, server: {kind: vllm}, weights: {uri: "hf://a/b"}}
  - {name: saved, server: {kind: tensorflow}, weights: {uri: "https://example.com/m"}}
  - {name: kept, server: {kind: triton}, weights: {uri: "https://example.com/m"}}
  - {name: any, server: {kind: container, image: "ghcr.io/a/b:1", port: 9000}}
"""
STEPS = "[{name: a, model: first}, {name: b, model: second, after: [a], input: a.x, timeout: 2s, retries: 3}]"
CLUSTER = "{kind: existing, context: prod}"


@pytest.fixture
def project(tmp_path):
    """Make a project of pipelines, one a line."""
    for name in ("p.py", "q.py"):
        (tmp_path / name).write_text(
            f"class Predictor:\n    example = {{'from': '{name}'}}\n    def predict(self, payload): ...\n"
        )

    def make(*pipelines: str, platform: str = CLUSTER, models: str = MODELS, more: str = "") -> Any:
        lines = "".join(f"  - {each}\n" for each in pipelines)
        registry = "" if "local" in platform else "registry: {prefix: ghcr.io/team}\ngateway: {host: api.example}\n"
        text = f"version: 1\nname: shop\nplatform: {platform}\n{registry}{more}models:{models}pipelines:\n{lines}"
        (tmp_path / "project.yaml").write_text(text)
        return open_workspace(tmp_path / "project.yaml", None)

    return make


def tree(workspace) -> dict[str, Any]:
    files = render(workspace.blueprint)
    return {path: json.loads(content) for path, content in files.items() if path.endswith(".json")}


def released(workspace, name: str = "both") -> dict[str, Any]:
    found: dict[str, Any] = tree(workspace)[f"releases/{name}.json"]
    return found


def test_on_this_machine_steps_are_in_the_process_and_the_pipeline_is_waited_for_like_a_model(project) -> None:
    files = tree(project(f"{{name: both, steps: {STEPS}}}", platform="{kind: local}"))
    config = files["local/main.json"]
    jsonschema.validate(config, SCHEMA)
    (pipeline,) = config["pipelines"]
    assert (pipeline["name"], pipeline["route"]) == ("both", "/both")
    assert [(each["url"], each["input"], each["timeout_seconds"], each["retries"]) for each in pipeline["steps"]] == [
        (None, None, None, 0),
        (None, "a.x", 2.0, 3),
    ]
    models = files["terraform/cluster/workaday.auto.tfvars.json"]["models"]
    assert models["both"]["process"] == "main"
    assert models["both"]["revision"] == pipeline["revision"]


def test_a_model_in_a_process_of_its_own_is_called_over_http(project, tmp_path) -> None:
    (tmp_path / "r.txt").write_text("")
    own = MODELS.replace("predictor: q.py", "predictor: q.py, requirements: r.txt")
    files = tree(project(f"{{name: both, steps: {STEPS}}}", platform="{kind: local, port: 9000}", models=own))
    (pipeline,) = files["local/main.json"]["pipelines"]
    assert [each["url"] for each in pipeline["steps"]] == [None, "http://127.0.0.1:9001/other"]
    assert "pipelines" not in files["local/second.json"]


def test_a_revision_changes_when_what_a_pipeline_does_changes(project) -> None:
    def revision(entry: str) -> str:
        return str(project(entry, platform="{kind: local}").blueprint.pipelines[0].model.revision)

    first = revision(f"{{name: both, steps: {STEPS}}}")
    assert revision(f"{{name: both, steps: {STEPS}}}") == first
    for other in (
        f"{{name: both, steps: {STEPS}, output: b}}",
        f"{{name: both, steps: {STEPS}, limits: {{timeout: 3s}}}}",
        f"{{name: both, steps: {STEPS.replace('a.x', 'a.y')}}}",
    ):
        assert revision(other) != first


def test_in_a_cluster_it_is_a_release_that_calls_the_models_services(project) -> None:
    workspace = project(f"{{name: both, steps: {STEPS}, scale: {{min: 2, max: 4}}, route: {{path: /shop}}}}")
    (values,) = released(workspace)["models"]
    jsonschema.validate(values["config"], SCHEMA)
    assert values["config"]["models"] == []
    steps = values["config"]["pipelines"][0]["steps"]
    assert [each["url"] for each in steps] == [
        "http://first-predictor.shop.svc/first",
        "http://second-predictor.shop.svc/other",
    ]
    assert values["network"]["services"] == [{"name": "first", "port": 8080}, {"name": "second", "port": 8080}]
    assert values["image"] == released(workspace, "first")["models"][0]["image"], "our server is in it"
    assert (values["scaling"]["min"], values["scaling"]["max"]) == (2, 4)
    assert 'model="both"' in values["scaling"]["query"]
    assert (values["resources"]["cpu"], values["resources"]["memory"]) == ("500m", "512Mi")
    assert values["route"]["paths"][0] == "/shop"
    assert {"releases/first.json", "releases/second.json"} < set(tree(workspace))


def test_together_the_models_have_one_pod_and_no_release_of_their_own(project) -> None:
    workspace = project(
        f"{{name: both, together: true, steps: {STEPS}}}", "{name: again, steps: [{name: c, model: second}]}"
    )
    (values,) = released(workspace)["models"]
    jsonschema.validate(values["config"], SCHEMA)
    assert [each["name"] for each in values["config"]["models"]] == ["first", "second"]
    assert [each["url"] for each in values["config"]["pipelines"][0]["steps"]] == [None, None]
    assert (values["resources"]["cpu"], values["resources"]["memory"]) == ("3500m", "3584Mi")
    assert values["image"].startswith("ghcr.io/team/both:")
    assert {"/both", "/first", "/other", "/v2/models/second"} <= set(values["route"]["paths"])
    assert values["network"]["services"] == []
    assert not {"releases/first.json", "releases/second.json"} & set(tree(workspace))
    assert [each.name for each in workspace.blueprint.released] == ["both", "again"]
    (other,) = released(workspace, "again")["models"]
    assert other["config"]["pipelines"][0]["steps"][0]["url"] == "http://both-predictor.shop.svc/other"
    assert other["network"]["services"] == [{"name": "both", "port": 8080}]


def test_other_servers_are_asked_where_they_answer(project) -> None:
    steps = ", ".join(f"{{name: {each}, model: {each}}}" for each in ("llm", "saved", "kept", "any"))
    path = "{name: mine, model: any, path: /v3/x}"
    workspace = project(f"{{name: both, image: ghcr.io/a/s:1, steps: [{steps}, {path}]}}", models=OTHERS)
    (values,) = released(workspace)["models"]
    urls = [each["url"].partition(".svc")[2] for each in values["config"]["pipelines"][0]["steps"]]
    assert urls == ["/v1/chat/completions", "/v1/models/saved:predict", "/v2/models/kept/infer", "/", "/v3/x"]
    assert values["image"] == "ghcr.io/a/s:1"
    assert {"name": "any", "port": 9000} in values["network"]["services"]


def test_a_graph_of_kserves_is_rendered_as_one(project) -> None:
    chain = "[{name: a, model: first}, {name: b, model: second, after: [a], input: a}]"
    found = released(project(f"{{name: both, engine: inference_graph, output: b, steps: {chain}}}"))
    assert found["models"] == []
    (graph,) = found["graphs"]
    assert (graph["type"], [each["data"] for each in graph["steps"]]) == ("Sequence", ["$request", "$response"])


def pipeline(**more: Any) -> Pipeline:
    return Pipeline.model_validate({"name": "p", "engine": "inference_graph"} | more)


A, B = {"name": "a-1", "model": "m"}, {"name": "b", "model": "n"}


@pytest.mark.parametrize(
    ("written", "graph"),
    [
        ({"steps": [A, B]}, Graph("Ensemble", ("$request", "$request"))),
        ({"steps": [A], "output": "a_1"}, Graph("Sequence", ("$request",))),
        (
            {"steps": [A, B | {"after": ["a-1"], "input": "a_1"}], "output": "b"},
            Graph("Sequence", ("$request", "$response")),
        ),
        ({"steps": [A, B | {"after": ["a-1"]}], "output": "b"}, Graph("Sequence", ("$request", "$request"))),
    ],
)
def test_what_is_a_graph(written, graph) -> None:
    assert fit(pipeline(**written)) == graph


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ({"steps": [A], "together": True}, ("together",)),
        ({"steps": [A], "limits": {"queue": 3}}, ("limits", "queue")),
        ({"steps": [A | {"when": "request.x"}]}, ("steps", 0, "when")),
        ({"steps": [A | {"optional": True}]}, ("steps", 0, "optional")),
        ({"steps": [A | {"timeout": "1s"}]}, ("steps", 0, "timeout")),
        ({"steps": [A | {"retries": 1}]}, ("steps", 0, "retries")),
        ({"steps": [A, B | {"input": "request.x"}]}, ("steps", 1, "input")),
        ({"steps": [A, B], "output": "b"}, ("output",)),
        ({"steps": [A, B | {"after": ["a-1"], "input": "a_1.x"}], "output": "b"}, ("steps", 1, "input")),
        ({"steps": [A, B | {"after": ["a-1"]}]}, ("steps",)),
        ({"steps": [A, B, {"name": "c", "model": "m", "after": ["a-1"]}], "output": "c"}, ("steps", 1, "name")),
    ],
)
def test_what_is_none_and_where(written, path) -> None:
    found = fit(pipeline(**written))
    assert isinstance(found, Misfit)
    assert found.path == path


TEXTS = ["a.b", 'a["x y"]', "a[-1]", "not a", "-a", "-1", "a + b", "a()", '{"x": a}', "{1: a}", "{**a}", "[a, 1]"]
TEXTS += [
    "a if b else c",
    "a is b",
    "1 < a <= 2",
    "a in b",
    "a not in b",
    "a and b or c",
    "a =",
    "",
    "...",
    "1j",
    "b'x'",
]
TEXTS += ["(a := 1)", "[x for x in a]", "true", "None", "a[1:2]", "not " * 40 + "a", "x" * 2001, "-true", "- 'x'"]


@pytest.mark.parametrize("text", TEXTS)
def test_the_generator_and_the_server_refuse_the_same_expressions(text: str) -> None:
    try:
        names: set[str] | None = expressions.names(expressions.parse(text))
    except expressions.NoExpression:
        names = None
    try:
        served: set[str] | None = set(server_expressions.parse(text).names)
    except server_expressions.ExpressionError:
        served = None
    assert names == served
