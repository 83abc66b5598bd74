"""Requests that hypothesis makes up, over REST, V2's binary form and gRPC: no 5xx, no leak, and still ready.

Each has a valid request's outline with parts of it wrong. FUZZ_REQUESTS sets how many; `make soak` sends 10,000.
"""
# ruff: noqa: E501 -- predictors as one-line texts

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workaday_server.protocols import messages_pb as pb
from workaday_server.protocols.tensors import DTYPES

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "600"))
GROWTH_BYTES = 64 * 2**20  # of a process that has answered thousands of new shapes; a leak of each would be more
TOLERANT = "class Predictor:\n    def __init__(self, config):\n        pass\n    def predict(self, payload):\n        if isinstance(payload, dict) and payload and all(hasattr(each, 'dtype') for each in payload.values()):\n            return payload\n        return [type(payload).__name__, repr(payload)[:100]]\n"
SIZES = {name: dtype.itemsize for name, dtype in DTYPES.items()} | {"BYTES": 5}  # each BYTES element has one byte
DATATYPES = [*SIZES, "FP31", ""]
MODELS = ["a", "batched", "nobody", "", "a/b", "é", "%00", ".."]

junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([2**63, -(2**70), 1e308]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


def mostly(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(good, good, good, junk)


shapes = st.lists(st.integers(-1, 4), max_size=3) | st.sampled_from([[2**62, 0], [1] * 40, [2**31, 2**31]])
numbers = st.lists(st.one_of(st.integers(-300, 300), st.floats(width=32), st.text(max_size=3)), max_size=9)
parameters = st.none() | st.fixed_dictionaries({"binary_data_size": mostly(st.integers(-1, 40))})
entries = st.fixed_dictionaries(
    {
        "name": mostly(st.sampled_from(["x", "y", ""])),
        "shape": mostly(shapes),
        "datatype": mostly(st.sampled_from(DATATYPES)),
    },
    optional={"data": mostly(numbers), "parameters": mostly(parameters)},
)
outputs = st.lists(st.fixed_dictionaries({"name": mostly(st.just("x"))}, optional={"parameters": junk}), max_size=2)
v2_bodies = st.fixed_dictionaries(
    {"inputs": mostly(st.lists(entries, max_size=3))},
    optional={"id": mostly(st.text(max_size=4)), "outputs": mostly(outputs), "parameters": junk},
)
v1_bodies = st.fixed_dictionaries({}, optional={"instances": mostly(st.lists(junk, max_size=3)), "other": junk})
models = st.sampled_from(MODELS[:2] * 12 + MODELS[2:])
KINDS = [
    "",
    "application/json",
    "text/plain; charset=utf-16",
    "text/plain; charset=nope",
    "multipart/form-data; boundary=x",
]
KINDS += [
    "multipart/form-data",
    "application/x-www-form-urlencoded",
    "image/png",
    "application/json; charset=\xff",
    ";;;=",
]
headers = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from(KINDS),
        "x-request-timeout": st.sampled_from(["1", "nan", "-1", "inf", "1e400", "0x1"]),
        "content-encoding": st.sampled_from(["gzip", "identity", "\xff"]),
        "traceparent": st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60).map(str.strip),
        "inference-header-content-length": st.sampled_from(["0", "5", "-1", "²", "99999999999999999999", ""]),
        "accept": st.sampled_from(["text/event-stream", "*/*"]),
    },
)


@pytest.fixture
def fuzzed(server):
    """A served model; afterwards it must be as well as it was."""
    server.config["grpc_port"] = server.port + 1
    server.model("a", TOLERANT, limits={"body_bytes": 100_000})
    server.model(
        "batched",
        TOLERANT + "    def predict_batch(self, payloads):\n        return [self.predict(each) for each in payloads]\n",
        batching={"max_size": 4, "max_wait_seconds": 0.001},
    )
    server.start(MALLOC_ARENA_MAX="2")
    before = memory(server)
    yield server
    for model in ("a", "batched"):
        server.until(lambda: server.metric(f'workaday_in_flight{{model="{model}"}}') == 0)  # noqa: B023
        assert server.post(f"/{model}", 1).json() == ["int", "1"]
    assert server.get("/v2/health/ready").status_code == 200
    grown = memory(server) - before
    print(f"memory grew by {grown / 2**20:.1f} MiB", end=" ")
    assert grown < GROWTH_BYTES
    assert "Traceback" not in server.log()


def memory(server) -> int:
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) * 1024


def sent(strategy: st.SearchStrategy[Any], send: Callable[[Any], str], refused: set[str], count: int) -> None:
    """Send what the strategy makes up; fail on an answer that says the server is at fault."""
    answers: Counter[str] = Counter()

    @settings(
        max_examples=count, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(strategy)
    def probe(case: Any) -> None:
        answer = send(case)
        answers[answer] += 1
        assert not answer.startswith("5"), answer
        assert answer not in {"INTERNAL", "UNKNOWN", "UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"}, answer

    probe()
    print(f"{sum(answers.values())} requests: {dict(answers)}", end=" ")
    assert set(answers) >= refused, "what is sent is both right and wrong"


def over_http(client: httpx.Client, path: str, body: bytes, headers: dict[str, str]) -> str:
    encoded = [(name, value.encode("latin-1", "replace")) for name, value in headers.items()]
    return str(client.post(path, content=body, headers=encoded).status_code)


def as_json(body: object) -> bytes:
    return json.dumps(body).encode("utf-8", "replace")


def check_rest(server, count: int) -> None:
    paths = st.sampled_from(["/{}", "/v1/models/{}:predict", "/v2/models/{}/infer", "/v2/models/{}/versions/1/infer"])
    bodies = st.one_of(v1_bodies.map(as_json), v2_bodies.map(as_json), junk.map(as_json), st.binary(max_size=60))
    with httpx.Client(base_url=server.url, timeout=30) as client:
        cases = st.tuples(paths, models, bodies, headers)
        sent(
            cases,
            lambda case: over_http(client, case[0].format(case[1]), case[2], case[3]),
            {"200", "400", "404", "415"},
            count,
        )


@st.composite
def binary_bodies(draw: st.DrawFn) -> tuple[dict[str, Any], bytes]:
    """Tensors whose bytes fit what is said of them, except where something of them is drawn to be wrong."""
    entries, raw = [], b""
    for name in draw(st.lists(st.sampled_from("xyz"), min_size=1, max_size=3)):
        datatype, shape = draw(st.sampled_from([*SIZES])), draw(st.lists(st.integers(0, 3), max_size=3))
        count = math.prod(shape)
        data = (
            b"\x01\0\0\0x" * count
            if datatype == "BYTES"
            else draw(st.binary(min_size=1, max_size=1)) * count * SIZES[datatype]
        )
        entry = {"name": name, "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": len(data)}}
        if draw(st.integers(0, 5)) == 0:
            entry[draw(st.sampled_from(sorted(entry)))] = draw(junk | shapes | parameters | st.sampled_from(DATATYPES))
        entries.append(entry)
        raw += data
    body = {"inputs": entries, "parameters": {"binary_data_output": draw(st.booleans())}}
    return body, raw + draw(st.sampled_from([b""] * 9 + [b"x"]))


def check_binary(server, count: int) -> None:
    def send(case: tuple[str, tuple[Any, bytes], int]) -> str:
        model, (body, tail), shift = case
        head = as_json(body)
        given = {"inference-header-content-length": str(len(head) + shift)}
        return over_http(client, f"/v2/models/{model}/infer", head + tail, given)

    with httpx.Client(base_url=server.url, timeout=30) as client:
        shift = st.sampled_from([0] * 12 + [-1, 1, 5])
        bodies = st.one_of(binary_bodies(), binary_bodies(), st.tuples(v2_bodies, st.binary(max_size=40)))
        sent(st.tuples(models, bodies, shift), send, {"200", "400", "404"}, count)


def message(case: tuple[str, list[Any], list[bytes], dict[str, list[Any]]]) -> bytes:
    model, tensors, raws, contents = case
    made = pb.ModelInferRequest(model_name=model)
    for name, shape, datatype in tensors:
        entry = made.inputs.add(name=name, datatype=datatype, shape=shape)
        for field, values in contents.items():
            getattr(entry.contents, field).extend(values)
    return made.SerializeToString() + b"".join(b"\x3a" + bytes([len(raw)]) + raw for raw in raws)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    tensors = st.tuples(
        st.sampled_from(["x", "y", ""]), st.lists(st.integers(-1, 4), max_size=3), st.sampled_from(DATATYPES)
    )
    contents = {
        "int_contents": st.lists(st.integers(-(2**31), 2**31 - 1), max_size=5),
        "fp32_contents": st.lists(st.floats(width=32), max_size=5),
        "bytes_contents": st.lists(st.binary(max_size=3), max_size=5),
        "bool_contents": st.lists(st.booleans(), max_size=5),
    }
    raws = st.lists(st.binary(max_size=40), max_size=3)
    typed = st.fixed_dictionaries({}, optional=contents)
    data = bytearray(message((draw(models), draw(st.lists(tensors, max_size=3)), draw(raws), draw(typed))))
    for at in draw(st.lists(st.integers(0, max(0, len(data) - 1)), max_size=3)) if data and draw(st.booleans()) else ():
        data[at] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))]) if draw(st.integers(0, 9)) == 0 else bytes(data)


def check_grpc(server, count: int) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{server.port + 1}") as channel:

        def send(case: tuple[str, bytes]) -> str:
            try:
                channel.unary_unary(f"/{pb.SERVICE}/{case[0]}")(case[1], timeout=30)
            except grpc.RpcError as error:
                return error.code().name
            return "OK"

        methods = st.sampled_from(
            ["ModelInfer"] * 8 + ["ModelReady", "ModelMetadata", "ServerLive", "RepositoryModelUnload"]
        )
        wanted = {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "UNIMPLEMENTED"}
        sent(st.tuples(methods, messages()), send, wanted, count)


CHECKS = [check_rest, check_binary, check_grpc]


@pytest.mark.parametrize("check", CHECKS)
def test_made_up_requests(fuzzed, check: Callable[[Any, int], None]) -> None:
    check(fuzzed, REQUESTS // len(CHECKS))


@pytest.mark.soak
def test_ten_thousand_made_up_requests(fuzzed) -> None:
    for check in CHECKS:
        check(fuzzed, 3400)
