"""A project of small real predictors on a port of the test's own, destroyed afterwards whatever happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ECHO = """
class Predictor:
    example = {"say": "hello"}

    def __init__(self, config):
        self.config = config

    def predict(self, payload):
        return {"echo": payload, "config": self.config}
"""


@dataclass
class Project:
    """A project folder and the command in it."""

    folder: Path
    port: int
    models: list[dict[str, Any]] = field(default_factory=list)

    def model(self, name: str, code: str = ECHO, **more: Any) -> dict[str, Any]:
        """Add a model, or change the one of that name."""
        (self.folder / "models" / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "models" / name / "predictor.py").write_text(code)
        server = {"kind": "torch", "predictor": f"models/{name}/predictor.py"} | more.pop("server", {})
        entry = {"name": name, "server": server, **more}
        self.models = [each for each in self.models if each["name"] != name] + [entry]
        self.write()
        return entry

    def remove(self, name: str) -> None:
        self.models = [each for each in self.models if each["name"] != name]
        self.write()

    def write(self) -> None:
        project = {
            "version": 1,
            "name": "shop",
            "platform": {"kind": "local", "port": self.port},
            "models": sorted(self.models, key=lambda each: each["name"]),
        }
        (self.folder / "project.yaml").write_text(json.dumps(project, indent=2))  # JSON is YAML

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "workaday", *arguments],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        child = self.start(*arguments)
        out, err = child.communicate(timeout=250)
        return subprocess.CompletedProcess(arguments, child.returncode, out, err)

    def ok(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout

    def up(self) -> str:
        self.ok("plan")
        return self.ok("apply", "--yes")

    def status(self) -> dict[str, dict[str, Any]]:
        return {each["name"]: each for each in json.loads(self.ok("status", "--format", "json"))}

    def predict(self, name: str, payload: object) -> Any:
        return json.loads(self.ok("predict", name, json.dumps(payload)))

    def state(self, process: str = "main") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / f".workaday/default/run/{process}/state.json").read_text())
        return found

    def servers(self) -> list[int]:
        """Return the pids of every server process of this project, found by their command lines."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if "workaday_server" in command and str(self.folder) in command and state != "Z":
                found.append(int(entry.name))
        return sorted(found)

    def kill_server(self, process: str = "main") -> None:
        os.kill(self.state(process)["pid"], signal.SIGKILL)


@pytest.fixture
def project(tmp_path: Path, free_port: int) -> Iterator[Project]:
    made = Project(tmp_path, free_port)
    yield made
    made.run("destroy", "--yes")
    assert made.servers() == []
    assert not (tmp_path / ".workaday").exists()
