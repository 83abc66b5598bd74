"""An add-on in an earlier version than the table's: its own definitions are of that version too."""

from __future__ import annotations

from pathlib import Path

import pytest

from workaday.execute.workspace import open_workspace
from workaday.project.diagnostics import ProjectError

PROJECT = """\
version: 1
name: dungeon
platform: {{kind: existing, context: prod}}
addons: {{{addons}}}
models:
  - name: story
    server: {{kind: container, image: "registry.example/story:1", port: 8080}}
    compute: {{cpu: 1, memory: 1Gi}}
"""


def test_an_addon_and_its_definitions_go_back_together(tmp_path: Path) -> None:
    (tmp_path / "project.yaml").write_text(PROJECT.format(addons="kserve: {version: 0.19.0}"))
    found = open_workspace(tmp_path / "project.yaml", None)
    assert found.blueprint.addons
    versions = {each.pin.name: each.pin.version for each in found.blueprint.addons.every}
    assert versions == {"kserve-crd": "v0.19.0", "kserve": "v0.19.0"}
    assert [each.code for each in found.warnings if each.code.startswith("C80")] == ["C803"]


def test_what_belongs_to_another_addon_does_not(tmp_path: Path) -> None:
    (tmp_path / "project.yaml").write_text(PROJECT.format(addons="kserve: {version: 0.19.0}, keda: {version: 2.17.0}"))
    with pytest.raises(ProjectError, match=r"KServe v0\.19\.0 needs KEDA 2\.18 or later"):
        open_workspace(tmp_path / "project.yaml", None)
