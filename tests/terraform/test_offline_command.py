"""`workaday plan --offline`: the tree of a project, as a table and as JSON, alone and against an earlier one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

PROFILE = Path(__file__).parent / "profiles" / "aws" / "spot.yaml"
PREDICTOR = "class Predictor:\n    def predict(self, payload):\n        return payload\n"
MARK = "offline: no account was asked"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "models" / "story").mkdir(parents=True)
    (tmp_path / "models" / "story" / "predictor.py").write_text(PREDICTOR)
    shutil.copy(PROFILE, tmp_path / "project.yaml")
    return tmp_path


def test_a_plan_and_the_change_against_an_earlier_tree(project, workaday):
    first = workaday("plan", "--offline", cwd=project)
    assert first.returncode == 0, first.stderr
    assert f"({MARK})" in first.stdout
    assert "create  eks node group" in first.stdout
    left = json.loads((project / ".workaday" / "default" / "offline" / "cluster.json").read_text())
    assert left["planned_values"]["root_module"]

    shutil.copytree(project / "deploy" / "default", project / "before")
    text = (project / "project.yaml").read_text()
    assert "max: 12" in text
    (project / "project.yaml").write_text(text.replace("max: 12", "max: 9"))
    second = workaday(
        "plan", "--offline", "--against", "before", "--detailed-exitcode", "--format", "json", cwd=project
    )
    assert second.returncode == 2, second.stderr
    answer = json.loads(second.stdout)
    assert answer["offline"] is True
    cluster = answer["roots"]["cluster"]
    assert cluster["mark"] == MARK
    assert cluster["against"] is True
    assert cluster["counts"]["create"] == cluster["counts"]["delete"] == cluster["counts"]["replace"] == 0
    changed = {each["type"]: each["changed"] for each in cluster["changes"]}
    assert changed["aws_eks_node_group"] == ["scaling_config"]
    assert answer["roots"]["bootstrap"]["changes"] == []

    same = workaday("plan", "--offline", "--against", "deploy/default", "--detailed-exitcode", cwd=project)
    assert same.returncode == 0, same.stderr
    assert f"cluster: no changes ({MARK})" in same.stdout


def test_what_is_no_tree_is_refused(project, workaday):
    done = workaday("plan", "--offline", "--against", "models", cwd=project)
    assert done.returncode == 1
    assert "error[X143]: no rendered tree of a cloud in models" in done.stderr


def test_the_local_platform_has_no_offline_plan(tmp_path, workaday):
    (tmp_path / "predictor.py").write_text(PREDICTOR)
    (tmp_path / "project.yaml").write_text(
        "version: 1\nname: shop\nplatform: {kind: local}\n"
        "models:\n  - name: echo\n    server: {kind: torch, predictor: predictor.py}\n"
    )
    done = workaday("plan", "--offline", cwd=tmp_path)
    assert done.returncode == 1
    assert "error[X143]: the local platform has no account to do without" in done.stderr
    assert "project.yaml:3:" in done.stderr


def test_what_a_module_refuses_is_told_at_the_very_key(project, workaday):
    text = (project / "project.yaml").read_text()
    assert "network:" not in text
    wrong = text.replace("  kind: aws\n", "  kind: aws\n  network: {nat: single, cidr: 10.0.0.0/30}\n")
    (project / "project.yaml").write_text(wrong)
    done = workaday("plan", "--offline", cwd=project)
    assert done.returncode == 1
    assert "error[X111]: network.cidr must be from /16 to /20" in done.stderr
    assert "(platform.network.cidr)" in done.stderr
