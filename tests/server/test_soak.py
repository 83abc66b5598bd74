"""Mixed load for SOAK_MINUTES (30): memory, descriptors and threads stay flat, and nothing unexpected is answered."""
# ruff: noqa: E501 -- predictors as one-line texts

from __future__ import annotations

import asyncio
import json
import os
import statistics
import struct
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import pytest

from workaday_server.protocols import messages_pb as pb

MINUTES = float(os.environ.get("SOAK_MINUTES", "30"))
CALLERS = 12
PAUSE_SECONDS = 0.02
RELOAD_SECONDS = 20.0
SAMPLE_SECONDS = 1.0
GROWTH_BYTES = 8 * 2**20
MODEL = "import time\nimport numpy\nclass Predictor:\n    def __init__(self, config):\n        self.weights = numpy.ones(2_000_000, dtype='f4')\n    def predict(self, payload):\n        if isinstance(payload, dict) and 'x' in payload:\n            return {'y': payload['x'] * 2}\n        if payload == 'raise':\n            raise RuntimeError('as asked')\n        if payload == 'stream':\n            return ('piece' * 100 for _ in range(20))\n        if payload == 'sleep':\n            time.sleep(0.2)\n        return payload\n    def predict_batch(self, payloads):\n        return [self.predict(each) for each in payloads]\n"


@dataclass
class Sample:
    memory_bytes: int
    descriptors: int
    threads: int


def sample(pid: int) -> Sample:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    memory = int(status["VmRSS"].split()[0]) * 1024
    return Sample(memory, len(list(Path(f"/proc/{pid}/fd").iterdir())), int(status["Threads"]))


def tensor_request() -> tuple[bytes, dict[str, str]]:
    entry = {"name": "x", "shape": [3, 128, 128], "datatype": "FP32", "parameters": {"binary_data_size": 196_608}}
    head = json.dumps({"inputs": [entry], "parameters": {"binary_data_output": True}}).encode()
    return head + struct.pack("<f", 0.5) * 49_152, {"inference-header-content-length": str(len(head))}


class Mix:
    """Callers that go round every kind of request, counting answers that are not what they should be."""

    def __init__(self, server, client: httpx.AsyncClient, end: float) -> None:
        self.server = server
        self.end = end
        self.answers: Counter[int | str] = Counter()
        self.surprises: list[str] = []
        self._client = client
        self._tensor = tensor_request()
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.port + 1}")
        self._infer = channel.unary_unary(f"/{pb.SERVICE}/ModelInfer")

    def kinds(self) -> list[Callable[[], Awaitable[None]]]:
        row = {"instances": [[0.5] * 64]}
        tensor, headers = self._tensor
        late = {"x-request-timeout": "0.05"}
        return [
            lambda: self._post(200, "/v1/models/plain:predict", json=row),
            lambda: self._post(200, "/v1/models/batched:predict", json=row),
            lambda: self._post(200, "/v2/models/plain/infer", content=tensor, headers=headers),
            lambda: self._post(200, "/v2/models/batched/infer", content=tensor, headers=headers),
            lambda: self._post(200, "/plain", json="stream"),
            lambda: self._post(500, "/plain", json="raise"),
            lambda: self._post(504, "/plain", json="sleep", headers=late),
            lambda: self._post(400, "/plain", content=b"{", headers={"content-type": "application/json"}),
            lambda: self._post(413, "/plain", content=b"x" * 400_000),
            lambda: self._post(404, "/nobody", json=1),
            lambda: self._call("plain", "OK"),
            lambda: self._call("batched", "OK"),
            lambda: self._call("batched", "INVALID_ARGUMENT", size=3),
            lambda: self._call("nobody", "NOT_FOUND"),
            self._leave,
        ]

    async def call(self, offset: int) -> None:
        kinds, turn = self.kinds(), offset
        while time.monotonic() < self.end:
            await kinds[turn % len(kinds)]()
            turn += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def reload(self) -> None:
        """Replace a model's revision now and again, under load."""
        revision = 1
        while time.monotonic() + RELOAD_SECONDS < self.end:
            await asyncio.sleep(RELOAD_SECONDS)
            revision += 1
            self.server.model("plain", MODEL, revision=str(revision), limits={"body_bytes": 300_000})
            self.server.reload()
            await asyncio.to_thread(self.server.wait_state, "plain", "ready", str(revision))

    async def _post(self, wanted: int, path: str, **more: object) -> None:
        try:
            status = (await self._client.post(self.server.url + path, **more)).status_code
        except httpx.HTTPError as error:
            if wanted != 413:  # refused before it is read, which may reach the client as a reset
                self.surprises.append(f"{path}: {error!r}")
            return
        self.answers[status] += 1
        if status != wanted:
            self.surprises.append(f"{path}: {status} instead of {wanted}")

    async def _call(self, model: str, wanted: str, size: int = 49_152) -> None:
        message = pb.ModelInferRequest(model_name=model)
        message.inputs.add(name="x", datatype="FP32", shape=[size]).contents.fp32_contents.extend([0.5] * 49_152)
        try:
            await self._infer(message.SerializeToString(), timeout=30)
            code = "OK"
        except grpc.aio.AioRpcError as error:
            code = error.code().name
        self.answers[code] += 1
        if code != wanted:
            self.surprises.append(f"gRPC to {model}: {code} instead of {wanted}")

    async def _leave(self) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        writer.write(b'POST /plain HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n"sleep"')
        await writer.drain()
        writer.transport.abort()


async def watch(pid: int, end: float) -> list[Sample]:
    samples = []
    while time.monotonic() < end:
        samples.append(sample(pid))
        await asyncio.sleep(SAMPLE_SECONDS)
    return samples


def growth(values: list[int]) -> float:
    """Return by how much the median of the last quarter exceeds the second's; the first quarter warms up."""
    quarter = len(values) // 4
    return statistics.median(values[-quarter:]) - statistics.median(values[quarter : 2 * quarter])


@pytest.mark.soak
@pytest.mark.timeout(int(MINUTES * 60) + 300)
async def test_mixed_load_leaves_memory_flat(server) -> None:
    server.model("plain", MODEL, limits={"body_bytes": 300_000})
    server.model("batched", MODEL, batching={"max_size": 8, "max_wait_seconds": 0.002})
    server.config["grpc_port"] = server.port + 1
    server.start(MALLOC_ARENA_MAX="2")
    end = time.monotonic() + MINUTES * 60
    async with httpx.AsyncClient(timeout=30, verify=False) as client:
        mix = Mix(server, client, end)
        callers = [mix.call(number) for number in range(CALLERS)]
        samples, *_ = await asyncio.gather(watch(server.process.pid, end), mix.reload(), *callers)
    memory = [each.memory_bytes for each in samples]
    shown = " ".join(str(each >> 20) for each in memory[:: max(1, len(memory) // 20)])
    print(f"\n{sum(mix.answers.values())} answers {dict(mix.answers)}; memory in MiB: {shown}")
    assert mix.surprises == []
    assert growth(memory) < GROWTH_BYTES
    assert growth([each.descriptors for each in samples]) <= CALLERS
    assert growth([each.threads for each in samples]) <= 8, "a replaced model's threads end"
    await asyncio.to_thread(server.until, lambda: server.metric('workaday_in_flight{model="plain"}') == 0)
    assert server.get("/v2/health/ready").status_code == 200
    assert server.stop() == 0
