"""The server against its peers, one after another on this machine, under wrk: `python -m bench server`.

Peers live in a virtual environment of their own, made on the first run (`WORKADAY_BENCH_VENV`, or
~/.cache/workaday/bench-venv). Every rate is the best of `ROUNDS`, which go round the servers' variants.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PEERS = Path(__file__).parent / "peers"
VENV = Path(os.environ.get("WORKADAY_BENCH_VENV", Path.home() / ".cache/workaday/bench-venv"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "4"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "2"))
ROW = [round(number / 128, 4) for number in range(128)]
SHAPE = [1, 3, 224, 224]
V1, V2 = "/v1/models/mlp:predict", "/v2/models/mlp/infer"


@dataclass(frozen=True)
class Contender:
    """A server in one of its set-ups; `port` in the command stands for the port it is given."""

    server: str
    setup: str
    command: list[str]
    path: str
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Load:
    """What wrk sends."""

    script: Path
    connections: int


def peer(*command: str) -> list[str]:
    return [str(VENV / "bin/python"), *command]


def ours(folder: Path, setup: str, path: str, batching: dict[str, object] | None) -> Contender:
    model = {"name": "mlp", "revision": "1", "predictor": str(PEERS / "predictor.py"), "batching": batching}
    config = {"version": 1, "port": 0, "models": [model]}
    file = folder / f"{setup.replace(' ', '-').replace(',', '')}.json"
    file.write_text(json.dumps(config))
    return Contender("workaday", setup, [sys.executable, "-m", "workaday_server", str(file)], path)


def mlp(folder: Path) -> list[Contender]:
    batch = {"BATCH": "16"}
    return [
        ours(folder, "batching 16, 2 ms", V1, {"max_size": 16, "max_wait_seconds": 0.002}),
        ours(folder, "unbatched", V1, None),
        Contender("kserve", "logging off", peer("kserve_sdk.py", "--http_port", "port", "--enable_grpc", "false"), V1),
        Contender(
            "mosec", "unbatched", peer("mosec_server.py", "--address", "127.0.0.1", "--port", "port"), "/inference"
        ),
        Contender(
            "mosec",
            "batching 16, 2 ms",
            peer("mosec_server.py", "--address", "127.0.0.1", "--port", "port"),
            "/inference",
            batch,
        ),
        Contender("litserve", "unbatched", peer("litserve_server.py", "port"), "/predict"),
        Contender("litserve", "batching 16, 2 ms", peer("litserve_server.py", "port"), "/predict", batch),
        Contender(
            "bentoml",
            "unbatched",
            peer("-m", "bentoml", "serve", "bentoml_service:Mlp", "--host", "127.0.0.1", "--port", "port"),
            "/predict",
        ),
    ]


def tensor(folder: Path) -> list[Contender]:
    asgi = peer("-m", "uvicorn", "bare_asgi:app", "--port", "port", "--no-access-log", "--log-level", "error")
    return [
        ours(folder, "unbatched", V2, None),
        Contender("bare ASGI", "uvicorn", asgi, V2),
        Contender("kserve", "logging off", peer("kserve_sdk.py", "--http_port", "port", "--enable_grpc", "false"), V2),
    ]


def lua(folder: Path, name: str, body: bytes, headers: dict[str, str]) -> Path:
    (folder / f"{name}.body").write_bytes(body)
    lines = ['wrk.method = "POST"', f'local file = io.open("{folder}/{name}.body", "rb")', 'wrk.body = file:read("*a")']
    lines += [f'wrk.headers["{key}"] = "{value}"' for key, value in headers.items()]
    script = folder / f"{name}.lua"
    script.write_text("\n".join(lines) + "\n")
    return script


def scripts(folder: Path) -> tuple[Path, Path]:
    row = json.dumps({"instances": [ROW]}).encode()
    size = 4 * 3 * 224 * 224
    entry = {"name": "x", "shape": SHAPE, "datatype": "FP32", "parameters": {"binary_data_size": size}}
    head = json.dumps({"inputs": [entry]}).encode()
    binary = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
    return (
        lua(folder, "row", row, {"Content-Type": "application/json"}),
        lua(folder, "tensor", head + bytes(size), binary),
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(contender: Contender, folder: Path, script: Path) -> Iterator[str]:
    """Start a server in a process group of its own; give its URL once it answers the load's request."""
    port = free_port()
    command = [str(port) if each == "port" else each for each in contender.command]
    if contender.server == "workaday":
        config = json.loads(Path(command[-1]).read_text()) | {"port": port}
        Path(command[-1]).write_text(json.dumps(config))
    env = {**os.environ, "PYTHONPATH": str(PEERS), "OMP_WAIT_POLICY": "PASSIVE", **contender.env}
    if contender.server != "workaday":  # torch's own setting is each thread's, and not every peer computes in its first
        env["OMP_NUM_THREADS"] = "1"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=PEERS, env=env, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}{contender.path}"
    try:
        _until_answered(url, script, process)
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _until_answered(url: str, script: Path, process: subprocess.Popen[bytes]) -> None:
    headers = dict(re.findall(r'wrk\.headers\["(.+?)"\] = "(.+?)"', script.read_text()))
    request = urllib.request.Request(url, script.with_suffix(".body").read_bytes(), headers)
    reason: object = "no answer"
    for _ in range(150):
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                if answer.status == 200:
                    return
        except (OSError, urllib.error.HTTPError) as error:
            reason = error
            if isinstance(error, urllib.error.HTTPError) and error.code in (400, 422):
                break  # it is up, and does not take what it is sent
        if process.poll() is not None:
            reason = f"it ended with {process.returncode}"
            break
        time.sleep(0.2)
    raise RuntimeError(f"{url}: {reason}")


def rate(url: str, load: Load) -> float:
    command = ["wrk", "-t1", f"-c{load.connections}", f"-d{SECONDS}s", "-s", str(load.script), url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        raise RuntimeError(f"{url}: {said}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found, said
    return float(found[1])


def measure(title: str, contenders: list[Contender], loads: list[Load], folder: Path) -> None:
    """Print each server's best rate under each load, and ours as a multiple of it."""
    best: dict[str, list[float]] = {}
    print(f"\n{title}, requests a second at {' / '.join(str(load.connections) for load in loads)} connections")
    for _ in range(ROUNDS):
        for contender in contenders:
            try:
                with running(contender, folder, loads[0].script) as url:
                    rate(url, Load(loads[0].script, 1))  # warm
                    rates = [rate(url, load) for load in loads]
            except RuntimeError as error:
                print(f"  {contender.server}, {contender.setup}: not measured: {error}")
                continue
            print(
                f"  {contender.server}, {contender.setup}: {' / '.join(f'{each:,.0f}' for each in rates)}", flush=True
            )
            known = best.setdefault(contender.server, rates)
            best[contender.server] = [max(pair) for pair in zip(known, rates, strict=True)]
    own = best.pop("workaday")
    for server, rates in best.items():
        ratios = " / ".join(f"{mine / theirs:.2f}" for mine, theirs in zip(own, rates, strict=True))
        print(f"  workaday's best to {server}'s best: {ratios}")


def prepare() -> None:
    """Make the peers' environment where it is not there; say what is missing."""
    if not shutil.which("wrk"):
        sys.exit("wrk is missing; install it with your system's package manager")
    if not (VENV / "bin/python").exists():
        print(f"installing the peers into {VENV}")
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        pip = [str(VENV / "bin/python"), "-m", "pip", "install", "--quiet", "-r", str(PEERS / "requirements.txt")]
        subprocess.run(pip, check=True)


def main() -> None:
    prepare()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no server is left behind
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        row, image = scripts(folder)
        measure("MLP 128-256-10, JSON", mlp(folder), [Load(row, 1), Load(row, 16)], folder)
        measure("1x3x224x224 float32, V2 binary", tensor(folder), [Load(image, 1), Load(image, 4)], folder)


if __name__ == "__main__":
    main()
