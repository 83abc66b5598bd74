"""Tensors as the Open Inference Protocol's second version has them: what its REST and gRPC forms share.

numpy has no BF16. Inside the server such a tensor is an array of the two-byte type `BF16`; the predictor is given a
`torch.bfloat16` tensor, and may return one.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from workaday_server.errors import ClientError
from workaday_server.protocols import raw

Array = np.ndarray[Any, Any]
BF16 = np.dtype([("bf16", "<u2")])
DTYPES = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "FP16": np.dtype("<f2"),
    "BF16": BF16,
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
MAX_ELEMENTS = 2**40
MAX_DIMENSIONS = 32  # numpy's own limit, before its second version


def checked_count(shape: Any, datatype: Any, path: str) -> int:
    """Return how many elements a tensor has.

    Raises:
        ClientError: the shape or the datatype is none; `path` names the tensor.
    """
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise ClientError(f"`{path}.shape` must be a list of whole numbers")
    if datatype != "BYTES" and (not isinstance(datatype, str) or datatype not in DTYPES):
        raise ClientError(f"`{path}.datatype` must be one of BYTES, {', '.join(DTYPES)}")
    if len(shape) > MAX_DIMENSIONS or math.prod(shape) > MAX_ELEMENTS or max(shape, default=0) > MAX_ELEMENTS:
        raise ClientError(f"`{path}.shape` is too large")
    return math.prod(shape)


def payload_of(tensors: dict[str, Array]) -> tuple[list[Any], object]:
    """Return the predictor's payload, and the key that requests of one batch share: names, datatypes and shapes."""
    key = tuple((name, NAMES.get(tensor.dtype, "BYTES"), tensor.shape) for name, tensor in tensors.items())
    return [{name: _given(tensor) for name, tensor in tensors.items()}], key


def _given(tensor: Array) -> Any:
    if tensor.dtype != BF16:
        return tensor
    torch = sys.modules.get("torch")
    if torch is None:  # half a gigabyte that no request may ask for
        raise ClientError("BF16 tensors are for predictors that import torch")
    # Copied: torch has no read-only tensors, and must not write into the request.
    return torch.from_numpy(tensor.view(np.uint16).copy()).view(torch.bfloat16)


def bf16(values: Array) -> Array:
    """Return float32 values rounded to the nearest BF16, ties to even."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2").view(BF16)


def widened(tensor: Array) -> Array:
    """Return half-precision values as float32, others as they are."""
    if tensor.dtype == BF16:
        return (tensor.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return tensor.astype(np.float32) if tensor.dtype == np.float16 else tensor


def from_bytes(data: memoryview | bytes, shape: list[int], datatype: str, path: str) -> Array:
    """Return a tensor that is a view of its bytes; BYTES elements, each after its length, become an object array.

    Raises:
        ClientError: the bytes do not fit the shape.
    """
    count = math.prod(shape)
    if datatype != "BYTES":
        dtype = DTYPES[datatype]
        if len(data) != count * dtype.itemsize:
            raise ClientError(f"`{path}` has {len(data)} bytes, and its shape needs {count * dtype.itemsize}")
        return np.frombuffer(data, dtype).reshape(shape)
    elements, offset, whole = [], 0, bytes(data)
    while offset < len(whole):
        end = offset + 4 + int.from_bytes(whole[offset : offset + 4], "little")
        if end > len(whole) or offset + 4 > len(whole):
            raise ClientError(f"`{path}` ends within an element")
        elements.append(whole[offset + 4 : end])
        offset = end
    return objects(elements, shape, count, path)


def objects(elements: list[bytes], shape: list[int], count: int, path: str) -> Array:
    """Return BYTES elements as an object array.

    Raises:
        ClientError: they are not as many as the shape says.
    """
    if len(elements) != count:
        raise ClientError(f"`{path}` has {len(elements)} elements, and its shape needs {count}")
    tensor = np.empty(count, dtype=object)
    tensor[:] = elements
    return tensor.reshape(shape)


def named(answer: Any) -> dict[str, Any]:
    """Return the answer's tensors by name."""
    if isinstance(answer, dict) and answer and all(isinstance(key, str) for key in answer):
        arrays = {key: _array(value) for key, value in answer.items()}
        if all(value is not None for value in arrays.values()):
            return arrays
    only = _array(answer)
    if only is None:
        only = np.array([raw.answer_json(answer)], dtype=object)
    return {"output-0": only}


def chosen(answer: dict[str, Array], names: list[str]) -> list[tuple[str, Array]]:
    """Return the outputs that were asked for, all of them where none was.

    Raises:
        ClientError: there is no such output.
    """
    missing = [name for name in names if name not in answer]
    if missing:
        raise ClientError(f"no output {missing[0][:80]!r}; there is {', '.join(answer)}")
    return [(name, answer[name]) for name in names or answer]


def _array(value: Any) -> Array | None:
    """Return a value as an array that V2 has a datatype for, or None."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            value = value.view(sys.modules["torch"].uint16).numpy().view(BF16)
        else:
            value = value.numpy()
    if isinstance(value, str | bytes):
        return np.array([value.encode() if isinstance(value, str) else value], dtype=object)
    if isinstance(value, list | tuple | bool | int | float):
        try:
            value = np.atleast_1d(np.asarray(value))
        except (ValueError, OverflowError):
            return None
    if isinstance(value, np.generic):
        value = np.atleast_1d(value)
    if not isinstance(value, np.ndarray):
        return None
    if value.dtype.name == "bfloat16":  # of ml_dtypes
        value = value.view(np.uint16).view(BF16)
    if value.dtype.kind in "US":
        value = np.array([str(each).encode() for each in value.ravel()], dtype=object).reshape(value.shape)
    if value.dtype == object:
        return value if all(isinstance(each, bytes | str) for each in value.ravel()) else None
    return value if value.dtype.newbyteorder("=") in NAMES else None


def to_bytes(tensor: Array) -> bytes | memoryview:
    """Return a tensor's raw form: little-endian elements, or each BYTES element after its length."""
    if tensor.dtype != object:
        whole = np.ascontiguousarray(tensor, tensor.dtype.newbyteorder("<"))
        return whole.reshape(-1).view(np.uint8).data
    elements = [each.encode() if isinstance(each, str) else each for each in tensor.ravel()]
    return b"".join(part for each in elements for part in (len(each).to_bytes(4, "little"), each))
