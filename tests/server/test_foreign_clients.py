"""Clients and a fuzzer that no one here wrote, each in the environment that it asks for: see foreign/README.md."""
# ruff: noqa: E501 -- predictors as one-line texts

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FOREIGN = Path(sys.executable).parents[1] / "foreign" / "bin"
NUMBERS = "from workaday_server import ClientError\nclass Predictor:\n    inputs = [{'name': 'x', 'datatype': 'FP32', 'shape': [-1, 3]}]\n    outputs = [{'name': 'doubled', 'datatype': 'FP32', 'shape': [-1, 3]}]\n    def __init__(self, config):\n        pass\n    def predict(self, payload):\n        if not hasattr(payload, 'keys') or not hasattr(payload.get('x'), 'dtype') or payload['x'].dtype == object:\n            raise ClientError('send a tensor x')\n        return {'doubled': payload['x'] * 2}\n"


def run(script: str, *arguments: object) -> None:
    assert (FOREIGN / "python").exists(), "the foreign clients' environment is missing: run `make test`, which makes it"
    command = [FOREIGN / "python", HERE / "foreign" / script, *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": str(HERE.parents[1] / "model_server")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=env)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def ports(server) -> tuple[int, int]:
    server.config["grpc_port"] = server.port + 1
    server.model("numbers", NUMBERS, revision="7")
    server.model("echo")
    server.start()
    return server.port, server.port + 1


def test_the_kserve_sdk(ports) -> None:
    run("kserve_sdk.py", *ports)


def test_tritons_grpc_client(server, ports) -> None:
    server.model("half", f"import torch\n{NUMBERS}")
    server.reload()
    server.wait_state("half", "ready")
    run("triton_grpc.py", *ports)


@pytest.mark.parametrize("order", ["02", "20", "12", "21"])
def test_their_messages_and_ours_in_one_process(order: str) -> None:
    run("one_process.py", order)


CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
]


def fuzz(server, examples: int) -> None:
    """Schemathesis against the server's own OpenAPI document: no 5xx, nothing undocumented, and still ready."""
    server.model("echo")
    server.model("numbers", NUMBERS)
    for name in ("writer", "embedder"):
        server.model(name, (HERE / "openai_models" / f"{name}.py").read_text())
    server.start()
    options = ["--checks", ",".join(CHECKS), "--max-examples", examples, "--seed", 7, "--continue-on-failure"]
    options += ["--phases", "coverage,fuzzing", "--no-color"]
    command = [FOREIGN / "schemathesis", "run", f"{server.url}/openapi.json", *options]
    done = subprocess.run(
        [str(each) for each in command], capture_output=True, text=True, check=False, cwd=server.folder
    )
    assert done.returncode == 0, done.stdout[-8000:]
    print(*(line for line in done.stdout.splitlines() if " generated, " in line))
    server.until(lambda: server.metric('workaday_in_flight{model="echo"}') == 0)
    assert server.post("/echo", 1).json() == 1
    assert server.get("/v2/health/ready").status_code == 200


def test_schemathesis_finds_nothing(server) -> None:
    fuzz(server, 5)


@pytest.mark.soak
def test_schemathesis_finds_nothing_in_a_long_run(server) -> None:
    fuzz(server, 500)
