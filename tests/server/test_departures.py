"""A thousand clients that go in the middle of their requests leave nothing behind."""
# ruff: noqa: E501 -- predictors as one-line texts

from __future__ import annotations

import asyncio

import pytest

DEPARTURES = 1000
WAVE = 100
BODY = b'"%b"' % (b"x" * 200_000)
SLOW = "import time\nclass Predictor:\n    def __init__(self, config):\n        pass\n    def predict(self, payload):\n        if payload == 'stream':\n            return self.pieces()\n        time.sleep(0.02)\n        return 'y' * 3_000_000 if payload == 'large' else payload\n    def pieces(self):\n        while True:\n            yield 'piece'\n            time.sleep(0.01)\n"


def request(body: bytes, path: str = "/a", sent: int | None = None) -> bytes:
    whole = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (path.encode(), len(body), body)
    return whole[:sent]


@pytest.fixture
def departing(server):
    server.model("a", SLOW, limits={"concurrency": 8, "queue": 1000, "timeout_seconds": 120})
    return server.start()


async def leave_one(port: int, number: int) -> None:
    """Go at one of six moments: in the headers, in the body, waiting, in a large answer, in a stream, by a reset."""
    moments = [request(b"1", sent=20), request(BODY, sent=100_000), request(b"1"), request(b'"large"')]
    moments += [request(b'"stream"'), request(b"2")]
    kind = number % len(moments)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(moments[kind])
    await writer.drain()
    if number % 12 == 4:
        await reader.read(100)  # half of the streams have begun
    if kind == 5:
        writer.transport.abort()
    else:
        writer.close()


async def test_1000_clients_that_leave_mid_request_hold_no_slot(departing) -> None:
    server = departing
    for start in range(0, DEPARTURES, WAVE):
        await asyncio.gather(*(leave_one(server.port, number) for number in range(start, start + WAVE)))

    def free() -> bool:
        return server.metric('workaday_in_flight{model="a"}') == 0 and server.metric("workaday_connections") <= 1

    await asyncio.to_thread(server.until, free)
    assert server.metric('workaday_queue_length{model="a"}') == 0
    assert server.metric('workaday_errors_total{model="a",cause="disconnect"}') > DEPARTURES / 10
    assert server.get("/v2/health/ready").status_code == 200
    answers = await asyncio.gather(*(asyncio.to_thread(server.post, "/a", 1) for _ in range(8)))
    assert [each.json() for each in answers] == [1] * 8
