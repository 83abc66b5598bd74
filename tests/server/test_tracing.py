"""W3C's trace context: passed to the predictor as it came, and named in every line logged for the request."""
# ruff: noqa: E501 -- predictors as one-line texts

from __future__ import annotations

import json

import httpx
import pytest

from workaday_server.tracing import current, ids

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
LOGS = "import asyncio, logging\nlog = logging.getLogger('mine')\nclass Predictor:\n    def __init__(self, config):\n        pass\n    async def predict(self, payload, headers):\n        log.warning('sync')\n        await asyncio.sleep(0.01)\n        log.warning('after a wait')\n        if payload == 'raise':\n            raise RuntimeError('secret')\n        return [headers.get('traceparent'), headers.get('tracestate')]\n"


def lines(server, request_id: str) -> list[dict]:
    logged = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
    return [line for line in logged if line.get("request_id") == request_id]


def test_the_predictor_gets_it_and_every_line_names_it(server) -> None:
    server.model("a", LOGS)
    server.start()
    headers = [("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2"), ("x-request-id", "mine")]
    answer = httpx.post(f"{server.url}/a", json="raise", headers=headers)
    assert answer.status_code == 500
    assert httpx.post(f"{server.url}/a", json=1, headers=headers).json() == [PARENT, "a=1,b=2"]
    found = lines(server, "mine")
    assert {line["message"] for line in found} >= {"sync", "after a wait", "model a: prediction failed"}
    assert any(line["message"].startswith("request mine: 500") for line in found)
    assert {(line["trace_id"], line["span_id"]) for line in found} == {(TRACE, SPAN)}


def test_a_request_without_one_has_its_own_id_only_and_the_next_nothing_of_it(server) -> None:
    server.model("a", LOGS)
    server.start()
    server.post("/a", 1, headers={"traceparent": PARENT, "x-request-id": "first"})
    assert server.post("/a", 1, headers={"x-request-id": "second"}).json() == [None, None]
    assert lines(server, "second")
    assert not any("trace_id" in line for line in lines(server, "second"))
    server.stop()
    stopped = json.loads(server.log().splitlines()[-1])
    assert stopped["message"] == "stopped"
    assert "request_id" not in stopped


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "00",
        PARENT.upper(),
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"{PARENT}-x",
        f"{PARENT}x",
    ],
)
def test_an_invalid_one_is_passed_over(wrong: str) -> None:
    token = current.set(("r", {"traceparent": wrong}))
    assert ids() == {"request_id": "r"}
    current.reset(token)


def test_a_later_version_may_say_more() -> None:
    token = current.set(("r", {"traceparent": f"01-{TRACE}-{SPAN}-01-more"}))
    assert ids()["trace_id"] == TRACE
    current.reset(token)
