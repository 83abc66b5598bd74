from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from workaday.blueprint.inputs import read_inputs
from workaday.blueprint.resolve import resolve
from workaday.checks import canary, scaling
from workaday.project import Loaded, ProjectError, load
from workaday.render import render

PREDICTOR = "class Predictor:\n    def predict(self, payload):\n        return payload\n"

MINIMAL = """\
version: 1
name: dungeon
platform: {kind: local}
models:
  - name: story
    server: {kind: torch, predictor: models/story/predictor.py}
"""


class Folder:
    """A project on disk: predictors for `story` and `colour`, and what a test writes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("story", "colour"):
            self.write(f"models/{name}/predictor.py", PREDICTOR)

    def write(self, file: str, text: str | bytes) -> Path:
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def load(self, text: str | bytes | None = None, env: str | None = None, file: str = "project.yaml") -> Loaded:
        if text is not None:
            self.write(file, text)
        return load(self.root / file, env)

    def error(
        self, text: str | bytes | None = None, env: str | None = None, file: str = "project.yaml"
    ) -> ProjectError:
        """The error of loading a project, or of the checks on its scaling and canaries."""
        try:
            loaded = self.load(text, env, file)
            if loaded.overlays:
                render(resolve(loaded.project, read_inputs(loaded), env or "default"))
        except ProjectError as error:
            return error
        return ProjectError(scaling.check(loaded.project) + canary.check(loaded.project), loaded.sources)

    def codes(self, text: str | bytes | None = None, env: str | None = None) -> list[str]:
        return [found.code for found in self.error(text, env).diagnostics]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture(scope="session")
def minimal() -> str:
    return MINIMAL


@pytest.fixture
def replaced() -> Callable[..., str]:
    """`replaced({"name: dungeon": "name: castle"})`: the minimal project with some of its text exchanged."""

    def replace(changes: dict[str, str]) -> str:
        text = MINIMAL
        for old, new in changes.items():
            assert len(re.findall(re.escape(old), text)) == 1, old
            text = text.replace(old, new)
        return text

    return replace
