"""Large bodies, however they arrive, and what follows them on the connection."""

from __future__ import annotations

import hashlib
import socket
import time

import pytest

DIGEST = "import hashlib\nclass Predictor:\n    def __init__(self, config):\n        pass\n    def predict(self, payload):\n        return [type(payload).__name__, len(payload), hashlib.sha256(payload).hexdigest()]\n"  # noqa: E501
SIZES = (65_535, 65_536, 65_537, 600_000, 3_000_001)


def post(body: bytes, *headers: str) -> bytes:
    lines = ["POST /a HTTP/1.1", "Host: x", "Content-Type: application/octet-stream", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def body_of(size: int) -> bytes:
    return hashlib.shake_128(str(size).encode()).digest(size)


def answers(client: socket.socket, count: int) -> list[bytes]:
    received = b""
    while received.count(b"HTTP/1.1 ") < count or not received.endswith(b"]"):
        piece = client.recv(65536)
        assert piece, received
        received += piece
    return received.split(b"HTTP/1.1 ")[1:]


@pytest.fixture
def digesting(server):
    server.model("a", DIGEST)
    return server.start()


def connected(server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=30)


@pytest.mark.parametrize("step", [1_000, 65_536, 10_000_000])
def test_a_body_is_whole_whatever_pieces_it_comes_in_and_the_next_request_is_answered(digesting, step: int) -> None:
    with connected(digesting) as client:
        for size in SIZES:
            data = post(body_of(size)) + post(b"small")
            for start in range(0, len(data), step):
                client.sendall(data[start : start + step])
            large, small = answers(client, 2)
            assert hashlib.sha256(body_of(size)).hexdigest().encode() in large
            assert b'["bytes",%d,' % size in large
            assert b'["bytes",5,' in small


def test_a_body_after_its_headers_alone_and_after_100_continue(digesting) -> None:
    with connected(digesting) as client:
        for headers in ((), ("Expect: 100-continue",)):
            data = post(body_of(600_000), *headers)
            client.sendall(data[:-600_000])
            if headers:
                assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            time.sleep(0.05)
            client.sendall(data[-600_000:])
            assert hashlib.sha256(body_of(600_000)).hexdigest().encode() in answers(client, 1)[0]


def test_a_large_body_in_chunks(digesting) -> None:
    body = body_of(300_000)
    with connected(digesting) as client:
        client.sendall(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Type: image/x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in range(0, len(body), 100_000):
            client.sendall(b"%x\r\n%b\r\n" % (100_000, body[start : start + 100_000]))
        client.sendall(b"0\r\n\r\n")
        assert hashlib.sha256(body).hexdigest().encode() in answers(client, 1)[0]


def test_an_announcement_alone_takes_no_memory(digesting) -> None:
    before = digesting.metric("process_resident_memory_bytes")
    clients = [connected(digesting) for _ in range(50)]
    for client in clients:
        client.sendall(post(bytes(8_000_000))[:1_000])
    digesting.until(lambda: digesting.metric("workaday_connections") > 50)
    assert digesting.metric("process_resident_memory_bytes") - before < 50 * 1_000_000
    for client in clients:
        client.close()


def test_a_client_that_leaves_in_the_middle_of_a_large_body_leaves_nothing(digesting) -> None:
    for cut in (1_000, 70_000, 500_000):
        with connected(digesting) as client:
            client.sendall(post(body_of(600_000))[:cut])
            time.sleep(0.02)
    digesting.until(lambda: digesting.metric("workaday_connections") == 1)
    assert digesting.post("/a", b"x", headers={"content-type": "image/x"}).status_code == 200
