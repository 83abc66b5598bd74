"""Ten minutes of mixed traffic, and a thousand callers that leave in the middle of a stream: nothing stays behind."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

MINUTES = float(os.environ.get("WORKADAY_SOAK_MINUTES", "10"))
CALLERS = 24
LEAVERS = 1000
GROWTH_BYTES = 16 << 20
CODE = "from workaday_server.generation import TextGenerator\nclass Predictor(TextGenerator):\n    pass\n"
PROMPTS = ("x", "Once upon a time", "The quick brown fox. " * 12)


def start(server: Any, weights: Path) -> None:
    limits = {"concurrency": 16, "queue": 16, "timeout_seconds": 30}
    generation = {"max_batch": 16, "kv_cache_bytes": 2_000_000}
    server.model("story", CODE, weights=str(weights), limits=limits, generation=generation, config={"threads": 1})
    server.start(OMP_NUM_THREADS="1", MALLOC_ARENA_MAX="2")


def empty(server: Any) -> bool:
    names = (
        'generation_sequences{model="story",state="running"}',
        'generation_sequences{model="story",state="waiting"}',
        'generation_kv_cache_bytes{model="story",kind="used"}',
        'in_flight{model="story"}',
    )
    return all(server.metric(f"workaday_{each}") == 0 for each in names)


async def leave(client: httpx.AsyncClient, url: str, chance: random.Random) -> None:
    """Ask for a long stream, and leave after a few of its pieces."""
    body = {"prompt": chance.choice(PROMPTS), "max_tokens": 200, "stream": True}
    async with client.stream("POST", url, json=body) as response:
        pieces = chance.randrange(5)
        async for _ in response.aiter_lines():
            if pieces == 0:
                return
            pieces -= 1


async def test_a_thousand_callers_that_leave_in_the_middle(server: Any, llama: Path) -> None:
    start(server, llama)
    chance, seats = random.Random(1), asyncio.Semaphore(CALLERS)

    async def one(client: httpx.AsyncClient) -> None:
        async with seats:
            await leave(client, f"{server.url}/story", chance)

    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_keepalive_connections=0)) as client:
        await asyncio.gather(*(one(client) for _ in range(LEAVERS)))
    await asyncio.to_thread(server.until, lambda: empty(server))
    answer = await asyncio.to_thread(server.post, "/story", {"prompt": "x", "max_tokens": 4, "temperature": 0})
    assert answer.json()["tokens"] == 4


@pytest.mark.soak
@pytest.mark.timeout(int(MINUTES * 60) + 300)
async def test_mixed_traffic_leaves_memory_flat(server: Any, llama: Path) -> None:
    start(server, llama)
    end, answers, memory = time.monotonic() + MINUTES * 60, Counter[int | str](), []

    async def call(client: httpx.AsyncClient, chance: random.Random) -> None:
        while time.monotonic() < end:
            kind = chance.randrange(5)
            body = {
                "prompt": chance.choice(PROMPTS),
                "max_tokens": chance.randrange(1, 150),
                "seed": chance.randrange(9),
            }
            if kind == 0:
                await leave(client, f"{server.url}/story", chance)
                answers["left"] += 1
                continue
            if kind == 1:
                body = {"prompt": "x" * chance.randrange(500, 700)}
            if kind == 2:
                body = {**body, "stop": ["a", "é"]}
            headers = {"x-request-timeout": "0.2"} if kind == 3 else {}
            found = await client.post(f"{server.url}/story", json=body, headers=headers)
            answers[found.status_code] += 1

    async def watch() -> None:
        assert server.process
        statm = Path(f"/proc/{server.process.pid}/statm")
        while time.monotonic() < end:
            memory.append(int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
            await asyncio.sleep(1)

    async with httpx.AsyncClient(timeout=60) as client:
        await asyncio.gather(watch(), *(call(client, random.Random(each)) for each in range(CALLERS)))
    quarter = len(memory) // 4
    growth = statistics.median(memory[-quarter:]) - statistics.median(memory[quarter : 2 * quarter])
    print(f"\n{dict(answers)}; memory from {memory[quarter] >> 20} to {memory[-1] >> 20} MiB")
    assert set(answers) <= {200, 400, 429, 504, "left"}
    assert answers[200] > MINUTES * 60
    assert growth < GROWTH_BYTES
    await asyncio.to_thread(server.until, lambda: empty(server))
    assert server.stop() == 0
