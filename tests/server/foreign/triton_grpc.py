"""Triton's gRPC client: `triton_grpc.py HTTP_PORT GRPC_PORT`."""
# ruff: noqa: PT017 -- a script, without pytest

from __future__ import annotations

import queue
import sys

import ml_dtypes
import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

DTYPES = {
    "UINT8": np.uint8,
    "INT8": np.int8,
    "UINT16": np.uint16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "FP32": np.float32,
    "FP64": np.float64,
}


def tensor(name: str, values: np.ndarray, datatype: str) -> triton.InferInput:
    made = triton.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values)
    return made


def check_metadata(client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("numbers")
    assert client.is_model_ready("numbers", "7")
    assert client.get_server_metadata().name == "workaday-server"
    about = client.get_model_metadata("numbers")
    assert (about.name, list(about.versions), list(about.inputs[0].shape)) == ("numbers", ["7"], [-1, 3])


def check_tensors(client: triton.InferenceServerClient) -> None:
    for datatype, dtype in DTYPES.items():
        values = np.arange(6).astype(dtype).reshape(2, 3)
        wanted = [triton.InferRequestedOutput("doubled")]
        model = "half" if datatype == "BF16" else "numbers"
        answer = client.infer(model, [tensor("x", values, datatype)], outputs=wanted, request_id="mine")
        assert answer.get_response().id == "mine"
        assert answer.get_output("doubled").datatype == datatype
        np.testing.assert_array_equal(answer.as_numpy("doubled").astype("f8"), (values * 2).astype("f8"))
    texts = np.array(["é".encode(), b"", b"word"], dtype=object)
    answer = client.infer("echo", [tensor("text", texts, "BYTES")])
    assert answer.as_numpy("text").tolist() == texts.tolist()
    image = np.random.default_rng(0).random((1, 3, 224, 224), dtype=np.float32)
    answer = client.infer("numbers", [tensor("x", image, "FP32")], model_version="7", client_timeout=20)
    np.testing.assert_array_equal(answer.as_numpy("doubled"), image * 2)


def check_many_at_once(client: triton.InferenceServerClient) -> None:
    answers: queue.Queue[tuple[object, object]] = queue.Queue()
    for number in range(64):
        given = tensor("x", np.full((1, 3), number, np.float32), "FP32")
        client.async_infer(
            "numbers", [given], lambda result, error: answers.put((result, error)), request_id=str(number)
        )
    for _ in range(64):
        result, error = answers.get(timeout=20)
        assert error is None, error
        np.testing.assert_array_equal(result.as_numpy("doubled"), np.full((1, 3), 2 * int(result.get_response().id)))


def check_errors(client: triton.InferenceServerClient) -> None:
    ones = tensor("x", np.ones((2, 3), np.float32), "FP32")
    cases = {
        "NOT_FOUND": lambda: client.infer("nobody", [ones]),
        "INVALID_ARGUMENT": lambda: client.infer("numbers", [ones], outputs=[triton.InferRequestedOutput("other")]),
        "UNIMPLEMENTED": lambda: client.unload_model("numbers"),
    }
    for code, call in cases.items():
        try:
            call()
        except InferenceServerException as error:
            assert error.status() == f"StatusCode.{code}", error
        else:
            raise AssertionError(f"{code} did not come")
    assert client.is_model_ready("numbers")


with triton.InferenceServerClient(f"127.0.0.1:{sys.argv[2]}") as made:
    check_metadata(made)
    check_tensors(made)
    check_many_at_once(made)
    check_errors(made)
