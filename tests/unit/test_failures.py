"""Terraform's failure, shown at the line of project.yaml that the failing resource comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from workaday.execute.failures import at_its_origin
from workaday.execute.terraform import TerraformFailure
from workaday.execute.workspace import Workspace, open_workspace
from workaday.project.diagnostics import ProjectError, render_text
from workaday.render import render
from workaday.render.tree import write

PREDICTOR = "class Predictor:\n    def predict(self, payload):\n        return payload\n"
PROJECT = """\
version: 1
name: shop
platform: {kind: local}
models:
  # the first
  - name: echo
    server: {kind: torch, predictor: predictor.py}
  - name: story
    server: {kind: torch, predictor: predictor.py, requirements: requirements.txt}
"""
DETAIL = "Error running command: exit status 1. Output: x\nerror: no such file: weights.bin"
LINES = {
    'module.local.terraform_data.model["story"]': "8:5  (models[1])\n  |\n8 |   - name: story\n  |     ^",
    'module.local.terraform_data.server["story"]': "8:5  (models[1])\n",
    'module.local.terraform_data.layer["story"]': "9:66  (models[1].server.requirements)\n",
    'module.local.terraform_data.server["main"]': "3:11  (platform)\n",
    "module.local.terraform_data.base": "3:11  (platform)\n",
    "": "3:11  (platform)\n",
}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(tmp_path)
    Path("predictor.py").write_text(PREDICTOR)
    Path("requirements.txt").write_text("six\n")
    Path("project.yaml").write_text(PROJECT)
    opened = open_workspace(Path("project.yaml"), None)
    write(opened.tree, render(opened.blueprint))
    return opened


def shown(workspace: Workspace, address: str) -> str:
    event = {"address": address, "summary": "local-exec provisioner error", "detail": DETAIL}
    with pytest.raises(ProjectError) as error, at_its_origin(workspace):
        raise TerraformFailure("apply", [event], "")
    return render_text(error.value.diagnostics, error.value.sources)


@pytest.mark.parametrize("address", LINES)
def test_the_caret_stands_at_the_origin_of_the_resource(workspace: Workspace, address: str) -> None:
    assert f"--> project.yaml:{LINES[address]}" in shown(workspace, address)


@pytest.mark.parametrize("raw", [None, b"", b"[]"])
def test_without_an_origin_table_the_failure_is_told_all_the_same(workspace: Workspace, raw: bytes | None) -> None:
    table = workspace.tree / "origins.json"
    table.unlink() if raw is None else table.write_bytes(raw)
    assert "no such file: weights.bin" in shown(workspace, 'module.local.terraform_data.model["story"]')
