"""A rollout as a load balancer sees it: it stops sending once readiness says no, which it notices a little late."""
# ruff: noqa: E501 -- predictors as one-line texts

from __future__ import annotations

import asyncio
import signal
import statistics
from collections import Counter
from collections.abc import Awaitable

import httpx
import pytest

from .conftest import Server

WORK = "import time\nclass Predictor:\n    def __init__(self, config):\n        pass\n    def predict(self, payload):\n        time.sleep(payload)\n        return payload\n"
CLIENTS = 50
EACH_PER_SECOND = 4  # 200 requests a second in all
PROBE_SECONDS = 0.2
WARM_SECONDS = 1.5
ROLLOUTS = 50
ENOUGH = 6.0  # seconds in which the balancer has surely noticed, on a busy machine too


class Balancer:
    """Fifty clients at a steady rate towards one endpoint, until a probe finds it not ready."""

    def __init__(self, url: str) -> None:
        self.sent = 0
        self.outcomes: Counter[str] = Counter()
        self._url = url
        self._out = asyncio.Event()
        limits = httpx.Limits(max_connections=CLIENTS + 1, max_keepalive_connections=CLIENTS + 1)
        self._client = httpx.AsyncClient(timeout=30, limits=limits, verify=False)

    async def run(self, after_warm_up: Awaitable[None]) -> None:
        async with self._client:
            clients = [self._send_steadily(number / CLIENTS / EACH_PER_SECOND) for number in range(CLIENTS)]
            await asyncio.gather(self._probe(), after_warm_up, *clients)

    async def _probe(self) -> None:
        while not self._out.is_set():
            await asyncio.sleep(PROBE_SECONDS)
            if await self._outcome("GET", "/v2/health/ready") != "200":
                self._out.set()

    async def _send_steadily(self, offset: float) -> None:
        clock = asyncio.get_running_loop().time
        due = clock() + offset
        while not self._out.is_set():
            await asyncio.sleep(max(0.0, due - clock()))
            due += 1 / EACH_PER_SECOND
            if not self._out.is_set():
                self.sent += 1
                self.outcomes[await self._outcome("POST", "/a", json=0.1)] += 1

    async def _outcome(self, method: str, path: str, **more: object) -> str:
        try:
            return str((await self._client.request(method, self._url + path, **more)).status_code)
        except httpx.HTTPError as error:
            return type(error).__name__


async def rollout(server: Server, drain_seconds: float) -> Balancer:
    server.config["drain_seconds"] = drain_seconds
    server.model("a", WORK, limits={"concurrency": CLIENTS})
    server.start()

    async def end() -> None:
        await asyncio.sleep(WARM_SECONDS)
        while balancer.sent < CLIENTS * EACH_PER_SECOND * WARM_SECONDS / 2:  # on a busy machine it takes longer
            await asyncio.sleep(0.05)
        server.signal(signal.SIGTERM)

    balancer = Balancer(server.url)
    try:
        await balancer.run(end())
        assert await asyncio.to_thread(server.process.wait, 30) == 0
    finally:
        server.process.kill()
    return balancer


async def test_sigterm_under_200_requests_a_second_of_50_clients_loses_none(server) -> None:
    balancer = await rollout(server, drain_seconds=2)
    assert balancer.outcomes == {"200": balancer.sent}


async def test_without_the_drain_delay_the_same_rollout_loses_requests(server) -> None:
    """The proof that the test above can fail: requests that come before the probe has noticed are refused."""
    balancer = await rollout(server, drain_seconds=0)
    assert balancer.outcomes["200"] < balancer.sent


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_fifty_rollouts_lose_none_and_fifty_without_the_drain_delay_lose_some_each(tmp_path, free_port) -> None:
    sent, outcomes = Counter[float](), {ENOUGH: Counter[str](), 0.0: Counter[str]()}
    lost: dict[float, list[int]] = {ENOUGH: [], 0.0: []}
    for number in range(ROLLOUTS):
        for drain_seconds, losses in lost.items():
            folder = tmp_path / f"{number}-{drain_seconds}"
            folder.mkdir()
            balancer = await rollout(Server(folder, free_port), drain_seconds)
            sent[drain_seconds] += balancer.sent
            outcomes[drain_seconds] += balancer.outcomes
            losses.append(balancer.sent - balancer.outcomes["200"])
    print(f"\nwith the delay {sum(lost[ENOUGH])} of {sent[ENOUGH]} lost in {ROLLOUTS} rollouts;", end=" ")
    print(f"without, {sum(lost[0.0])} of {sent[0.0]}, {min(lost[0.0])} to {max(lost[0.0])} in each", end=" ")
    print(f"(median {statistics.median(lost[0.0])}); {outcomes}")
    assert lost[ENOUGH] == [0] * ROLLOUTS
    assert min(lost[0.0]) > 0
