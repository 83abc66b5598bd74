"""Rules by promtool, one unit test each; every query of a dashboard or a rule, answered by a real Prometheus.

Real: two model servers with requests, one of them a generator; node exporter; Prometheus with the rules as they are
rendered. Not: kube-state-metrics, DCGM, Karpenter, KEDA and cert-manager, whose metrics a stand-in says by pinned
names, and CUDA, which a module of the predictor's claims. Shorter than rendered: how often rules are evaluated.
"""

from __future__ import annotations

import json
import math
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import drawings
import httpx
import promised
import pytest
import yaml
from load.debian import Debian, Program
from plane.processes import until
from plane.testing import Apply
from standin import POD, exporter
from tiny_models import LLAMA, published
from watching import NAMESPACE, SELECTOR, groups, manifests, metrics_of, queries, rules

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

STORY = """\
import sys, time, types
cuda = types.SimpleNamespace(is_initialized=lambda: True, device_count=lambda: 1,
                             memory_allocated=lambda i: 7 << 30, memory_reserved=lambda i: 8 << 30)
sys.modules["torch"] = types.SimpleNamespace(cuda=cuda, set_num_threads=lambda n: None)

class Predictor:
    reference = {"label": {"cat": 0.5, "dog": 0.5}, "score": {0.5: 0.5, float("inf"): 0.5}}
    def __init__(self, config): ...
    def predict(self, payload):
        if payload == "bad":
            raise ValueError("bad")
        time.sleep(0.005)
        return {"label": payload, "score": 0.9 if payload == "cat" else 0.1}
    def observe(self, answer):
        return answer
"""
WRITER = "from workaday_server.generation import TextGenerator\nclass Predictor(TextGenerator): pass\n"
SECONDS = float(os.environ.get("WORKADAY_PICTURE_SECONDS", "25"))


@pytest.fixture(name="prometheus-node-exporter", scope="module")
def node_exporter(debian: Debian) -> Program:
    """Node exporter, of Debian's package."""
    return debian("prometheus-node-exporter")


@pytest.fixture
def promtool(prometheus: Program) -> Path:
    return prometheus.path.with_name("promtool")


def run(*command: str | Path) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_reads_every_rule(promtool: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": groups()}))
    run(promtool, "check", "rules", "--lint-fatal", tmp_path / "rules.yaml")


def test_every_alert_is_tried(promtool: Path) -> None:
    tried = {alert for case in promised.CASES for alert in case.fires}
    assert tried == {rule["alert"] for rule in rules() if "alert" in rule}


@pytest.mark.parametrize("case", promised.CASES, ids=lambda case: case.name)
def test_rules_fire_and_do_not(case: promised.Case, promtool: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": groups()}))
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(promised.document(case, rules())))
    run(promtool, "test", "rules", tmp_path / "test.yaml")


def test_the_api_server_takes_it(apply: Apply) -> None:
    for kind in ("webhook", "slack", "pagerduty"):
        found = manifests(receiver={"kind": kind, "secret": "pager"})
        apply([_anywhere(each) for each in found], dry_run=True)


def _anywhere(manifest: dict[str, Any]) -> dict[str, Any]:
    meta = {key: value for key, value in manifest["metadata"].items() if key != "namespace"}
    return manifest | {"metadata": meta}


class Watch:
    """Prometheus, and how to ask it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **params: str | float) -> Any:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=params, timeout=30, trust_env=False)
        assert answer.status_code == 200, f"{params}: {answer.text}"
        return answer.json()["data"]

    def ask(self, query: str) -> list[float]:
        """Return the numbers that a query yields now; NaN is none."""
        found = [float(each["value"][1]) for each in self.get("query", query=query)["result"]]
        return [each for each in found if not math.isnan(each)]


@contextmanager
def process(log: Path, *command: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for the length of a block."""
    with log.open("wb") as file:
        running = subprocess.Popen(
            list(map(str, command)), stdout=file, stderr=file, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
    try:
        yield running
    finally:
        running.terminate()
        running.wait(30)


def serve(folder: Path, port: int, name: str, code: str, **more: Any) -> list[str | Path]:
    """Write a server's configuration; returns what starts it."""
    (folder / name).mkdir()
    (folder / name / "predictor.py").write_text(code)
    model = {"name": name, "revision": "1", "predictor": f"{name}/predictor.py", "route": f"/{name}", **more}
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"version": 1, "port": port, "state_file": None, "models": [model]}))
    return [sys.executable, "-m", "workaday_server", path]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def answers(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(url, timeout=5, trust_env=False).status_code == 200
    return False


def ask_for_ever(ports: tuple[int, int], ended: threading.Event) -> None:
    """Ask both models: the first nine times well and once badly, with more cats than there were."""
    with httpx.Client(timeout=30, trust_env=False) as client:
        for number in range(10**9):
            if ended.wait(0.02):
                return
            payload = "bad" if number % 40 == 39 else "dog" if number % 4 == 3 else "cat"
            client.post(f"http://127.0.0.1:{ports[0]}/story", json=payload)
            if number % 20 == 0:
                prompt = {"prompt": "Once", "max_tokens": 8, "temperature": 0}
                client.post(f"http://127.0.0.1:{ports[1]}/writer", json=prompt)


def configuration(folder: Path, ports: dict[str, int]) -> Path:
    """Write what Prometheus scrapes, as PodMonitors have it labelled, and the rules, evaluated every second."""
    often = [{key: value for key, value in group.items() if key != "interval"} for group in groups()]
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": often}))
    labels = {
        "story": {"namespace": NAMESPACE, "pod": POD},
        "writer": {"namespace": NAMESPACE, "pod": "writer-predictor-6c5-9q8wd"},
    }
    jobs = [
        {
            "job_name": name,
            "honor_labels": True,
            "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": labels.get(name, {})}],
        }
        for name, port in ports.items()
    ]
    every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    path = folder / "prometheus.yml"
    path.write_text(
        yaml.safe_dump({"global": every, "rule_files": [str(folder / "rules.yaml")], "scrape_configs": jobs})
    )
    return path


@pytest.fixture(scope="module")
def watch(
    prometheus: Program, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watch]:
    """Two servers, node exporter and the stand-in, asked and scraped for a while."""
    node: Program = request.getfixturevalue("prometheus-node-exporter")
    folder = tmp_path_factory.mktemp("watch")
    weights = published(tmp_path_factory.mktemp("llama"), LLAMA)
    story, writer, machine, own = (free_port() for _ in range(4))
    limits = {"concurrency": 4, "queue": 4}
    ended = threading.Event()
    with (
        process(folder / "story.log", *serve(folder, story, "story", STORY, promise_seconds=3)),
        process(folder / "writer.log", *serve(folder, writer, "writer", WRITER, weights=str(weights), limits=limits)),
        process(folder / "node.log", node.path, f"--web.listen-address=127.0.0.1:{machine}"),
        exporter() as others,
    ):
        for port in (story, writer):
            until("a model", lambda port=port: answers(f"http://127.0.0.1:{port}/v2/health/ready"))
        path = configuration(folder, {"story": story, "writer": writer, "node": machine, "others": others})
        command = [prometheus.path, f"--config.file={path}", f"--storage.tsdb.path={folder / 'data'}"]
        with process(folder / "prometheus.log", *command, f"--web.listen-address=127.0.0.1:{own}"):
            asking = threading.Thread(target=ask_for_ever, args=((story, writer), ended))
            asking.start()
            try:
                found = Watch(f"http://127.0.0.1:{own}")
                until("Prometheus", lambda: answers(f"{found.url}/-/ready"))
                until("requests", lambda: found.ask(f'rate(workaday_requests_total{{pod="{POD}"}}[1m]) > 0'))
                time.sleep(SECONDS)
                yield found
            finally:
                ended.set()
                asking.join()


@pytest.mark.usefixtures("prometheus-node-exporter")
def test_every_query_of_a_dashboard_has_an_answer(watch: Watch) -> None:
    asked = list(queries())
    assert len(asked) >= 50
    silent = []
    for file, title, legend, query in asked:
        try:
            until(query, lambda query=query: watch.ask(query), 30)
        except Exception:
            silent.append((file, title, legend, query))
    assert silent == []


@pytest.mark.usefixtures("prometheus-node-exporter")
def test_every_rule_is_about_something(watch: Watch) -> None:
    state = watch.get("rules")["groups"]
    assert [each["lastError"] for group in state for each in group["rules"] if each["health"] != "ok"] == []
    for rule in rules():
        if "record" in rule:
            until(rule["record"], lambda rule=rule: watch.ask(rule["record"]), 30)
            continue
        for name in metrics_of(rule["expr"]):
            chosen = [match.group() for match in SELECTOR.finditer(rule["expr"]) if match.group(1) == name]
            assert any(watch.ask(each) for each in chosen), f"{rule['alert']}: nothing says {chosen}"


@pytest.mark.usefixtures("prometheus-node-exporter")
def test_what_it_says_is_so(watch: Watch) -> None:
    until("a price", lambda: watch.ask('workaday:model:usd_per_1000_requests{model="story"}'))
    assert watch.ask('workaday:model:usd_hour{model="story"}') == [pytest.approx(0.4)]
    assert watch.ask('workaday:model:usd_hour{model="writer"}') == [pytest.approx(0.05)]
    assert watch.ask("sum(workaday:node:usd_hour)") == [pytest.approx(1.4)]
    # one request in forty fails
    assert watch.ask('workaday:errors:ratio_rate5m{model="story"}')[0] == pytest.approx(1 / 40, rel=0.5)
    assert watch.ask('workaday:slow:ratio_rate5m{model="story"}') == [pytest.approx(0, abs=0.01)]
    # three cats to a dog, where there was one: (3/4 - 1/2) ln(3/2) + (1/4 - 1/2) ln(1/2)
    index = 0.25 * math.log(1.5) - 0.25 * math.log(0.5)
    assert watch.ask('workaday:answer:psi1d{name="label"}')[0] == pytest.approx(index, rel=0.2)
    firing = watch.ask('ALERTS{alertname="WorkadayAvailabilityBurn",alertstate="firing"}')
    assert len(firing) == 3


@pytest.mark.usefixtures("prometheus-node-exporter")
def test_pictures_of_it(watch: Watch, tmp_path: Path) -> None:
    kept = os.environ.get("WORKADAY_PICTURES")
    for name, text in drawings.draw(watch.get, SECONDS).items():
        path = Path(kept or tmp_path) / name
        path.write_text(text)
        assert path.stat().st_size < 200_000
        assert len(re.findall("<polyline", text)) > 5
