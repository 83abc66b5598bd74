"""Half-precision tensors, and shapes that numpy itself would choke on."""

from __future__ import annotations

import json
import sys
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch

from workaday_server.errors import ClientError
from workaday_server.messages import Request
from workaday_server.protocols.tensors import BF16, bf16, checked_count, from_bytes, named, to_bytes, widened
from workaday_server.protocols.v2 import HEADER_LENGTH, Exchange

VALUES = [0.0, -0.0, 1.0, -2.5, 3.14159, 65504.0, 1e38, float("inf")]


def exchange(head: dict[str, Any], raw: bytes = b"") -> Exchange:
    text = json.dumps(head).encode()
    request = Request("POST", "/", "", {HEADER_LENGTH: str(len(text))}, 0.0)
    request.body = text + raw
    return Exchange(request, "m", "1")


@pytest.mark.parametrize("values", [VALUES, list(np.random.default_rng(1).normal(size=1000))])
def test_rounding_to_bf16_is_torchs_own(values: list[float]) -> None:
    given = np.array(values, np.float32)
    wanted = torch.from_numpy(given).bfloat16()
    np.testing.assert_array_equal(bf16(given).view(np.uint16), wanted.view(torch.uint16).numpy())
    np.testing.assert_array_equal(widened(bf16(given)), wanted.float().numpy())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_torchs_tensors_keep_their_bits_both_ways(dtype: torch.dtype) -> None:
    given = torch.randn(3, 5, generator=torch.Generator().manual_seed(1)).to(dtype).t()
    datatype = {torch.bfloat16: "BF16", torch.float16: "FP16", torch.float32: "FP32"}[dtype]
    body = bytes(to_bytes(named({"y": given})["y"]))
    head = {
        "inputs": [{"name": "x", "shape": [5, 3], "datatype": datatype, "parameters": {"binary_data_size": len(body)}}]
    }
    items, _ = exchange(head, body).decode()
    back = items[0]["x"]
    assert torch.equal(back if datatype == "BF16" else torch.from_numpy(back.copy()), given)


def test_raw_tensors_are_views_of_the_request() -> None:
    body = np.arange(6, dtype=np.float16).tobytes()
    tensor = from_bytes(memoryview(body), [2, 3], "FP16", "x")
    assert np.shares_memory(tensor, np.frombuffer(body, np.float16))
    assert not tensor.flags.writeable


def test_a_bf16_tensor_is_the_predictors_to_write() -> None:
    body = bytes(to_bytes(bf16(np.ones(4, np.float32))))
    head = {"inputs": [{"name": "x", "shape": [4], "datatype": "BF16", "parameters": {"binary_data_size": 8}}]}
    items, _ = exchange(head, body).decode()
    items[0]["x"].zero_()
    assert body == bytes(to_bytes(bf16(np.ones(4, np.float32))))


def test_ml_dtypes_arrays_are_bf16_too() -> None:
    given = np.array([1.5, -2], dtype=ml_dtypes.bfloat16)
    assert named({"y": given})["y"].dtype == BF16


def test_bf16_in_json() -> None:
    asked = exchange({"inputs": [{"name": "x", "shape": [2], "datatype": "BF16", "data": [1.5, 3]}]})
    items, _ = asked.decode()
    assert items[0]["x"].dtype == torch.bfloat16
    output = json.loads(asked.encode([{"y": items[0]["x"] * 2}]).body)["outputs"][0]
    assert output == {"name": "y", "shape": [2], "datatype": "BF16", "data": [3.0, 6.0]}


def test_requests_of_other_datatypes_do_not_share_a_batch() -> None:
    keys = set()
    for datatype in ("BF16", "FP16", "UINT16"):
        asked = exchange({"inputs": [{"name": "x", "shape": [1], "datatype": datatype, "data": [1]}]})
        keys.add(asked.decode()[1])
    assert len(keys) == 3


@pytest.mark.parametrize("shape", [[1] * 33, [0, 2**62], [2**63, 0], [2**21, 2**21]])
def test_shapes_beyond_numpy_are_the_callers_mistake(shape: list[int]) -> None:
    with pytest.raises(ClientError, match="too large"):
        checked_count(shape, "FP32", "x")


def test_an_output_whose_name_is_no_text_is_the_callers_mistake() -> None:
    with pytest.raises(ClientError, match="outputs"):
        exchange(
            {"inputs": [{"name": "x", "shape": [], "datatype": "FP32", "data": [1]}], "outputs": [{"name": []}]}
        ).decode()


def test_a_request_cannot_make_the_server_import_torch(monkeypatch) -> None:
    monkeypatch.delitem(sys.modules, "torch")
    with pytest.raises(ClientError, match="import torch"):
        exchange({"inputs": [{"name": "x", "shape": [1], "datatype": "BF16", "data": [1]}]}).decode()
    assert "torch" not in sys.modules
