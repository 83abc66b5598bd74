"""A pipeline on this machine: planned, applied, asked, changed alone, and removed."""

from __future__ import annotations

import json
from typing import Any

LABEL = "class Predictor:\n    example = {'picture': 'cup'}\n    def __init__(self, config): ...\n"
LABEL += "    def predict(self, payload):\n        return {'label': payload['picture'], 'by': 'label'}\n"


def write(project, *pipelines: dict[str, Any]) -> None:
    project.write()
    file = project.folder / "project.yaml"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"pipelines": list(pipelines)}))


def test_a_pipeline_is_planned_asked_changed_alone_and_removed(project) -> None:
    project.model("label", LABEL)
    project.model("echo")
    steps = [
        {"name": "seen", "model": "label"},
        {"name": "told", "model": "echo", "after": ["seen"], "input": '{"it": seen.label}', "timeout": "5s"},
    ]
    product = {"name": "product", "steps": steps, "output": "told.echo", "route": {"path": "/shop"}}
    write(project, product)
    assert "model product" in project.ok("plan")
    applied = project.ok("apply", "--yes")
    assert f"curl -s http://127.0.0.1:{project.port}/shop" in applied
    assert json.loads(project.ok("predict", "product")) == {"it": "cup"}, "the first step's example"
    before = project.state()
    assert project.status()["product"]["state"] == "ready"

    write(project, product | {"output": '{"said": told.echo.it}'})
    planned = project.ok("plan")
    assert "model product" in planned
    assert "reload" in planned
    assert "model label" not in planned
    project.ok("apply", "--yes")
    assert json.loads(project.ok("predict", "product", '{"picture": "hat"}')) == {"said": "hat"}
    after = project.state()
    assert (after["pid"], after["models"]["label"]) == (before["pid"], before["models"]["label"])

    write(project)
    project.ok("plan")
    project.ok("apply", "--yes")
    assert "product" not in project.state()["models"]
    assert project.predict("label", {"picture": "hat"})["label"] == "hat"


def test_a_mistake_in_an_expression_has_its_line(project) -> None:
    project.model("label", LABEL)
    write(project, {"name": "product", "steps": [{"name": "seen", "model": "label", "input": "seen.label + 1"}]})
    done = project.run("plan")
    assert done.returncode == 1
    assert "error[C114]: `seen.label + 1` is not part of the language" in done.stderr
    assert "pipelines[0].steps[0].input" in done.stderr
