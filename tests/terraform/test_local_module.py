"""infra/local and its rendered root: formatted, valid, and clear about bad input; all without Workaday."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from workaday.blueprint.inputs import read_inputs
from workaday.blueprint.resolve import resolve
from workaday.execute.terraform import find_binary
from workaday.project import load
from workaday.render import render
from workaday.resources import bundle


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A rendered tree, written by hand as any other tool could."""
    (tmp_path / "p.py").write_text("class Predictor:\n    def __init__(self, config):\n        pass\n")
    (tmp_path / "r.txt").write_text("six\n")
    server = {"kind": "torch", "predictor": "p.py"}
    models = [{"name": "a", "server": server}, {"name": "b", "server": server | {"requirements": "r.txt"}}]
    project = {"version": 1, "name": "shop", "platform": {"kind": "local"}, "models": models}
    (tmp_path / "project.yaml").write_text(yaml.safe_dump(project))
    loaded = load(tmp_path / "project.yaml")
    for path, content in render(resolve(loaded.project, read_inputs(loaded), "default")).items():
        target = tmp_path / "deploy" / "default" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return tmp_path / "deploy/default/terraform/cluster"


def terraform(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "TF_CLI_CONFIG_FILE"}
    return subprocess.run(
        [find_binary(root / ".bin"), *arguments, "-no-color"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_formatted(root: Path) -> None:
    for folder in (bundle() / "infra", root):
        done = subprocess.run(
            [find_binary(root / ".bin"), "fmt", "-check", "-recursive", "-diff", folder],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_the_tree_is_valid_and_plans_without_workaday(root: Path) -> None:
    assert terraform(root, "init").returncode == 0
    assert json.loads(terraform(root, "validate", "-json").stdout)["diagnostics"] == []
    planned = terraform(root, "plan")
    assert planned.returncode == 0, planned.stderr
    assert "6 to add" in planned.stdout  # base, layer, two servers, two models


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"environments": {}}, "environments must have `base`"),
        (
            {"processes": {"main": {"config": "x", "environment": "nope", "fingerprint": "1"}}},
            "Each process must name one of",
        ),
        ({"models": {"a": {"process": "nope", "revision": "1", "timeout_seconds": 1}}}, "Each model must name one of"),
    ],
)
def test_bad_variables_are_refused_in_words(root: Path, change: dict[str, object], said: str) -> None:
    file = root / "workaday.auto.tfvars.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    terraform(root, "init")
    done = terraform(root, "plan")
    assert done.returncode == 1
    assert said in done.stderr


def test_nothing_of_this_machine_is_in_the_tree(root: Path, tmp_path: Path) -> None:
    for each in root.parent.parent.rglob("*"):
        if each.is_file():
            text = each.read_text(errors="replace")
            assert str(tmp_path) not in text
            assert str(Path.home()) not in text
