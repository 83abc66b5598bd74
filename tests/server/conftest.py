"""A real server process on a port of the test's own, with predictors written by the test."""
# ruff: noqa: E501 -- predictors as one-line texts

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

ECHO = "class Predictor:\n    def __init__(self, config):\n        self.config = config\n    def predict(self, payload):\n        return payload\n"


class Server:
    """A server's folder, configuration and process."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.config: dict[str, Any] = {"version": 1, "port": port, "state_file": "run/state.json", "models": []}
        self.process: subprocess.Popen[bytes] | None = None

    def model(self, name: str, code: str = ECHO, revision: str = "1", **more: Any) -> None:
        """Write a predictor and its entry; one of the same name is replaced."""
        folder = self.folder / f"{name}-{revision}"
        folder.mkdir(exist_ok=True)
        (folder / "predictor.py").write_text(code)
        entry = {"name": name, "revision": revision, "predictor": f"{folder.name}/predictor.py", "route": f"/{name}"}
        self.config["models"] = [each for each in self.config["models"] if each["name"] != name] + [entry | more]

    def write(self) -> Path:
        path = self.folder / "server.json"
        path.write_text(json.dumps(self.config))
        return path

    def start(self, *, ready: bool = True, **env: str) -> Server:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "workaday_server", str(self.write())],
                stdout=log,
                stderr=log,
                env={**os.environ, **env},
            )
        self.until(lambda: self.state().get("state") == "serving")
        if ready:
            self.until(lambda: httpx.get(f"{self.url}/v2/health/ready", timeout=30).status_code == 200)
        return self

    def reload(self) -> None:
        self.write()
        self.signal(signal.SIGHUP)

    def signal(self, number: int) -> None:
        assert self.process
        self.process.send_signal(number)

    def state(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.folder / "run/state.json").read_text())
        except FileNotFoundError:
            return {}
        return found

    def wait_state(self, name: str, state: str, revision: str = "1") -> dict[str, Any]:
        def reached() -> bool:
            entry = self.state()["models"].get(name, {})
            return entry.get("state") == state and entry.get("revision") == revision

        self.until(reached)
        found: dict[str, Any] = self.state()["models"][name]
        return found

    def until(self, holds: Callable[[], bool], seconds: float = 60) -> None:
        """Poll, failing with the server's log when it takes too long or the server ends."""
        deadline = time.monotonic() + seconds
        while not holds():
            ended = self.process is not None and self.process.poll() is not None
            assert not ended, f"the server ended: {self.log()}"
            assert time.monotonic() < deadline, f"still not so: {self.log()}"
            time.sleep(0.02)

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def post(self, path: str, content: Any = None, **more: Any) -> httpx.Response:
        body = {"json": content} if not isinstance(content, bytes) else {"content": content}
        return httpx.post(f"{self.url}{path}", **body, **{"timeout": 30, **more})

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=30)

    def metric(self, sample: str) -> float:
        """Return a sample's value, or 0 where it is not there."""
        lines = [line for line in self.get("/metrics").text.splitlines() if line.startswith(f"{sample} ")]
        return float(lines[0].rpartition(" ")[2]) if lines else 0.0

    def stop(self) -> int:
        assert self.process
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.process.wait(30)


@pytest.fixture
def server(tmp_path: Path, free_port: int) -> Iterator[Server]:
    yield from ended(Server(tmp_path, free_port))


@pytest.fixture(scope="module")
def module_server(tmp_path_factory: pytest.TempPathFactory, module_port: int) -> Iterator[Server]:
    """One for a whole module's tests, which leave it as it was."""
    yield from ended(Server(tmp_path_factory.mktemp("server"), module_port))


def ended(made: Server) -> Iterator[Server]:
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()
