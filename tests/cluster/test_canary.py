"""A canary gets its share, is promoted, and gets nothing any more where it breaks its promise, by `workaday apply`.

Real: the model server, Prometheus that scrapes it, KServe, Helm, the API server by whose proxy `apply` asks Prometheus,
the rendered HTTPRoute. The gateway is HAProxy, which shares requests out by the weights of that route. Shorter than by
default: `bake`.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from load.client import Report, asking
from load.debian import Program
from load.haproxy import routed
from load.prometheus import serving
from load.spot import Fleet
from plane import programs
from plane.kubectl import Kubectl
from plane.plane import Plane
from plane.pods import ProcessNode

from workaday.blueprint import naming

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800), pytest.mark.usefixtures("kserve")]

Run = Callable[..., subprocess.CompletedProcess[str]]
RATE = 40.0
CANARY = "    canary: {percent: 25, bake: 25s, overrides: {config: OVERRIDES}}\n"
PROJECT = """\
version: 1
name: house
namespace: NAMESPACE
platform: {kind: existing, context: plane, kubeconfig: kubeconfig}
registry: {prefix: registry.example/NAMESPACE}
gateway: {host: house.example}
pools:
  - {name: live, instances: [any], nodes: {max: 40}, spot: true}
models:
  - name: fast
    server: {kind: torch, predictor: models/fast/predictor.py}
    config: {word: first}
    compute: {cpu: 1, memory: 1Gi}
    limits: {concurrency: 16, queue: 1000, timeout: 10s}
    slo: {p99: 5s, availability: 99}
    route: {path: /fast}
"""
PREDICTOR = """\
import os
import random


class Predictor:
    def __init__(self, config):
        self.word, self.fails = config["word"], config.get("fails", False)

    def predict(self, payload):
        if self.fails and random.random() < 0.5:
            raise RuntimeError("as it was told")
        return {"word": self.word, "asked": payload["asked"], "process": os.getpid()}
"""


@pytest.fixture
def folder(plane: Plane, fleet: Fleet, namespace: str, tmp_path: Path) -> Path:
    """A project of one model, whose image is this machine's Python and the project's files."""
    fleet.become("aws")
    (tmp_path / "models" / "fast").mkdir(parents=True)
    (tmp_path / "models" / "fast" / "predictor.py").write_text(PREDICTOR)
    (tmp_path / "project.yaml").write_text(PROJECT.replace("NAMESPACE", namespace))
    (tmp_path / "kubeconfig").write_bytes(plane.kubeconfig.read_bytes())
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])
    env = {"PATH": path, "PYTHONUNBUFFERED": "1"}
    ProcessNode(plane).image(f"registry.example/{namespace}/fast", (), {"/workaday": tmp_path}, env)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Iterator[Run]:
    """Run the command in the project's folder; what it made is removed afterwards, for its gateway is the cluster's."""
    env = {**os.environ, "WORKADAY_HELM": str(programs.find("helm"))}

    def do(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "workaday", *arguments]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
        print(done.stdout, done.stderr)
        return done

    yield do
    assert do("destroy", "--yes").returncode == 0


def with_canary(folder: Path, overrides: str) -> None:
    """Give the model a canary."""
    file = folder / "project.yaml"
    file.write_text(file.read_text() + CANARY.replace("OVERRIDES", overrides))


@contextmanager
def asked(plane: Plane, haproxy: Program, namespace: str, folder: Path) -> Iterator[Report]:
    """Have requests come through the model's route for the length of a block."""
    with (
        routed(plane, haproxy, namespace, naming.route("fast")) as address,
        asking(f"{address}/fast", RATE, folder) as report,
    ):
        yield report


def weights(kubectl: Kubectl, namespace: str) -> list[int | None]:
    """Return the weights of the route's backends."""
    route = kubectl.get("httproute", naming.route("fast"), namespace)
    return [each.get("weight") for each in route["spec"]["rules"][0]["backendRefs"]]


def test_a_canary_gets_its_share_and_is_promoted(
    plane: Plane, haproxy: Program, prometheus: Program, run: Run, folder: Path, kubectl: Kubectl, namespace: str
) -> None:
    with serving(plane, prometheus, namespace):
        assert run("apply", "--yes").returncode == 0
        with_canary(folder, "{word: second}")
        with asked(plane, haproxy, namespace, folder) as report:
            done = run("apply", "--yes")
            assert done.returncode == 0
        assert "requests, as promised" in done.stdout
        assert weights(kubectl, namespace) == [750, 250]
        with asked(plane, haproxy, namespace, folder) as shared:
            promoted = run("plan")
        assert "nothing to do" in promoted.stdout
        assert run("promote", "fast", "--yes").returncode == 0
        with asked(plane, haproxy, namespace, folder) as after:
            run("status")
    for each in (report, shared, after):
        print(each, dict(each.words))
        assert each.lost == 0, str(each)
    assert set(report.words) == {"first", "second"}
    expected, of = shared.answered / 4, math.sqrt(shared.answered * 3 / 16)
    assert abs(shared.words["second"] - expected) < 5 * of  # five standard deviations
    assert set(after.words) == {"second"}
    assert "word: second" in (folder / "project.yaml").read_text()
    assert kubectl.list("inferenceservices", namespace=namespace)[0]["metadata"]["name"] == "fast"
    assert len(kubectl.list("inferenceservices", namespace=namespace)) == 1


def test_a_canary_that_breaks_its_promise_is_rolled_back(
    plane: Plane, haproxy: Program, prometheus: Program, run: Run, folder: Path, kubectl: Kubectl, namespace: str
) -> None:
    with serving(plane, prometheus, namespace):
        assert run("apply", "--yes").returncode == 0
        with_canary(folder, "{word: second, fails: true}")
        with asked(plane, haproxy, namespace, folder) as report:
            done = run("apply", "--yes")
        with asked(plane, haproxy, namespace, folder) as after:
            nothing = run("plan", "--format", "json")
    print(report, after)
    assert done.returncode == 1
    assert "error[X189]: the canary of `fast` breaks its `slo`" in done.stderr
    assert "requests failed" in done.stderr
    assert report.failed.get("HTTP 500", 0) > 0
    assert weights(kubectl, namespace) == [1000, 0]
    assert "canary: {percent: 0, bake: 25s" in (folder / "project.yaml").read_text()
    assert json.loads(nothing.stdout)["changes"] == []
    assert after.lost == 0, str(after)
    assert set(after.words) == {"first"}
