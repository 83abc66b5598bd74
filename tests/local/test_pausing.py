"""pause and resume on this machine: the server goes on without the model."""

from __future__ import annotations

import json


def test_a_paused_model_is_not_loaded_until_it_is_resumed(project) -> None:
    project.model("a")
    project.model("b")
    project.up()
    pid = project.state()["pid"]
    project.ok("pause", "b", "--yes")
    assert set(project.state()["models"]) == {"a"}
    found = project.status()
    assert (found["b"]["state"], found["b"]["wanted"], found["b"]["url"]) == ("paused", 0, None)
    assert found["a"]["state"] == "ready"
    refused = project.run("predict", "b", "1")
    assert refused.returncode == 1
    assert "`b` is paused" in refused.stderr
    assert "workaday resume b" in refused.stderr
    project.ok("resume", "b", "--yes")
    assert project.predict("b", 1)["echo"] == 1
    assert project.status()["a"]["pid"] == pid


def test_a_project_whose_models_are_all_paused_runs_nothing(project) -> None:
    project.model("a")
    project.up()
    project.ok("pause", "a", "--yes")
    assert project.servers() == []
    assert project.status()["a"]["state"] == "paused"
    project.ok("resume", "a", "--yes")
    assert project.predict("a", 1)["echo"] == 1


def test_without_a_yes_the_file_is_as_it_was(project) -> None:
    project.model("a")
    project.up()
    before = (project.folder / "project.yaml").read_bytes()
    refused = project.run("pause", "a")
    assert refused.returncode == 1
    assert "error[X102]" in refused.stderr
    assert "project.yaml is as it was" in refused.stderr
    assert (project.folder / "project.yaml").read_bytes() == before
    assert project.status()["a"]["state"] == "ready"


def test_a_pipeline_of_which_a_model_is_paused_answers_as_when_that_model_fails(project) -> None:
    project.model("a")
    project.model("b")
    project.write()
    file = project.folder / "project.yaml"
    first = {"name": "first", "model": "a"}
    both = {"name": "both", "steps": [first, {"name": "second", "model": "b", "after": ["first"]}]}
    spared = {"name": "spared", "steps": [first, {"name": "second", "model": "b", "optional": True}]}
    file.write_text(json.dumps(json.loads(file.read_text()) | {"pipelines": [both, spared]}))
    project.ok("apply", "--yes")
    project.ok("pause", "b", "--yes")
    assert project.status()["both"]["state"] == "ready"
    refused = project.run("predict", "both", "1")
    assert refused.returncode == 1
    assert "step second: cannot be reached" in refused.stdout + refused.stderr
    assert json.loads(project.ok("predict", "spared", "1"))["second"] is None
    project.ok("resume", "b", "--yes")
    assert project.predict("spared", 1)["second"]["echo"] == 1
