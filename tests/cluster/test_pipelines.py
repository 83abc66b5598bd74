"""A pipeline's release and KServe's own graph on the real API server, until the pipeline is Ready."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helmet import template
from plane.kubectl import Kubectl
from plane.testing import Apply, WaitReady

from workaday.execute.workspace import open_workspace
from workaday.render import render

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900), pytest.mark.usefixtures("kserve")]

CHART = Path(__file__).parents[2] / "charts" / "inference"
PREDICTOR = "class Predictor:\n    def predict(self, payload):\n        return payload\n"
PROJECT = """\
version: 1
name: shop
namespace: NAMESPACE
platform: {kind: existing, context: prod}
registry: {prefix: ghcr.io/team}
gateway: {host: api.shop.example}
models:
  - {name: first, server: {kind: torch, predictor: p.py}}
  - {name: second, server: {kind: torch, predictor: p.py}}
  - {name: third, server: {kind: torch, predictor: p.py}}
pipelines:
  - {name: apart, steps: [{name: a, model: first}, {name: b, model: second, after: [a]}], scale: {min: 2, max: 4}}
  - {name: one-pod, together: true, steps: [{name: c, model: third}]}
  - name: graph
    engine: inference_graph
    steps: [{name: a, model: first}, {name: b, model: second, after: [a], input: a}]
    output: b
"""


@pytest.fixture
def releases(tmp_path: Path, namespace: str) -> Callable[[str], list[dict[str, Any]]]:
    """Return the objects of a release of the project."""
    (tmp_path / "p.py").write_text(PREDICTOR)
    (tmp_path / "project.yaml").write_text(PROJECT.replace("NAMESPACE", namespace))
    tree = render(open_workspace(tmp_path / "project.yaml", None).blueprint)
    return lambda name: template(CHART, json.loads(tree[f"releases/{name}.json"]), namespace)


def test_a_pipeline_is_admitted_and_ready_and_so_is_kserves_graph(
    releases: Callable[[str], list[dict[str, Any]]],
    apply: Apply,
    wait_ready: WaitReady,
    kubectl: Kubectl,
    namespace: str,
) -> None:
    for name in ("apart", "one-pod"):
        apply(releases(name))
    for name in ("apart", "one-pod"):
        wait_ready("inferenceservice", name)
    policy = kubectl.get("networkpolicy", "apart-predictor", namespace)
    to = [
        each["to"][0]["podSelector"]["matchLabels"]["app"]
        for each in policy["spec"]["egress"]
        if "podSelector" in each["to"][0]
    ]
    assert to == ["isvc.first-predictor", "isvc.second-predictor"]
    assert kubectl.get("poddisruptionbudget", "apart-predictor", namespace)["spec"]["maxUnavailable"] == "25%"
    apply(releases("graph"))
    steps = kubectl.get("inferencegraph", "graph", namespace)["spec"]["nodes"]["root"]["steps"]
    assert [each["data"] for each in steps] == ["$request", "$response"]
    assert kubectl.get("httproute", "graph-route", namespace)["spec"]["rules"][0]["backendRefs"][0]["name"] == "graph"
