"""The Open Inference Protocol's second version over gRPC: `ModelInfer`'s messages from and to bytes.

protobuf would copy each raw tensor out of the message and into it. So the message's outermost fields are walked here:
raw tensors become views of the request, and are joined once into the answer; protobuf reads and writes what is left.
A request with typed contents is answered with typed contents, unless an output has a half-precision datatype.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from workaday_server.errors import ClientError, ServerError
from workaday_server.messages import Request, Response
from workaday_server.protocols import messages_pb as pb
from workaday_server.protocols.tensors import (
    DTYPES,
    NAMES,
    Array,
    checked_count,
    chosen,
    from_bytes,
    named,
    objects,
    payload_of,
    to_bytes,
)

MAX_FIELDS = 4096
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


class Envelope:
    """A `ModelInferRequest` whose outermost fields have been walked.

    Attributes:
        model, version: whom it asks; decided before anything else is read.
        raw: its raw tensors, as views.
        rest: the message without them.

    Raises:
        ClientError: it is no such message.
    """

    def __init__(self, data: bytes) -> None:
        view, start, count = memoryview(data), 0, 0
        self.raw: list[memoryview] = []
        rest: list[memoryview] = []
        named_by = {1: b"", 2: b""}
        while start < len(data):
            number, begin, end = _field(data, start)
            count += 1
            if count > MAX_FIELDS:
                raise ClientError(f"the message has more than {MAX_FIELDS} fields")
            if number == pb.RAW_INPUT:
                self.raw.append(view[begin:end])
            else:
                rest.append(view[start:end])
            if number in named_by:
                named_by[number] = data[begin:end]
            start = end
        self.rest = b"".join(rest)
        try:
            self.model, self.version = named_by[1].decode(), named_by[2].decode()
        except UnicodeDecodeError:
            raise ClientError("the model's name is not text") from None


class Exchange:
    """One `ModelInfer` call: its id, the outputs it asked for, and whether its tensors were typed."""

    def __init__(self, request: Request, model: str, revision: str) -> None:
        self._request = request
        self._model = model
        self._revision = revision
        self._id = ""
        self._outputs: list[str] = []
        self._typed = False

    def decode(self) -> tuple[list[Any], object]:
        """Return the inputs as one payload `{name: array}`.

        Raises:
            ClientError: the message is none, or a tensor's contents do not fit its shape and datatype.
        """
        envelope = Envelope(bytes(self._request.body))
        message = parsed(pb.ModelInferRequest, envelope.rest)
        if not message.inputs:
            raise ClientError("send at least one input")
        self._id, self._outputs = message.id, [each.name for each in message.outputs]
        self._typed = not envelope.raw
        if envelope.raw and len(envelope.raw) != len(message.inputs):
            raise ClientError(f"{len(envelope.raw)} raw_input_contents for {len(message.inputs)} inputs")
        tensors: dict[str, Array] = {}
        for index, entry in enumerate(message.inputs):
            path, shape = f"inputs[{index}]", list(entry.shape)
            count = checked_count(shape, entry.datatype, path)
            if not envelope.raw:
                tensors[entry.name] = _from_typed(entry.contents, shape, entry.datatype, count, path)
            elif entry.HasField("contents"):
                raise ClientError(f"`{path}` has contents beside raw_input_contents")
            else:
                tensors[entry.name] = from_bytes(envelope.raw[index], shape, entry.datatype, path)
        return payload_of(tensors)

    def encode(self, outcomes: list[Any]) -> Response:
        """Return the serialized `ModelInferResponse`."""
        outcome = outcomes[0]
        if isinstance(outcome, ServerError):
            raise outcome
        if isinstance(outcome, Response):
            if outcome.status >= 400:
                return outcome
            outcome = outcome.body
        answer = pb.ModelInferResponse(model_name=self._model, model_version=self._revision, id=self._id)
        outputs = chosen(named(outcome), self._outputs)
        datatypes = [NAMES.get(tensor.dtype.newbyteorder("="), "BYTES") for _, tensor in outputs]
        typed = self._typed and all(each in _CONTENTS for each in datatypes)
        pieces: list[Any] = []
        for (name, tensor), datatype in zip(outputs, datatypes, strict=True):
            entry = answer.outputs.add(name=name, datatype=datatype, shape=tensor.shape)
            if typed:
                getattr(entry.contents, _CONTENTS[datatype]).extend(_listed(tensor))
            else:
                raw = to_bytes(tensor)
                pieces += (_varint(pb.RAW_OUTPUT << 3 | _LENGTH), _varint(len(raw)), raw)
        return Response(b"".join((answer.SerializeToString(), *pieces)), content_type="application/grpc")


def parsed(kind: Any, data: bytes) -> Any:
    """Return a message.

    Raises:
        ClientError: the bytes are none.
    """
    try:
        return kind.FromString(data)
    except DecodeError:
        raise ClientError(f"not a {kind.DESCRIPTOR.name}") from None


def _from_typed(contents: Any, shape: list[int], datatype: str, count: int, path: str) -> Array:
    field = _CONTENTS.get(datatype)
    if field is None:
        raise ClientError(f"`{path}`: {datatype} goes into raw_input_contents")
    values = list(getattr(contents, field))
    if datatype == "BYTES":
        return objects(values, shape, count, path)
    if len(values) != count:
        raise ClientError(f"`{path}.contents.{field}` has {len(values)} elements, and its shape needs {count}")
    wanted = DTYPES[datatype]
    if count and field in ("int_contents", "uint_contents"):
        info = np.iinfo(wanted.name)
        if min(values) < info.min or max(values) > info.max:
            raise ClientError(f"`{path}.contents.{field}` does not fit {datatype}")
    return np.array(values, wanted).reshape(shape)


def _listed(tensor: Array) -> list[Any]:
    flat = tensor.ravel()
    return [each.encode() if isinstance(each, str) else each for each in flat.tolist()]


def _field(data: bytes, start: int) -> tuple[int, int, int]:
    """Return the number of the field at `start`, and where its content begins and ends."""
    tag, begin = _read_varint(data, start)
    kind = tag & 7
    if kind == _VARINT:
        end = _read_varint(data, begin)[1]
    elif kind == _LENGTH:
        length, begin = _read_varint(data, begin)
        end = begin + length
    elif kind in (_FIXED64, _FIXED32):
        end = begin + (8 if kind == _FIXED64 else 4)
    else:
        raise ClientError("not a ModelInferRequest")
    if end > len(data) or not tag >> 3:
        raise ClientError("not a ModelInferRequest")
    return tag >> 3, begin, end


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ClientError("not a ModelInferRequest")


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
