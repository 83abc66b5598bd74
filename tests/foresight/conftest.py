from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from workaday.blueprint.inputs import read_inputs
from workaday.blueprint.model import Blueprint
from workaday.blueprint.resolve import resolve
from workaday.project import load

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PREDICTOR = "class Predictor:\n    def __init__(self, config):\n        pass\n"
ACCESS = "access: {cidrs: [203.0.113.7/32], admins: [%s]}"
PLATFORMS = {
    "aws": "kind: aws, region: us-east-1, " + ACCESS % '"arn:aws:iam::111122223333:role/platform"',
    "gcp": "kind: gcp, region: us-central1, project: shop-prod, " + ACCESS % '"group:platform@example.com"',
    "azure": "kind: azure, region: eastus, subscription: 00000000-0000-0000-0000-000000000000, "
    + ACCESS % "00000000-0000-0000-0000-000000000000",
    "local": "kind: local",
}
GPUS = {"aws": "L4", "gcp": "L4", "azure": "T4"}
SPOT = "spot: {on_demand_base: 1, fallback: on_demand}"


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """Write a project of one GPU pool on a cloud; `platform` and `pool` are added to what is there."""

    def write(cloud: str, *, platform: str = "", pool: str = SPOT, gpu: str = "", more: str = "") -> Path:
        gpu = gpu or GPUS.get(cloud, "")
        predictor = tmp_path / "models" / "story" / "predictor.py"
        predictor.parent.mkdir(parents=True, exist_ok=True)
        predictor.write_text(PREDICTOR)
        head = PLATFORMS[cloud] + (f", {platform}" if platform else "")
        pools = f"pools:\n  - {{name: gpu, accelerator: {gpu}, nodes: {{min: 1, max: 10}}, {pool}}}\n" if gpu else ""
        compute = f"    compute: {{gpu: {gpu}}}\n    limits: {{timeout: 5s}}\n" if gpu else ""
        model = "models:\n  - name: story\n    server: {kind: torch, predictor: models/story/predictor.py}\n"
        path = tmp_path / "project.yaml"
        path.write_text(f"version: 1\nname: shop\nplatform: {{{head}}}\n{pools}{model}{compute}{more}")
        return path

    return write


@pytest.fixture
def blueprint(project: Callable[..., Path]) -> Callable[..., Blueprint]:
    def resolved(*args, **kwargs) -> Blueprint:
        loaded = load(project(*args, **kwargs))
        return resolve(loaded.project, read_inputs(loaded), "default")

    return resolved


@dataclass
class FakePriceList:
    """A stand-in for a cloud's price list, on loopback: it answers each path as told, and remembers the questions."""

    url: str
    answers: dict[str, list[tuple[int, object]]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)

    def on(self, path: str, *answers: object, status: int = 200) -> None:
        """Answer a path: each time the next, the last one for ever."""
        self.answers.setdefault(path, []).extend((status, each) for each in answers)


@pytest.fixture
def price_list() -> Iterator[FakePriceList]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            fake.asked.append((parts.path, query, dict(self.headers)))
            left = fake.answers[parts.path]
            status, answer = left.pop(0) if len(left) > 1 else left[0]
            body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake = FakePriceList(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()
