"""Bounded queues, deadlines, limits read before bodies, clients that are slow or leave."""
# ruff: noqa: E501 -- predictors as one-line texts

from __future__ import annotations

import concurrent.futures
import socket
import time

import httpx
import pytest

SLEEPY = "import time\nclass Predictor:\n    def __init__(self, config):\n        self.ran = []\n    def predict(self, payload):\n        if payload == 'ran':\n            return self.ran\n        self.ran.append(payload)\n        time.sleep(payload)\n        return payload\n"


def raw(server, data: bytes, *, then: bytes = b"", wait: float = 0.0) -> bytes:
    """Send bytes as they are; return all that comes back until the server hangs up, or 5 s."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(data)
        if then:
            time.sleep(wait)
            client.sendall(then)
        return received(client)


def received(client: socket.socket) -> bytes:
    pieces = []
    try:
        while piece := client.recv(65536):
            pieces.append(piece)
    except (TimeoutError, ConnectionResetError):
        pass
    return b"".join(pieces)


def in_flight(server, count: int) -> None:
    server.until(lambda: server.metric('workaday_in_flight{model="a"}') == count)


def test_a_full_queue_answers_429_at_once_and_others_are_not_starved(server) -> None:
    server.model("a", SLEEPY, limits={"concurrency": 1, "queue": 2})
    server.model("b")
    server.start()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        taken = [pool.submit(server.post, "/a", 1.5) for _ in range(3)]
        in_flight(server, 3)
        assert server.metric('workaday_queue_length{model="a"}') == 2
        refused = server.post("/a", 1)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert server.post("/b", 1).json() == 1, "another model in the same process"
        assert [each.result().status_code for each in taken] == [200] * 3
    assert server.metric('workaday_errors_total{model="a",cause="overload"}') == 1


def test_a_deadline_drops_the_work_that_still_waits(server) -> None:
    server.model("a", SLEEPY, limits={"concurrency": 1})
    server.start()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        first = pool.submit(server.post, "/a", 0.8)
        in_flight(server, 1)
        late = server.post("/a", 0.01, headers={"x-request-timeout": "0.1"})
        assert late.status_code == 504
        assert "turn" in late.json()["error"]
        assert first.result().status_code == 200
    assert server.post("/a", "ran").json() == [0.8]


@pytest.mark.parametrize("given", ["0", "-1", "nan", "soon"])
def test_a_senseless_deadline_is_the_callers_mistake(server, given: str) -> None:
    server.model("a")
    server.start()
    assert server.post("/a", 1, headers={"x-request-timeout": given}).status_code == 400


def test_callers_that_leave_free_their_slots_and_their_work_is_not_run(server) -> None:
    server.model("a", SLEEPY, limits={"concurrency": 1, "queue": 100})
    server.start()
    clients = []
    for number in range(50):
        client = socket.create_connection(("127.0.0.1", server.port))
        body = b"2.0" if not number else b"0.125"
        client.sendall(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        clients.append(client)
        if not number:
            in_flight(server, 1)
    in_flight(server, 50)
    for client in clients:
        client.close()
    in_flight(server, 0)
    assert server.post("/a", "ran").json() == [2.0]


def test_a_large_body_is_refused_before_it_is_read(server) -> None:
    server.model("a", limits={"body_bytes": 100})
    server.start()
    assert server.post("/a", b'"%b"' % (b"x" * 98)).status_code == 200
    answer = raw(server, b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 "), "before a byte of the body was sent"
    chunked = b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert raw(server, chunked + b"40\r\n" + b"x" * 64 + b"\r\n40\r\n" + b"x" * 64 + b"\r\n").startswith(
        b"HTTP/1.1 413 "
    )
    assert server.post("/a", b"x" * 10_000).status_code == 413


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 40_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 101 + b"\r\n", 431),
        (b"GET /" + b"y" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n12", 400),
        (b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", 200),  # ignored
    ],
)
def test_what_is_no_plain_request_is_answered_by_name(server, sent: bytes, status: int) -> None:
    server.model("a")
    server.start()
    assert raw(server, sent).startswith(b"HTTP/1.1 %d " % status)
    assert server.post("/a", 1).json() == 1


def test_pipelined_requests_are_answered_in_order(server) -> None:
    server.model("a", SLEEPY)
    server.start()
    bodies = [b"0.2", b"0.1", *[b"0.0"] * 30]
    requests = [b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body) for body in bodies]
    answer = raw(server, b"".join(requests) + b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert [part.partition(b"\r\n\r\n")[2] for part in answer.split(b"HTTP/1.1 200 OK")[1:]] == [
        *bodies,
        b'{"live":true}',
    ]


def test_a_body_that_arrives_in_pieces_and_a_100_continue(server) -> None:
    server.model("a")
    server.start()
    head = b"POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    answer = raw(server, head, then=b'"ok"', wait=0.1)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
    assert answer.endswith(b"ok")


def test_thousands_of_pipelined_requests_behind_a_slow_one_are_all_answered(server) -> None:
    server.model("a", SLEEPY)
    server.start()
    slow = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n0.2"
    quick = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(slow + quick * 1400)
        received = b""
        while received.count(b'{"live":true}') < 1400:
            received += (piece := client.recv(65536))
            assert piece, "hung up"
    assert received.count(b"HTTP/1.1 200") == 1401


def test_a_client_that_trickles_its_headers_is_hung_up_on(server) -> None:
    server.model("a")
    server.start(WORKADAY_SERVER_CLIENT_SECONDS="0.5")
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(b"POST /a HTTP/1.1\r\nHost: x\r\n")
        assert received(client) == b""
    half = raw(server, b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n12")
    assert half.startswith(b"HTTP/1.1 408 ")


def test_a_deeply_nested_body_and_a_failing_predictor_are_contained(server) -> None:
    code = "class Predictor:\n    def __init__(self, config):\n        pass\n    def predict(self, payload):\n        if payload == 'rubbish':\n            return object()\n        raise RuntimeError('/secret/path')\n"
    server.model("a", code)
    server.start()
    assert server.post("/a", b"[" * 100_000 + b"]" * 100_000).status_code == 400
    answer = server.post("/a", 1, headers={"x-request-id": "mine-1"})
    assert answer.status_code == 500
    assert answer.json() == {"error": "prediction failed; the server's log has the reason"}
    assert answer.headers["x-request-id"] == "mine-1"
    assert "/secret/path" in server.log()
    assert server.post("/a", "rubbish").status_code == 500
    assert server.get("/v2/health/ready").status_code == 200


def test_there_is_no_load_or_unload_endpoint(server) -> None:
    server.model("a")
    server.start()
    for path in ("/v2/repository/models/a/unload", "/v2/repository/models/a/load", "/v2/repository/index"):
        assert server.post(path, {}).status_code == 404
    assert httpx.get(f"{server.url}/a").status_code == 405
    assert server.post("/a", 1).status_code == 200
