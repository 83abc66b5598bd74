"""What a step of a pipeline costs by itself: `python -m bench pipelines`.

A chain of eight steps beside a chain of one, of a model that gives back what it got, one caller on one connection: the
difference by seven is a step. In process that is all of it, the model's queue and thread too; over HTTP the same
request made by a client straight to the model is taken off.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.server.harness import VENV

HERE = Path(__file__).parent
RAY = Path(os.environ.get("WORKADAY_RAY_VENV", Path.home() / ".cache/workaday/ray-venv"))
STEPS = 8
CALLS = int(os.environ.get("BENCH_CALLS", "200"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
START_SECONDS = 90
ECHO = (
    "class Predictor:\n    def __init__(self, config): ...\n    def predict(self, payload):\n        return payload\n"
)
BODY = json.dumps({"payload": [round(number / 128, 4) for number in range(128)]}).encode()
Ask = Callable[[], None]


def chain(name: str, length: int, url: str | None) -> dict[str, Any]:
    steps = [
        {"name": f"s{place}", "model": "echo", "url": url, "after": [f"s{place - 1}"], "input": f"s{place - 1}"}
        if place
        else {"name": "s0", "model": "echo", "url": url}
        for place in range(length)
    ]
    return {"name": name, "revision": "1", "route": f"/{name}", "output": f"s{length - 1}", "steps": steps}


def server(folder: Path, port: int, *pipelines: dict[str, Any]) -> list[str]:
    (folder / "predictor.py").write_text(ECHO)
    model = {"name": "echo", "revision": "1", "predictor": "predictor.py", "route": "/echo"}
    config = {"version": 1, "port": port, "models": [model], "pipelines": list(pipelines)}
    file = folder / f"{port}.json"
    file.write_text(json.dumps(config))
    return [sys.executable, "-m", "workaday_server", str(file)]


@contextmanager
def running(command: list[str], port: int, path: str, body: bytes, **env: str) -> Iterator[bool]:
    """Run a server; yields whether it answers."""
    process = subprocess.Popen(
        command, cwd=HERE / "peers", env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield answers(process, port, path, body)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(process: subprocess.Popen[bytes], port: int, path: str, body: bytes) -> bool:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up and process.poll() is None:
        try:
            asker(port, path, body)()
        except (OSError, http.client.HTTPException, AssertionError):
            time.sleep(0.2)
        else:
            return True
    return False


def asker(port: int, path: str, body: bytes = BODY) -> Ask:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask() -> None:
        try:
            connection.request("POST", path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
        except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
            connection.close()  # some peers end a connection after each answer
            connection.request("POST", path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status

    return ask


def alternate(asks: dict[str, Ask]) -> dict[str, list[float]]:
    """Return each one's median seconds, a round each, in turns: so that a busy moment falls on all."""
    found: dict[str, list[float]] = {name: [] for name in asks}
    for _ in range(ROUNDS):
        for name, ask in asks.items():
            times = []
            for _ in range(CALLS):
                began = time.perf_counter()
                ask()
                times.append(time.perf_counter() - began)
            found[name].append(statistics.median(times))
    return found


def step(long: list[float], short: list[float]) -> list[float]:
    return [(each - one) / (STEPS - 1) for each, one in zip(long, short, strict=True)]


def show(what: str, seconds: list[float], limit: str = "") -> None:
    low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
    print(f"{what:<52} {middle * 1e3:7.3f} ms   ({low * 1e3:.3f} to {high * 1e3:.3f}) {limit}")


def peers(port: int) -> Iterator[tuple[str, list[str], str, str, bytes, bytes]]:
    """Yield each peer that is installed: name, command, paths and bodies of one step and of all."""
    python = VENV / "bin/python"
    if (VENV / "bin/bentoml").exists():
        options = ["--host", "127.0.0.1", "--port", str(port)]
        one, every = (
            json.dumps({"payload": {"row": json.loads(BODY)["payload"]}, "steps": n}).encode() for n in (1, STEPS)
        )
        command = [str(python), "-m", "bentoml", "serve", "graph_bentoml:Chain", *options]
        yield "BentoML, a service that depends on another", command, "/chain", "/chain", one, every
    if (RAY / "bin/ray").exists():
        command = [str(RAY / "bin/python"), "graph_ray.py"]
        yield "Ray Serve, a deployment by its handle", command, "/?steps=1", f"/?steps={STEPS}", BODY, BODY


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, first, second = Path(name), 28731, 28733
        url = f"http://127.0.0.1:{second}/echo"
        pipelines = [
            chain("here1", 1, None),
            chain("here8", STEPS, None),
            chain("http1", 1, url),
            chain("http8", STEPS, url),
        ]
        elsewhere = running(server(folder, second), second, "/echo", BODY)
        with elsewhere, running(server(folder, first, *pipelines), first, "/http8", BODY) as up:
            assert up, "our server does not answer"
            asks = {each["name"]: asker(first, each["route"]) for each in pipelines}
            own = alternate({**asks, "model": asker(second, "/echo")})
        inside, over = step(own["here8"], own["here1"]), step(own["http8"], own["http1"])
        show("ours, a step in process", inside, "at most 1 ms")
        show("ours, a step over HTTP, with the model's answer", over)
        show("the model alone, asked over HTTP", own["model"])
        show(
            "ours, a step over HTTP, its own cost",
            [a - b for a, b in zip(over, own["model"], strict=True)],
            "at most 3 ms",
        )
        for peer, command, short, long, one, every in peers(second):
            with running(command, second, short, one, PORT=str(second)) as up:
                if not up:
                    print(f"{peer}: does not start here")
                    continue
                theirs = alternate({"one": asker(second, short, one), "all": asker(second, long, every)})
            cost = step(theirs["all"], theirs["one"])
            show(f"{peer}: a step", cost)
            print(f"  ours over HTTP by theirs: {statistics.median(over) / statistics.median(cost):.2f}")


if __name__ == "__main__":
    main()
