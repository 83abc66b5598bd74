"""The repository's examples: where they are, and several of them served together on this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

EXAMPLES = Path(__file__).parents[2] / "examples"
Served = Callable[..., Any]


class Here:
    """Examples' models in one project on this machine: what each says in its own file, at its own route."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "workaday", *arguments],
            cwd=self.folder,
            env={**os.environ, "OMP_NUM_THREADS": "2"},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout


@contextmanager
def served(folder: Path, port: int, *names: str) -> Iterator[Here]:
    """Serve examples together: one import of torch, one plan, one apply."""
    models: list[dict[str, Any]] = []
    pipelines: list[dict[str, Any]] = []
    for name in names:
        ignored = shutil.ignore_patterns("__pycache__", ".workaday", "deploy")
        shutil.copytree(EXAMPLES / name, folder / name, ignore=ignored)
        project = yaml.safe_load((EXAMPLES / name / "project.yaml").read_text())
        for model in project["models"]:
            model["server"]["predictor"] = f"{name}/{model['server']['predictor']}"
        models += project["models"]
        pipelines += project.get("pipelines", [])
    project = {"version": 1, "name": "examples", "platform": {"kind": "local", "port": port}, "models": models}
    (folder / "project.yaml").write_text(json.dumps(project | ({"pipelines": pipelines} if pipelines else {})))
    here = Here(folder, port)
    try:
        here.run("plan")
        here.run("apply")
        yield here
    finally:
        here.run("destroy", "--yes")


@pytest.fixture(scope="module")
def writers(tmp_path_factory: pytest.TempPathFactory, module_port: int) -> Iterator[Here]:
    """The examples that write."""
    folder = tmp_path_factory.mktemp("writers")
    with served(folder, module_port, "chat", "smart-compose", "dungeon", "assistant") as here:
        yield here


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, module_port: int) -> Iterator[Here]:
    """The examples with pictures."""
    folder = tmp_path_factory.mktemp("pictures")
    with served(folder, module_port, "suggested-tagging", "catalogue") as here:
        yield here
