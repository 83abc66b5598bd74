"""`workaday render` as people meet it: the same bytes anywhere, refusal of hand edits, `--check`, `--diff`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

PREDICTOR = "class Predictor:\n    def predict(self, payload):\n        return payload\n"
MODELS = ("story", "colour", "shape")


@pytest.fixture
def project():
    """Make a small project, its predictors created in the order given."""

    def make(folder: Path, names=MODELS) -> Path:
        for name in names:
            (folder / "models" / name).mkdir(parents=True)
            (folder / "models" / name / "predictor.py").write_text(PREDICTOR)
        models = "".join(
            f"  - name: {name}\n    server: {{kind: torch, predictor: models/{name}/predictor.py}}\n" for name in MODELS
        )
        text = f"version: 1\nname: dungeon\nplatform: {{kind: local}}\nmodels:\n{models}"
        (folder / "project.yaml").write_text(text)
        return folder

    return make


def tree_of(folder: Path) -> dict[str, bytes]:
    root = folder / "deploy" / "default"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_two_machines_render_the_same_bytes(workaday, project, tmp_path):
    here = project(tmp_path / "here")
    there = project(tmp_path / "a" / "longer" / "path", reversed(MODELS))
    one = {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "UTC", "PYTHONUTF8": "0", "COLUMNS": "40"}
    two = {
        "PYTHONHASHSEED": "4242",
        "LC_ALL": "C.UTF-8",
        "TZ": "Pacific/Kiritimati",
        "HOME": str(tmp_path),
        "USER": "x",
    }
    for folder, env in ((here, one), (there, two)):
        done = workaday("render", cwd=folder, **env)
        assert done.returncode == 0, done.stderr
    assert tree_of(here) == tree_of(there)
    assert "tree.lock" in tree_of(here)


def test_render_refuses_a_hand_edited_file(workaday, project, tmp_path):
    project(tmp_path)
    assert workaday("render").returncode == 0
    file = tmp_path / "deploy/default/terraform/cluster/workaday.auto.tfvars.json"
    rendered = file.read_text()
    file.write_text(rendered.replace('"timeout_seconds": ', '"timeout_seconds": 9', 1))
    edited = tree_of(tmp_path)

    done = workaday("render")
    assert done.returncode == 1
    name = "terraform/cluster/workaday.auto.tfvars.json"
    assert f"error[T101]: `{name}` was edited by hand, and render would overwrite it" in done.stderr
    assert f" --> deploy/default/{name}  `-` as rendered, `+` as it is" in done.stderr
    assert '\n  -      "timeout_seconds": ' in done.stderr
    assert '\n  +      "timeout_seconds": 9' in done.stderr
    assert f"`rm deploy/default/{name}`" in done.stderr
    assert tree_of(tmp_path) == edited

    file.unlink()
    assert workaday("render").returncode == 0
    assert file.read_text() == rendered


def test_the_page_shows_what_is_printed(workaday, project, tmp_path):
    project(tmp_path)
    workaday("render")
    file = tmp_path / "deploy/default/local/main.json"
    file.write_text(file.read_text().replace("8080", "9090"))
    page = Path(__file__).parent.parent.parent / "docs" / "tree.md"
    shown = page.read_text().split("```text\n")[1].split("```")[0]
    assert workaday("render").stderr == shown


def test_check_exits_2_when_the_tree_is_not_what_would_be_rendered(workaday, project, tmp_path):
    project(tmp_path)
    done = workaday("render", "--check")
    assert done.returncode == 2
    assert not (tmp_path / "deploy").exists()
    workaday("render")
    assert workaday("render", "--check").returncode == 0

    (tmp_path / "deploy/default/local/main.json").write_text("{}\n")
    edited = tree_of(tmp_path)
    done = workaday("render", "--check")
    assert done.returncode == 2
    assert "update local/main.json  (edited by hand: T101)" in done.stdout
    assert "\n-{}\n" in done.stdout
    assert tree_of(tmp_path) == edited


def test_diff_shows_what_was_written(workaday, project, tmp_path):
    project(tmp_path)
    workaday("render")
    text = (tmp_path / "project.yaml").read_text()
    (tmp_path / "project.yaml").write_text(text.replace("{kind: local}", "{kind: local, port: 9191}"))
    done = workaday("render", "--diff")
    assert done.returncode == 0
    assert '+  "port": 9191,' in done.stdout
    assert workaday("render", "--diff").stdout.count("\n") == 1


def test_findings_about_the_tree_as_json(workaday, project, tmp_path):
    project(tmp_path)
    workaday("render")
    (tmp_path / "deploy/default/tree.lock").write_text("<<<<<<< ours\n")
    done = workaday("render", "--format", "json")
    assert done.returncode == 1
    (found,) = json.loads(done.stdout)
    assert found["code"] == "T103"
    assert found["position"]["file"] == "deploy/default/tree.lock"


@pytest.mark.parametrize("code", ["T101", "T102", "T103", "T104"])
def test_each_code_is_explained(workaday, code):
    done = workaday("explain", code)
    assert done.returncode == 0
    assert code in done.stdout


def test_check_as_json_names_what_is_in_the_way(workaday, project, tmp_path):
    project(tmp_path)
    workaday("render")
    (tmp_path / "deploy/default/local/main.json").write_text("{}\n")
    done = workaday("render", "--check", "--format", "json")
    assert done.returncode == 2
    answer = json.loads(done.stdout)
    assert answer["changes"] == [{"path": "local/main.json", "kind": "update"}]
    assert [(each["code"], each["position"]["file"]) for each in answer["conflicts"]] == [
        ("T101", "deploy/default/local/main.json")
    ]


def test_diff_is_shown_before_anything_is_refused(workaday, project, tmp_path):
    project(tmp_path)
    workaday("render")
    (tmp_path / "deploy/default/local/main.json").write_text("{}\n")
    edited = tree_of(tmp_path)
    done = workaday("render", "--diff")
    assert done.returncode == 1
    assert "update local/main.json  (edited by hand: T101)" in done.stdout
    assert "error[T101]" in done.stderr
    assert tree_of(tmp_path) == edited
