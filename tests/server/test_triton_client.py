"""Triton's own HTTP client against a real server: it composes and reads V2's binary form without our help."""
# ruff: noqa: E501 -- predictors as one-line texts

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

TENSORS = "class Predictor:\n    inputs = [{'name': 'x', 'datatype': 'FP32', 'shape': [-1, 3]}]\n    outputs = [{'name': 'doubled', 'datatype': 'FP32', 'shape': [-1, 3]}]\n    def __init__(self, config):\n        pass\n    def predict(self, payload):\n        return {name + ' doubled' if len(payload) > 1 else 'doubled': tensor * 2 for name, tensor in payload.items()}\n"
TEXTS = "import numpy\nclass Predictor:\n    def __init__(self, config):\n        pass\n    def predict(self, payload):\n        return {'upper': numpy.array([each.upper() for each in payload['text']], dtype=object)}\n"
DATATYPES = {
    "UINT8": np.uint8,
    "INT8": np.int8,
    "UINT16": np.uint16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
}


@pytest.fixture
def client(server) -> Iterator[triton.InferenceServerClient]:
    server.model("numbers", TENSORS, revision="7")
    server.model("texts", TEXTS)
    server.start()
    with triton.InferenceServerClient(f"127.0.0.1:{server.port}", concurrency=4) as made:
        yield made


def tensor(name: str, value: np.ndarray, datatype: str, *, binary: bool) -> triton.InferInput:
    made = triton.InferInput(name, list(value.shape), datatype)
    made.set_data_from_numpy(value, binary_data=binary)
    return made


def test_health_and_metadata_as_it_asks_for_them(client) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("numbers")
    assert client.is_model_ready("numbers", "7")
    assert not client.is_model_ready("nobody")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    metadata = client.get_model_metadata("numbers")
    assert (metadata["name"], metadata["versions"]) == ("numbers", ["7"])
    assert metadata["inputs"][0]["datatype"] == "FP32"


@pytest.mark.parametrize("binary_out", [True, False])
@pytest.mark.parametrize("binary_in", [True, False])
def test_tensors_in_binary_and_json_both_ways(client, binary_in: bool, binary_out: bool) -> None:
    wanted = [triton.InferRequestedOutput("doubled", binary_data=binary_out)]
    for datatype, dtype in DATATYPES.items():
        if datatype == "FP16" and not binary_in:
            continue  # the client has no JSON form of it
        value = np.arange(6).astype(dtype).reshape(2, 3)
        answer = client.infer(
            "numbers", [tensor("x", value, datatype, binary=binary_in)], outputs=wanted, request_id="mine"
        )
        assert answer.get_response()["id"] == "mine"
        np.testing.assert_array_equal(answer.as_numpy("doubled"), value * 2)
        assert answer.get_output("doubled")["datatype"] == datatype


def test_an_image_and_several_inputs_in_one_request(client) -> None:
    image = np.random.default_rng(0).random((1, 3, 224, 224), dtype=np.float32)
    more = np.array([[1, 2]], dtype=np.int64)
    inputs = [tensor("image", image, "FP32", binary=True), tensor("more", more, "INT64", binary=False)]
    answer = client.infer("numbers", inputs, model_version="7")
    np.testing.assert_array_equal(answer.as_numpy("image doubled"), image * 2)
    np.testing.assert_array_equal(answer.as_numpy("more doubled"), more * 2)


@pytest.mark.parametrize("binary", [True, False])
def test_texts(client, binary: bool) -> None:
    texts = np.array(["é", "", "word"], dtype=object)
    wanted = [triton.InferRequestedOutput("upper", binary_data=binary)]
    answer = client.infer("texts", [tensor("text", texts, "BYTES", binary=binary)], outputs=wanted)
    found = [each.decode() if isinstance(each, bytes) else each for each in answer.as_numpy("upper")]
    assert found == ["é".encode().upper().decode(), "", "WORD"]


@pytest.mark.parametrize("compression", ["gzip", "deflate"])
def test_compressed_requests_are_refused_by_name(client, compression: str) -> None:
    value = np.ones((2, 3), dtype=np.float32)
    with pytest.raises(InferenceServerException, match="content-encoding is not supported"):
        client.infer("numbers", [tensor("x", value, "FP32", binary=True)], request_compression_algorithm=compression)


def test_errors_reach_it_as_text(client) -> None:
    value = np.ones((2, 3), dtype=np.float32)
    for name, version, said in (("nobody", "", "no such model"), ("numbers", "8", "no such version")):
        with pytest.raises(InferenceServerException, match=said):
            client.infer(name, [tensor("x", value, "FP32", binary=True)], model_version=version)
    with pytest.raises(InferenceServerException, match="no output 'other'"):
        client.infer(
            "numbers", [tensor("x", value, "FP32", binary=True)], outputs=[triton.InferRequestedOutput("other")]
        )


def test_requests_at_once_keep_their_answers_apart(client) -> None:
    values = [np.full((1, 3), number, dtype=np.float32) for number in range(64)]
    pending = [client.async_infer("numbers", [tensor("x", each, "FP32", binary=True)]) for each in values]
    for value, each in zip(values, pending, strict=True):
        np.testing.assert_array_equal(each.get_result().as_numpy("doubled"), value * 2)
