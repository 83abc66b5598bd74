"""The configuration file: the schema and the reader agree, and every finding is said at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from workaday_server.config import GenerationConfig, ServerConfig, read_config
from workaday_server.errors import ConfigError

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "server.schema.json").read_text())
MODEL = {"name": "a", "revision": "1", "predictor": "p.py"}
FULL: dict[str, Any] = {
    "version": 1,
    "host": "127.0.0.1",
    "port": 8080,
    "grpc_port": 8081,
    "state_file": "../run/state.json",
    "drain_seconds": 0.5,
    "models": [
        MODEL
        | {
            "class": "Mine",
            "config": {"x": [1]},
            "weights": "w",
            "env": {"A": "b"},
            "limits": {"concurrency": 8, "queue": 0, "timeout_seconds": 60, "body_bytes": 1},
            "batching": {"max_size": 8, "max_wait_seconds": 0.005},
            "generation": {"kv_cache_bytes": 1000, "max_batch": 4, "prefill_tokens": None},
            "route": "/a/b",
            "promise_seconds": 3,
        }
    ],
}


def read(folder: Path, document: object) -> ServerConfig:
    path = folder / "server.json"
    path.write_text(json.dumps(document))
    return read_config(path)


def test_everything_is_read_and_paths_are_relative_to_the_file(tmp_path) -> None:
    config = read(tmp_path, FULL)
    jsonschema.validate(FULL, SCHEMA)
    model = config.models[0]
    assert config.state_file == tmp_path / "../run/state.json"
    assert model.predictor == tmp_path / "p.py"
    assert model.weights == tmp_path / "w"
    assert (model.class_name, model.limits.queue, model.route) == ("Mine", 0, "/a/b")
    assert model.batching is not None
    assert model.batching.max_size == 8
    assert model.generation == GenerationConfig(1000, 4, None)


WRONG = [
    ("version", 2),
    ("version", True),
    ("port", 0),
    ("port", "80"),
    ("port", True),
    ("grpc_port", 0),
    ("grpc_port", "81"),
    ("host", ""),
    ("drain_seconds", -1),
    ("state_file", 3),
    ("prot", 1),
    ("models", {}),
    ("models", [3]),
    ("models", [MODEL | {"name": "a/b"}]),
    ("models", [MODEL | {"name": ""}]),
    ("models", [MODEL | {"revision": ""}]),
    ("models", [MODEL | {"class": "a-b"}]),
    ("models", [MODEL | {"config": []}]),
    ("models", [MODEL | {"env": {"A": 1}}]),
    ("models", [MODEL | {"limits": {"queue": -1}}]),
    ("models", [MODEL | {"limits": {"concurrency": 1.5}}]),
    ("models", [MODEL | {"limits": {"timeout_seconds": 0}}]),
    ("models", [MODEL | {"batching": {"max_size": 0}}]),
    ("models", [MODEL | {"batching": 3}]),
    ("models", [MODEL | {"generation": 3}]),
    ("models", [MODEL | {"generation": {"max_batch": 0}}]),
    ("models", [MODEL | {"generation": {"kv_cache": "2Gi"}}]),
    ("models", [MODEL | {"promise_seconds": 0}]),
    ("models", [MODEL | {"promise_seconds": True}]),
    ("models", [MODEL | {"route": "a"}]),
    ("models", [MODEL | {"wieghts": "w"}]),
    ("models", [{"name": "a"}]),
]


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_reader_and_schema_refuse_the_same(tmp_path, key: str, value: object) -> None:
    document = FULL | {key: value}
    with pytest.raises(ConfigError):
        read(tmp_path, document)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)


def test_grpc_needs_a_port_of_its_own(tmp_path) -> None:
    with pytest.raises(ConfigError, match="grpc_port"):
        read(tmp_path, FULL | {"grpc_port": 8080})


@pytest.mark.parametrize("route", ["/v1", "/v2/x", "/metrics", "/openapi.json"])
def test_a_route_cannot_shadow_the_servers_own_addresses(tmp_path, route: str) -> None:
    with pytest.raises(ConfigError, match="route"):
        read(tmp_path, FULL | {"models": [MODEL | {"route": route}]})


def test_every_finding_at_once_with_the_likely_key(tmp_path) -> None:
    wrong = FULL | {"prot": 1, "models": [MODEL | {"limits": {"queu": 1}}, MODEL | {"weights": 3}]}
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, wrong)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert "prot: unknown key; did you mean `port`?" in lines[2]
    assert "models[0].limits.queu: unknown key; did you mean `queue`?" in lines[0]
    assert "name `a` occurs more than once" in lines[3]


def test_check_says_yes_silently_and_no_without_a_traceback(tmp_path) -> None:
    path = tmp_path / "server.json"
    for text, status in [(json.dumps(FULL), 1), ("{,}", 1), (json.dumps(FULL | {"models": []}), 0)]:
        path.write_text(text)
        command = [sys.executable, "-m", "workaday_server", "--check", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == status
        assert "Traceback" not in done.stderr
        assert bool(done.stderr) == bool(status)


def test_nothing_heavy_is_imported_before_the_socket_listens() -> None:
    heavy = {"torch", "numpy", "safetensors", "kserve", "grpc"}
    code = f"import sys, workaday_server.process\nprint(*{heavy} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
