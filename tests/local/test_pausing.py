"""pause and resume on this machine: the server goes on without the model."""

from __future__ import annotations


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
