"""Servers under load: how one is started, loaded with wrk and stopped; how rounds become ratios."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
PEERS = HERE / "peers"
VENV = Path(os.environ.get("WORKADAY_BENCH_VENV", Path.home() / ".cache/workaday/bench-venv"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "2"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
OURS = "workaday"


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
    """What wrk sends: a script and the first request's body and headers, and how many connections there are."""

    script: Path
    connections: int


def peer(*command: str) -> list[str]:
    return [str(VENV / "bin/python"), *command]


def ours(folder: Path, name: str, setup: str, path: str, **model: object) -> Contender:
    """Return this server with one model; `model` is its entry in the configuration."""
    entry = {"name": name, "revision": "1", **model}
    file = folder / f"{name}-{re.sub('[^a-z0-9]+', '-', setup)}.json"
    file.write_text(json.dumps({"version": 1, "port": 0, "models": [entry]}))
    return Contender(OURS, setup, [sys.executable, "-m", "workaday_server", str(file)], path)


def lua(folder: Path, name: str, bodies: Sequence[bytes], headers: dict[str, str]) -> Path:
    """Write a script that sends the bodies in turn."""
    for index, body in enumerate(bodies):
        (folder / f"{name}.{index}.body").write_bytes(body)
    lines = ['wrk.method = "POST"', *(f'wrk.headers["{key}"] = "{value}"' for key, value in headers.items())]
    lines += [
        "local bodies, at = {}, 0",
        f"for index = 1, {len(bodies)} do",
        f'  local file = io.open("{folder}/{name}." .. (index - 1) .. ".body", "rb")',
        '  bodies[index] = file:read("*a")',
        "  file:close()",  # wrk counts descriptors, and refuses those past what its connections need
        "end",
        "wrk.body = bodies[1]",
    ]
    if len(bodies) > 1:
        lines += [
            "function request()",
            "  at = at % #bodies + 1",
            "  return wrk.format(nil, nil, nil, bodies[at])",
            "end",
        ]
    script = folder / f"{name}.lua"
    script.write_text("\n".join(lines) + "\n")
    return script


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(contender: Contender, folder: Path, script: Path) -> Iterator[tuple[str, int]]:
    """Start a server in a process group of its own; give its URL and process once it answers the first request."""
    port = free_port()
    command = [str(port) if each == "port" else each for each in contender.command]
    if contender.server == OURS:
        config = json.loads(Path(command[-1]).read_text()) | {"port": port}
        Path(command[-1]).write_text(json.dumps(config))
    env = {**os.environ, "PYTHONPATH": str(PEERS), "OMP_WAIT_POLICY": "PASSIVE", **contender.env}
    if contender.server != OURS:  # torch's own setting is each thread's, and not every peer computes in its first
        env["OMP_NUM_THREADS"] = "1"
    with (folder / f"{contender.server}.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=PEERS, env=env, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}{contender.path}"
    try:
        _until_answered(url, script, process)
        yield url, process.pid
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server and what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _until_answered(url: str, script: Path, process: subprocess.Popen[bytes]) -> None:
    headers = dict(re.findall(r'wrk\.headers\["(.+?)"\] = "(.+?)"', script.read_text()))
    request = urllib.request.Request(url, script.with_suffix(".0.body").read_bytes(), headers)
    reason: object = "no answer"
    for _ in range(300):
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


def rate(url: str, load: Load, seconds: int = SECONDS) -> float:
    """Return requests a second.

    Raises:
        RuntimeError: an answer was not 2xx, or a socket failed.
    """
    command = ["wrk", "-t1", f"-c{load.connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(load.script), url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(f"{url}: {said}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found, said
    return float(found[1])


Rates = dict[tuple[str, str], list[list[float]]]  # by server and set-up: a list per load, a figure per round


def cpu_seconds(process: int) -> float:
    """Return what a process, without its children, has computed so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def alternate(
    contenders: list[Contender],
    loads: list[Load],
    folder: Path,
    rounds: int = ROUNDS,
    costs: Rates | None = None,
) -> Rates:
    """Start every server, then load one after another, round after round: what else the machine does hits all alike.

    `costs`, where given, gets the requests for each second that the server's own process computed: on a machine that
    is not idle, who has more threads gets more of it, and only this figure does not care.
    """
    rates: Rates = {}
    with contextlib.ExitStack() as stack:
        urls = []
        for each in contenders:
            try:
                urls.append((each, *stack.enter_context(running(each, folder, loads[0].script))))
                rate(urls[-1][1], Load(loads[0].script, 4), 1)  # warm
                for figures in (rates, costs if costs is not None else {}):
                    figures[each.server, each.setup] = [[] for _ in loads]
            except RuntimeError as error:
                urls = [known for known in urls if known[0] is not each]
                print(f"  {each.server}, {each.setup}: not measured: {error}", flush=True)
        for _ in range(rounds):
            for index, load in enumerate(loads):
                for each, url, process in urls:
                    before = cpu_seconds(process)
                    rates[each.server, each.setup][index].append(found := rate(url, load))
                    if costs is not None:
                        computed = max(cpu_seconds(process) - before, 0.01)
                        costs[each.server, each.setup][index].append(found * SECONDS / computed)
    return rates


def report(title: str, rates: Rates, loads: list[Load], costs: Rates | None = None) -> None:
    """Print each set-up's median rate, and our best over each peer's best as the median of the rounds' ratios.

    `costs` is `alternate`'s, of peers that are one process.
    """
    print(f"\n{title}: requests a second at {' / '.join(str(load.connections) for load in loads)} connections")
    for (server, setup), figures in rates.items():
        print(f"  {server}, {setup}: {' / '.join(f'{statistics.median(each):,.0f}' for each in figures)}")
    for server in dict.fromkeys(server for server, _ in rates if server != OURS):
        for what, figures in (("", rates), (", for each second computed", costs)):
            if figures is None:
                continue
            ratios = [best_to_best(figures, server, index) for index in range(len(loads))]
            said = (f"{statistics.median(each):.2f} ({min(each):.2f} to {max(each):.2f})" for each in ratios)
            print(f"  best to {server}'s best{what}: {' / '.join(said)}", flush=True)


def best_to_best(rates: Rates, server: str, load: int) -> list[float]:
    """Return each round's ratio of our best set-up to the peer's."""
    of = {who: [figures[load] for (name, _), figures in rates.items() if name == who] for who in (OURS, server)}
    best = {who: [max(setups) for setups in zip(*figures, strict=True)] for who, figures in of.items()}
    return [mine / theirs for mine, theirs in zip(best[OURS], best[server], strict=True)]


def prepare() -> None:
    """Make the peers' environment where it is not there; say what is missing."""
    if not shutil.which("wrk"):
        sys.exit("wrk is missing; install it with your system's package manager")
    if not (VENV / "bin/python").exists():
        print(f"installing the peers into {VENV}")
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        pip = [str(VENV / "bin/python"), "-m", "pip", "install", "--quiet", "-r", str(PEERS / "requirements.txt")]
        subprocess.run(pip, check=True)
