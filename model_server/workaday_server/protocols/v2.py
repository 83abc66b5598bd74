"""The Open Inference Protocol's second version over REST: named tensors, in JSON or as raw bytes after it.

The predictor gets `{name: numpy array}`; raw tensors are views of the request's body, not copies. It may return such a
mapping, one array or tensor, or anything else, which then travels as JSON text in a BYTES tensor.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workaday_server.errors import ClientError, ServerError
from workaday_server.messages import Request, Response, to_json
from workaday_server.protocols import raw
from workaday_server.protocols.tensors import (
    DTYPES,
    NAMES,
    Array,
    bf16,
    checked_count,
    chosen,
    from_bytes,
    named,
    objects,
    payload_of,
    to_bytes,
    widened,
)

HEADER_LENGTH = "inference-header-content-length"


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
            isinstance(self._outputs, list)
            and all(isinstance(each, dict) and isinstance(each.get("name"), str) for each in self._outputs)
        ):
            raise ClientError("`outputs` must be a list of mappings with names")
        parameters = body.get("parameters") or {}
        self._binary = isinstance(parameters, dict) and parameters.get("binary_data_output") is True
        tensors: dict[str, Array] = {}
        offset = 0
        for index, entry in enumerate(body["inputs"]):
            name, tensor, offset = _input(entry, f"inputs[{index}]", rest, offset)
            tensors[name] = tensor
        if offset != len(rest):
            raise ClientError(f"the body has {len(rest)} bytes of tensors, and its inputs say {offset}")
        return payload_of(tensors)

    def encode(self, outcomes: list[Any]) -> Response:
        """Return the outputs, in JSON or as raw bytes as the request asked for each."""
        outcome = outcomes[0]
        if isinstance(outcome, ServerError):
            raise outcome
        if isinstance(outcome, Response):
            return outcome
        outputs, chunks = [], []
        for name, tensor in self._chosen(named(outcome)):
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

    def _chosen(self, answer: dict[str, Array]) -> list[tuple[str, Array]]:
        return chosen(answer, [each["name"] for each in self._outputs or ()])

    def _wants_binary(self, name: str) -> bool:
        for each in self._outputs or ():
            parameters = each.get("parameters") or {}
            if each.get("name") == name and isinstance(parameters, dict) and "binary_data" in parameters:
                return parameters["binary_data"] is True
        return self._binary


def _input(entry: Any, path: str, rest: memoryview, offset: int) -> tuple[str, Array, int]:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise ClientError(f"`{path}` needs a name")
    shape: Any = entry.get("shape")
    datatype: Any = entry.get("datatype")
    count = checked_count(shape, datatype, path)
    parameters = entry.get("parameters") or {}
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None:
        return entry["name"], _from_json(entry.get("data"), shape, datatype, count, path), offset
    if type(size) is not int or size < 0 or offset + size > len(rest):
        raise ClientError(f"`{path}.parameters.binary_data_size` does not fit the body")
    return entry["name"], from_bytes(rest[offset : offset + size], shape, datatype, path), offset + size


def _from_json(data: Any, shape: list[int], datatype: str, count: int, path: str) -> Array:
    if not isinstance(data, list):
        raise ClientError(f"`{path}.data` must be a list")
    if datatype == "BYTES":
        flat = _flat(data)
        if not all(isinstance(each, str) for each in flat):
            raise ClientError(f"`{path}.data` must be texts")
        return objects([each.encode() for each in flat], shape, count, path)
    try:
        tensor = np.asarray(data)
    except ValueError:
        raise ClientError(f"`{path}.data` is ragged") from None
    wanted = DTYPES["FP32" if datatype == "BF16" else datatype]
    if tensor.size != count:
        raise ClientError(f"`{path}.data` has {tensor.size} numbers, and its shape needs {count}")
    if count and not np.can_cast(tensor.dtype, wanted, "same_kind") and not _fits(tensor, wanted):
        raise ClientError(f"`{path}.data` does not fit {datatype}")
    if count and wanted.kind in "iu" and tensor.dtype.kind in "iu" and not _fits(tensor, wanted):
        raise ClientError(f"`{path}.data` does not fit {datatype}")
    tensor = tensor.astype(wanted).reshape(shape)
    return bf16(tensor) if datatype == "BF16" else tensor


def _fits(tensor: Array, wanted: np.dtype[Any]) -> bool:
    if tensor.dtype.kind not in "iu" or wanted.kind not in "iu":
        return False
    info = np.iinfo(wanted)
    return bool(int(tensor.min()) >= info.min and int(tensor.max()) <= info.max)


def _flat(data: list[Any]) -> list[Any]:
    while data and all(isinstance(each, list) for each in data):
        data = [item for each in data for item in each]
    return data


def _output(name: str, tensor: Array, binary: bool) -> tuple[dict[str, Any], list[Any]]:
    is_bytes = tensor.dtype == object
    datatype = "BYTES" if is_bytes else NAMES.get(tensor.dtype.newbyteorder("="))
    entry: dict[str, Any] = {"name": name, "shape": list(tensor.shape), "datatype": datatype}
    if not binary:
        flat = tensor.ravel()
        try:
            entry["data"] = [_utf8(each) for each in flat] if is_bytes else _numbers(flat)
        except UnicodeDecodeError:
            raise ClientError(f"output {name} is not text; ask for it with binary_data") from None
        return entry, []
    data = to_bytes(tensor)
    entry["parameters"] = {"binary_data_size": len(data)}
    return entry, [data]


def _numbers(flat: Array) -> Any:
    # orjson has no half precision; a NaN becomes null.
    return np.ascontiguousarray(widened(flat))


def _utf8(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()
