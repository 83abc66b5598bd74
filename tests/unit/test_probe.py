"""What a person is told to type."""

from __future__ import annotations

from pathlib import Path

import pytest

from workaday.execute.probe import curl_line
from workaday.execute.workspace import open_workspace

PROJECT = """\
version: 1
name: dungeon
platform: {kind: local}
models:
  - {name: story, server: {kind: torch, predictor: models/story/predictor.py}}
"""
PREDICTOR = (
    "class Predictor:\n    example = '@a photo.jpg'\n\n    def predict(self, payload):\n        return payload\n"
)


@pytest.mark.parametrize(
    ("here", "file"),
    [(".", "models/story/a photo.jpg"), ("..", "shop/models/story/a photo.jpg"), ("models", "story/a photo.jpg")],
)
def test_a_file_in_a_curl_line_is_named_as_seen_from_here(tmp_path, monkeypatch, here, file) -> None:
    root = tmp_path / "shop"
    (root / "models/story").mkdir(parents=True)
    (root / "models/story/predictor.py").write_text(PREDICTOR)
    (root / "project.yaml").write_text(PROJECT)
    monkeypatch.chdir(root / here)
    workspace = open_workspace(Path("project.yaml") if here == "." else root / "project.yaml", None)
    line = curl_line(workspace, workspace.blueprint.models[0])
    assert line.startswith("curl -s http://127.0.0.1:8080/story -H 'content-type: image/jpeg'")
    assert line.endswith(f"--data-binary @'{file}'")
