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
NUMBERS = "class Predictor:\n    inputs = [{'name': 'x', 'datatype': 'FP32', 'shape': [-1, 3]}]\n    outputs = [{'name': 'doubled', 'datatype': 'FP32', 'shape': [-1, 3]}]\n    def __init__(self, config):\n        pass\n    def predict(self, payload):\n        return {'doubled': payload['x'] * 2}\n"


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


def test_tritons_grpc_client(ports) -> None:
    run("triton_grpc.py", *ports)


@pytest.mark.parametrize("order", ["02", "20", "12", "21"])
def test_their_messages_and_ours_in_one_process(order: str) -> None:
    run("one_process.py", order)
