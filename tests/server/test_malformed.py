"""Malformed requests of every protocol: no 5xx, nothing left in flight, and the next request is answered."""
# ruff: noqa: E501 -- requests as one-line texts

from __future__ import annotations

import itertools
import json
import random
import socket

import pytest

SEEDS = [
    b'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n{"x": [1, 2]}',
    b'POST /v1/models/a:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n{"instances":[1]}',
    b"POST /v2/models/a/infer HTTP/1.1\r\nHost: x\r\nInference-Header-Content-Length: 2\r\nContent-Length: 4\r\n\r\n{}12",
    b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n",
]
PARTS = {
    "shape": [[1], [-1], [10**9], None, [], [2**60], "x"],
    "datatype": ["FP32", "BYTES", "INT8", "BOOL", "", None],
    "data": [[1], [[]], ["a"], None, [1e308], [10**19], [True], [[1], [2, 3]], {}],
    "parameters": [None, {"binary_data_size": 0}, {"binary_data_size": -4}, 3],
}


def answer(port: int, data: bytes) -> bytes:
    """Return the status of the first answer, or nothing where the server waits for more or hung up."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        try:
            return client.recv(65536)[9:12]
        except OSError:
            return b""


def well(server) -> None:
    server.until(lambda: server.metric('workaday_in_flight{model="a"}') == 0)
    assert server.post("/a", 1).json() == 1
    assert server.get("/v2/health/ready").status_code == 200


def mutations(count: int) -> list[bytes]:
    dice = random.Random(7)
    made = []
    for _ in range(count):
        data = bytearray(dice.choice(SEEDS))
        for _ in range(dice.randint(1, 5)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        made.append(bytes(data[: dice.randrange(len(data))]) if dice.random() < 0.3 else bytes(data))
    return made


def check_mutations(server, count: int) -> None:
    server.model("a")
    server.start()
    statuses = [answer(server.port, each) for each in mutations(count)]
    assert not [each for each in statuses if each.startswith(b"5")]
    assert b"400" in statuses
    well(server)


def test_mutated_requests(server) -> None:
    check_mutations(server, 1500)


@pytest.mark.soak
def test_many_mutated_requests(server) -> None:
    check_mutations(server, 30_000)


def test_every_wrong_combination_of_a_tensors_parts(server) -> None:
    server.model("a")
    server.start()
    combinations = list(itertools.product(*PARTS.values()))
    statuses = set()
    for parts in combinations:
        entry = {"name": "x", **dict(zip(PARTS, parts, strict=True))}
        body = json.dumps({"inputs": [entry]}).encode()
        head = b"POST /v2/models/a/infer HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(
            body
        )
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
            client.sendall(head + body)
            status = client.recv(65536)[9:12]
        assert status in (b"200", b"400"), parts
        statuses.add(status)
    assert statuses == {b"200", b"400"}
    well(server)
