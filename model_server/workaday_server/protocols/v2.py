"""The Open Inference Protocol's second version over REST: named tensors, in JSON or as raw bytes after it.

The predictor gets `{name: numpy array}`; raw tensors are views of the request's body, not copies. It may return such a
mapping, one array or tensor, or anything else, which then travels as JSON text in a BYTES tensor.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workaday_server.errors import ClientError, PredictorError, ServerError
from workaday_server.messages import Request, Response, to_json
from workaday_server.protocols import raw

HEADER_LENGTH = "inference-header-content-length"
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
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
MAX_ELEMENTS = 2**40


class Exchange:
    """One V2 request: its id and the outputs it asked for."""

    def __init__(self, request: Request, model: str, revision: str) -> None:
        self._request = request
        self._model = model
        self._revision = revision
        self._id: object = None
        self._outputs: list[Any] | None = None
        self._binary = False

    def decode(self) -> tuple[list[Any], object]:
        """Return the inputs as one payload `{name: array}`.

        Raises:
            ClientError: the body is not a V2 request, or a tensor's data does not fit its shape and datatype.
        """
        head, rest = self._split()
        body = raw.json_body(head)
        if not isinstance(body, dict) or not isinstance(body.get("inputs"), list) or not body["inputs"]:
            raise ClientError('send {"inputs": [{"name", "shape", "datatype", "data"}, ...]}')
        self._id = body.get("id")
        if self._id is not None and not isinstance(self._id, str):
            raise ClientError("`id` must be text")
        self._outputs = body.get("outputs")
        if self._outputs is not None and not (
            isinstance(self._outputs, list) and all(isinstance(each, dict) for each in self._outputs)
        ):
            raise ClientError("`outputs` must be a list of mappings")
        parameters = body.get("parameters") or {}
        self._binary = isinstance(parameters, dict) and parameters.get("binary_data_output") is True
        tensors, offset = {}, 0
        for index, entry in enumerate(body["inputs"]):
            name, tensor, offset = _input(entry, f"inputs[{index}]", rest, offset)
            tensors[name] = tensor
        if offset != len(rest):
            raise ClientError(f"the body has {len(rest)} bytes of tensors, and its inputs say {offset}")
        return [tensors], tuple((name, tensor.dtype.str, tensor.shape) for name, tensor in tensors.items())

    def encode(self, outcomes: list[Any]) -> Response:
        """Return the outputs, in JSON or as raw bytes as the request asked for each."""
        outcome = outcomes[0]
        if isinstance(outcome, ServerError):
            raise outcome
        if isinstance(outcome, Response):
            return outcome
        outputs, chunks = [], []
        for name, tensor in self._chosen(_named(outcome)):
            entry, chunk = _output(name, tensor, self._wants_binary(name))
            outputs.append(entry)
            chunks += chunk
        answer: dict[str, Any] = {"model_name": self._model, "model_version": self._revision, "outputs": outputs}
        if self._id is not None:
            answer["id"] = self._id
        head = to_json(answer)
        if not chunks:
            return Response(head)
        length = {"Inference-Header-Content-Length": str(len(head))}
        return Response(b"".join((head, *chunks)), content_type="application/octet-stream", headers=length)

    def _split(self) -> tuple[memoryview, memoryview]:
        body, length = memoryview(self._request.body), self._request.headers.get(HEADER_LENGTH)
        if length is None:
            return body, body[len(body) :]
        if not length.isdecimal() or int(length) > len(body):
            raise ClientError("Inference-Header-Content-Length does not fit the body")
        return body[: int(length)], body[int(length) :]

    def _chosen(self, named: dict[str, Any]) -> list[tuple[str, Any]]:
        if not self._outputs:
            return list(named.items())
        missing = [each.get("name") for each in self._outputs if each.get("name") not in named]
        if missing:
            raise ClientError(f"no output {str(missing[0])[:80]!r}; there is {', '.join(named)}")
        return [(each["name"], named[each["name"]]) for each in self._outputs]

    def _wants_binary(self, name: str) -> bool:
        for each in self._outputs or ():
            parameters = each.get("parameters") or {}
            if each.get("name") == name and isinstance(parameters, dict) and "binary_data" in parameters:
                return parameters["binary_data"] is True
        return self._binary


def _input(entry: Any, path: str, rest: memoryview, offset: int) -> tuple[str, np.ndarray[Any, Any], int]:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise ClientError(f"`{path}` needs a name")
    shape, datatype = entry.get("shape"), entry.get("datatype")
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise ClientError(f"`{path}.shape` must be a list of whole numbers")
    if datatype != "BYTES" and (not isinstance(datatype, str) or datatype not in DTYPES):
        raise ClientError(f"`{path}.datatype` must be one of BYTES, {', '.join(DTYPES)}")
    count = math.prod(shape)
    if count > MAX_ELEMENTS:
        raise ClientError(f"`{path}.shape` is too large")
    parameters = entry.get("parameters") or {}
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None:
        return entry["name"], _from_json(entry.get("data"), shape, datatype, count, path), offset
    if type(size) is not int or size < 0 or offset + size > len(rest):
        raise ClientError(f"`{path}.parameters.binary_data_size` does not fit the body")
    return entry["name"], from_bytes(rest[offset : offset + size], shape, datatype, path), offset + size


def from_bytes(data: memoryview | bytes, shape: list[int], datatype: str, path: str) -> np.ndarray[Any, Any]:
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
    return _objects(elements, shape, count, path)


def _from_json(data: Any, shape: list[int], datatype: str, count: int, path: str) -> np.ndarray[Any, Any]:
    if not isinstance(data, list):
        raise ClientError(f"`{path}.data` must be a list")
    if datatype == "BYTES":
        flat = _flat(data)
        if not all(isinstance(each, str) for each in flat):
            raise ClientError(f"`{path}.data` must be texts")
        return _objects([each.encode() for each in flat], shape, count, path)
    try:
        tensor = np.asarray(data)
    except ValueError:
        raise ClientError(f"`{path}.data` is ragged") from None
    wanted = DTYPES[datatype]
    if tensor.size != count:
        raise ClientError(f"`{path}.data` has {tensor.size} numbers, and its shape needs {count}")
    if count and not np.can_cast(tensor.dtype, wanted, "same_kind") and not _fits(tensor, wanted):
        raise ClientError(f"`{path}.data` does not fit {datatype}")
    if count and wanted.kind in "iu" and tensor.dtype.kind in "iu" and not _fits(tensor, wanted):
        raise ClientError(f"`{path}.data` does not fit {datatype}")
    return tensor.astype(wanted).reshape(shape)


def _fits(tensor: np.ndarray[Any, Any], wanted: np.dtype[Any]) -> bool:
    if tensor.dtype.kind not in "iu" or wanted.kind not in "iu":
        return False
    info = np.iinfo(wanted)
    return bool(int(tensor.min()) >= info.min and int(tensor.max()) <= info.max)


def _flat(data: list[Any]) -> list[Any]:
    while data and all(isinstance(each, list) for each in data):
        data = [item for each in data for item in each]
    return data


def _objects(elements: list[bytes], shape: list[int], count: int, path: str) -> np.ndarray[Any, Any]:
    if len(elements) != count:
        raise ClientError(f"`{path}` has {len(elements)} elements, and its shape needs {count}")
    tensor = np.empty(count, dtype=object)
    tensor[:] = elements
    return tensor.reshape(shape)


def _named(answer: Any) -> dict[str, Any]:
    """Return the answer's tensors by name."""
    if isinstance(answer, dict) and answer and all(isinstance(key, str) for key in answer):
        arrays = {key: _array(value) for key, value in answer.items()}
        if all(value is not None for value in arrays.values()):
            return arrays
    only = _array(answer)
    if only is None:
        only = np.array([raw.answer_json(answer)], dtype=object)
    return {"output-0": only}


def _array(value: Any) -> np.ndarray[Any, Any] | None:
    """Return a value as an array that V2 has a datatype for, or None."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            value = value.float()
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
    if value.dtype.kind in "US":
        value = np.array([str(each).encode() for each in value.ravel()], dtype=object).reshape(value.shape)
    if value.dtype == object:
        return value if all(isinstance(each, bytes | str) for each in value.ravel()) else None
    return value if value.dtype.newbyteorder("=") in NAMES else None


def _output(name: str, tensor: np.ndarray[Any, Any], binary: bool) -> tuple[dict[str, Any], list[Any]]:
    is_bytes = tensor.dtype == object
    datatype = "BYTES" if is_bytes else NAMES.get(tensor.dtype.newbyteorder("="))
    entry: dict[str, Any] = {"name": name, "shape": list(tensor.shape), "datatype": datatype}
    if not binary:
        flat = tensor.ravel()
        try:
            entry["data"] = [_utf8(each) for each in flat] if is_bytes else _numbers(flat)
        except UnicodeDecodeError:
            raise PredictorError(f"output {name} is not text; ask for it with binary_data") from None
        return entry, []
    data = to_bytes(tensor)
    entry["parameters"] = {"binary_data_size": len(data)}
    return entry, [data]


def _numbers(flat: np.ndarray[Any, Any]) -> Any:
    # orjson has no half precision; a NaN becomes null.
    return flat.astype(np.float32) if flat.dtype == np.float16 else np.ascontiguousarray(flat)


def _utf8(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()


def to_bytes(tensor: np.ndarray[Any, Any]) -> bytes | memoryview:
    """Return a tensor's raw form: little-endian elements, or each BYTES element after its length."""
    if tensor.dtype != object:
        whole = np.ascontiguousarray(tensor, tensor.dtype.newbyteorder("<"))
        return whole.reshape(-1).view(np.uint8).data
    elements = [each.encode() if isinstance(each, str) else each for each in tensor.ravel()]
    return b"".join(part for each in elements for part in (len(each).to_bytes(4, "little"), each))
