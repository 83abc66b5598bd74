"""The gRPC service: the same queues, limits, deadlines and end as HTTP's. Foreign clients: test_foreign_clients.py."""
# ruff: noqa: E501 -- predictors as one-line texts

from __future__ import annotations

import concurrent.futures
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest

from workaday_server.errors import ClientError
from workaday_server.messages import Request
from workaday_server.protocols import messages_pb as pb
from workaday_server.protocols.v2_grpc import Envelope, Exchange

DOUBLE = "import time\nclass Predictor:\n    inputs = [{'name': 'x', 'datatype': 'FP32', 'shape': [-1]}]\n    def __init__(self, config):\n        pass\n    def predict(self, payload, headers, request_id):\n        if headers.get('do') == 'sleep':\n            time.sleep(float(headers['seconds']))\n        if headers.get('do') == 'raise':\n            raise RuntimeError('/secret/path')\n        if headers.get('do') == 'stream':\n            return (each for each in 'abc')\n        return {'y': payload['x'] * 2}\n"


class Client:
    """The service's methods by name, over a channel that never tries again by itself."""

    def __init__(self, port: int) -> None:
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_retries", 0)])

    def call(self, method: str, data: bytes, **more: Any) -> tuple[bytes, grpc.Call]:
        made = self.channel.unary_unary(f"/{pb.SERVICE}/{method}")
        answer, call = made.with_call(data, timeout=more.pop("timeout", 30), **more)
        return answer, call

    def infer(self, data: bytes, **more: Any) -> np.ndarray:
        answer = outputs_of(self.call("ModelInfer", data, **more)[0])
        return answer["y"]

    def code(self, data: bytes, method: str = "ModelInfer", **more: Any) -> tuple[str, str]:
        with pytest.raises(grpc.RpcError) as caught:
            self.call(method, data, **more)
        return caught.value.code().name, caught.value.details()


def outputs_of(data: bytes) -> dict[str, np.ndarray]:
    full = pb.ModelInferResponse.FromString(data)
    typed = {
        each.name: np.array(each.contents.fp32_contents, "<f4") for each in full.outputs if each.HasField("contents")
    }
    return typed or {each.name: np.frombuffer(raw, "<f4") for each, raw in zip(full.outputs, raws(data), strict=True)}


def raws(data: bytes) -> list[bytes]:
    from workaday_server.protocols.v2_grpc import _field

    found, start = [], 0
    while start < len(data):
        number, begin, start = _field(data, start)
        if number == pb.RAW_OUTPUT:
            found.append(data[begin:start])
    return found


def message(values: list[float], *, model: str = "a", version: str = "", raw: bool = True, **more: Any) -> bytes:
    made = pb.ModelInferRequest(model_name=model, model_version=version, id="mine")
    entry = made.inputs.add(name="x", datatype=more.get("datatype", "FP32"), shape=more.get("shape", [len(values)]))
    data = np.array(values, "<f4").tobytes()
    if not raw:
        entry.contents.fp32_contents.extend(values)
        return made.SerializeToString()
    from workaday_server.protocols.v2_grpc import _varint

    return made.SerializeToString() + b"\x3a" + _varint(len(data)) + data


@pytest.fixture
def client(server) -> Iterator[Client]:
    server.config["grpc_port"] = server.port + 1
    made = Client(server.port + 1)
    yield made
    made.channel.close()


def test_it_is_off_unless_asked_for(server, client) -> None:
    server.config["grpc_port"] = None
    server.model("a")
    server.start()
    assert client.code(b"", "ServerLive", timeout=5)[0] == "UNAVAILABLE"


def test_health_and_metadata(server, client) -> None:
    server.model("a", DOUBLE, revision="7")
    server.start()
    assert pb.ServerLiveResponse.FromString(client.call("ServerLive", b"")[0]).live
    assert pb.ServerReadyResponse.FromString(client.call("ServerReady", b"")[0]).ready
    assert pb.ServerMetadataResponse.FromString(client.call("ServerMetadata", b"")[0]).name == "workaday-server"
    asked = pb.ModelReadyRequest(name="a", version="7").SerializeToString()
    assert pb.ModelReadyResponse.FromString(client.call("ModelReady", asked)[0]).ready
    about = pb.ModelMetadataResponse.FromString(client.call("ModelMetadata", asked)[0])
    assert (about.name, list(about.versions), about.inputs[0].datatype) == ("a", ["7"], "FP32")
    for method in ("ModelReady", "ModelMetadata"):
        for wrong in (pb.ModelReadyRequest(name="b"), pb.ModelReadyRequest(name="a", version="8")):
            assert client.code(wrong.SerializeToString(), method)[0] == "NOT_FOUND"
        assert client.code(b"\xff\xff", method)[0] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("raw", [True, False])
def test_answers_come_as_the_request_came(server, client, raw: bool) -> None:
    server.model("a", DOUBLE)
    server.start()
    answer, call = client.call("ModelInfer", message([1, 2], raw=raw), metadata=(("x-request-id", "id-7"),))
    full = pb.ModelInferResponse.FromString(answer)
    assert (full.id, full.model_name, full.model_version) == ("mine", "a", "1")
    assert list(full.outputs[0].shape) == [2]
    assert outputs_of(answer)["y"].tolist() == [2, 4]
    assert bool(raws(answer)) is raw
    assert ("x-request-id", "id-7") in [(key, value) for key, value in call.trailing_metadata()]
    assert server.metric('workaday_requests_total{model="a",protocol="grpc",code="200"}') == 1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "NOT_FOUND"),
        (b"\xff" * 40, "INVALID_ARGUMENT"),
        (message([1], model="b"), "NOT_FOUND"),
        (message([1], version="9"), "NOT_FOUND"),
        (message([1], shape=[2]), "INVALID_ARGUMENT"),
        (message([1], datatype="FP31"), "INVALID_ARGUMENT"),
        (message([1], shape=[-1]), "INVALID_ARGUMENT"),
        (message([1], shape=[1] * 40), "INVALID_ARGUMENT"),
        (message([1], raw=False, datatype="BF16"), "INVALID_ARGUMENT"),
        (message([1], raw=False, datatype="INT8"), "INVALID_ARGUMENT"),
        (pb.ModelInferRequest(model_name="a").SerializeToString(), "INVALID_ARGUMENT"),
        (message([1]) + b"\x3a\x00", "INVALID_ARGUMENT"),
        (message([1]) + b"\x38\x00" * 5000, "INVALID_ARGUMENT"),
        (message([1]) + b"\x3a\x7f1", "INVALID_ARGUMENT"),
    ],
)
def test_mistakes_are_the_callers_and_say_what(server, client, data: bytes, code: str) -> None:
    server.model("a", DOUBLE)
    server.start()
    said = client.code(data)
    assert said[0] == code
    assert said[1]
    assert client.infer(message([1])).tolist() == [2]


def test_a_full_queue_is_resource_exhausted_with_a_time_to_come_again(server, client) -> None:
    server.model("a", DOUBLE, limits={"concurrency": 1, "queue": 1})
    server.start()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        taken = []
        for number, metadata in enumerate([(("do", "sleep"), ("seconds", "2")), ()]):
            taken.append(pool.submit(client.infer, message([1]), metadata=metadata))
            server.until(lambda: server.metric('workaday_in_flight{model="a"}') == number + 1)  # noqa: B023
        with pytest.raises(grpc.RpcError) as caught:
            client.call("ModelInfer", message([1]))
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert dict(caught.value.trailing_metadata())["retry-after"] == "1"
        assert [each.result().tolist() for each in taken] == [[2], [2]]


def test_deadlines_failures_and_limits_have_their_codes(server, client) -> None:
    server.model("a", DOUBLE, limits={"timeout_seconds": 0.5, "body_bytes": 1000})
    server.model("big", DOUBLE, limits={"body_bytes": 100_000})
    server.start()
    assert client.code(message([1]), metadata=(("do", "raise"),)) == (
        "INTERNAL",
        "prediction failed; the server's log has the reason",
    )
    assert client.code(message([1]), metadata=(("do", "stream"),))[0] == "UNIMPLEMENTED"
    assert client.code(message([1]), metadata=(("x-request-timeout", "soon"),))[0] == "INVALID_ARGUMENT"
    assert client.code(message([1]), metadata=(("do", "sleep"), ("seconds", "0.9")))[0] == "DEADLINE_EXCEEDED"
    assert client.code(message([0.0] * 500)) == ("RESOURCE_EXHAUSTED", "the body may have 1000 bytes")
    assert client.code(message([0.0] * 1_000_000))[0] == "RESOURCE_EXHAUSTED"
    assert len(client.infer(message([0.0] * 5000, model="big"))) == 5000
    server.until(lambda: server.metric('workaday_in_flight{model="a"}') == 0)


def test_a_callers_deadline_or_leaving_drops_the_work_that_waits(server, client) -> None:
    server.model("a", DOUBLE, limits={"concurrency": 1})
    server.start()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.infer, message([1]), metadata=(("do", "sleep"), ("seconds", "2.5")))
        server.until(lambda: server.metric('workaday_in_flight{model="a"}') == 1)
        assert client.code(message([1]), timeout=0.2)[0] == "DEADLINE_EXCEEDED"
        leaving = client.channel.unary_unary(f"/{pb.SERVICE}/ModelInfer").future(message([1]))
        server.until(lambda: server.metric('workaday_in_flight{model="a"}') == 2)
        leaving.cancel()
        server.until(lambda: server.metric('workaday_in_flight{model="a"}') == 1)
        assert first.result().tolist() == [2]
    assert server.metric('workaday_stage_seconds_count{model="a",stage="predict"}') == 1


def test_a_compressed_message_is_refused(server, client) -> None:
    server.model("a", DOUBLE, limits={"body_bytes": 100_000})
    server.start()
    bomb = message([0.0] * 20_000_000)
    assert client.code(bomb, compression=grpc.Compression.Gzip)[0] == "UNIMPLEMENTED"


def test_at_sigterm_what_is_under_way_is_answered_and_new_calls_are_unavailable(server, client) -> None:
    server.config["drain_seconds"] = 0.3
    server.model("a", DOUBLE)
    server.start()
    sleep = (("do", "sleep"), ("seconds", "2.5"))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        taken = [pool.submit(client.infer, message([1]), metadata=sleep) for _ in range(8)]
        server.until(lambda: server.metric('workaday_in_flight{model="a"}') == 8)
        server.signal(signal.SIGTERM)
        server.until(lambda: server.state()["state"] == "draining")
        assert not pb.ServerReadyResponse.FromString(client.call("ServerReady", b"")[0]).ready
        assert client.infer(message([3])).tolist() == [6], "during the drain's delay it serves on"
        server.until(lambda: server.post("/a", 1).status_code == 503)
        assert client.code(message([1]))[0] == "UNAVAILABLE"
        assert [each.result().tolist() for each in taken] == [[2]] * 8
    assert server.process.wait(30) == 0


def test_a_taken_port_is_said_at_the_start(server, client) -> None:
    server.model("a")
    server.start()
    server.config |= {"state_file": None, "port": server.port + 2}
    command = [sys.executable, "-m", "workaday_server", str(server.write())]
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert f"cannot listen on 127.0.0.1:{server.port + 1}: address already in use" in second.stderr
    assert "Traceback" not in second.stderr


def test_raw_tensors_are_views_of_the_message_and_joined_once_into_the_answer() -> None:
    data = message([1, 2, 3])
    request = Request("POST", "/", "", {}, 0.0)
    request.body = data
    items, _ = Exchange(request, "a", "1").decode()
    assert np.shares_memory(items[0]["x"], np.frombuffer(data, np.uint8))


def test_an_envelope_knows_its_model_before_protobuf_reads_it() -> None:
    envelope = Envelope(message([1], model="é", version="2"))
    assert (envelope.model, envelope.version, len(envelope.raw)) == ("é", "2", 1)
    with pytest.raises(ClientError):
        Envelope(b"\x0a\x02\xff\xff")
