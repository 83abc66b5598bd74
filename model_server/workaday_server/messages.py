"""A request and a response, as the parts of the server hand them to each other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson

JSON = "application/json"


class Request:
    """One HTTP request, its body already read. Header names are lower case."""

    __slots__ = (
        "_query",
        "body",
        "document",
        "headers",
        "http_1_1",
        "id",
        "keep_alive",
        "method",
        "path",
        "query_string",
        "received",
        "timeout",
    )

    def __init__(self, method: str, path: str, query_string: str, headers: dict[str, str], received: float) -> None:
        self.method = method
        self.path = path
        self.query_string = query_string
        self.headers = headers
        self.received = received
        self.body: bytes | memoryview = b""
        self.document: Any = None  # the body's JSON, where it was parsed to know the model
        self.id = ""
        self.keep_alive = True
        self.http_1_1 = True
        self._query: dict[str, str] | None = None
        self.timeout = float("inf")  # seconds, where the protocol itself has a deadline

    @property
    def query(self) -> dict[str, str]:
        """Return the query's parameters; of a repeated one, the last."""
        if self._query is None:
            self._query = dict(parse_qsl(self.query_string, keep_blank_values=True)) if self.query_string else {}
        return self._query

    @property
    def content_type(self) -> str:
        """Return the media type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(slots=True)
class Response:
    """An answer: a whole body, or a stream of pieces. Predictors may return one for full control."""

    body: bytes = b""
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: AsyncIterator[bytes] | None = None
    close: bool = False


def to_json(value: object) -> bytes:
    """Return JSON text in UTF-8; arrays and tensors become nested lists, NaN and infinities null.

    Raises:
        TypeError: the value holds something that JSON cannot say.
    """
    return orjson.dumps(value, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)


def json_response(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with `value` as JSON."""
    return Response(to_json(value), status, JSON, headers or {})


def _plain(value: object) -> object:
    """Turn what orjson does not know into what it does: torch tensors, unusual arrays, sets, mappings."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")
