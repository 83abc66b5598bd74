"""A server with SmolLM2, and callers that count their tokens and the times at which they came."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.server.harness import free_port, stop

HERE = Path(__file__).parent
PEERS = HERE / "peers"
VENV = Path(os.environ.get("WORKADAY_BENCH_GENERATION_VENV", Path.home() / ".cache/workaday/bench-generation-venv"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
TOKENS = int(os.environ.get("BENCH_TOKENS", "64"))
CALLERS = 16
SUBJECTS = ("a lighthouse", "two brothers", "the last train", "a red umbrella", "an honest thief", "the old mill")


@dataclass(frozen=True)
class Served:
    """A running server's address."""

    url: str

    def ask(self, prompt: str, tokens: int, **more: Any) -> dict[str, Any]:
        body = {"prompt": prompt, "max_tokens": tokens, "temperature": 0, **more}
        answer = httpx.post(self.url, json=body, timeout=600)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def prompts(count: int) -> list[str]:
    """Return prompts that the model goes on from for a long time."""
    return [f"Chapter {index}. A long story about {SUBJECTS[index % len(SUBJECTS)]}:" for index in range(1, count + 1)]


@contextlib.contextmanager
def serving(folder: Path, max_batch: int, **config: Any) -> Iterator[Served]:
    """Start a server with SmolLM2 that generates `max_batch` answers at once, and end it."""
    port = free_port()
    entry = {
        "name": "story",
        "revision": "1",
        "route": "/story",
        "predictor": str(PEERS / "smollm2_predictor.py"),
        "config": config,
        "limits": {"concurrency": 32, "queue": 64, "timeout_seconds": 600},
        "generation": {"max_batch": max_batch},
    }
    file = folder / f"server-{port}.json"
    file.write_text(json.dumps({"version": 1, "port": port, "models": [entry]}))
    with (folder / "server.log").open("ab") as log:
        command = [sys.executable, "-m", "workaday_server", str(file)]
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        for _ in range(600):
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"http://127.0.0.1:{port}/v2/health/ready", timeout=10).status_code == 200:
                    break
            if process.poll() is not None:
                raise RuntimeError((folder / "server.log").read_text())
            time.sleep(0.2)
        yield Served(f"http://127.0.0.1:{port}/story")
    finally:
        stop(process)


async def stream(client: httpx.AsyncClient, url: str, prompt: str, tokens: int) -> list[float]:
    """Return when the request was sent, and when each piece came."""
    times = [time.perf_counter()]
    body = {"prompt": prompt, "max_tokens": tokens, "temperature": 0, "stream": True}
    async with client.stream("POST", url, json=body) as response:
        response.raise_for_status()
        times += [time.perf_counter() async for _ in response.aiter_lines()]
    return times


async def together(served: Served, texts: Sequence[str], tokens: int) -> list[list[float]]:
    async with httpx.AsyncClient(timeout=600, limits=httpx.Limits(max_connections=64)) as client:
        return list(await asyncio.gather(*(stream(client, served.url, each, tokens) for each in texts)))


async def rate(served: Served, texts: Sequence[str], tokens: int) -> float:
    """Return tokens a second of callers that ask together."""
    async with httpx.AsyncClient(timeout=600, limits=httpx.Limits(max_connections=64)) as client:
        begun = time.perf_counter()
        bodies = [{"prompt": each, "max_tokens": tokens, "temperature": 0} for each in texts]
        answers = await asyncio.gather(*(client.post(served.url, json=each) for each in bodies))
        seconds = time.perf_counter() - begun
    return float(sum(each.json()["tokens"] for each in answers) / seconds)


def spread(figures: Sequence[float], digits: int = 2) -> str:
    """Return a median and its range."""
    middle, low, high = statistics.median(figures), min(figures), max(figures)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
