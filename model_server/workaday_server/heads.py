"""The heads of requests and answers: what stands in them, read and written with little work for what comes often."""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from urllib.parse import unquote

from workaday_server.messages import Response

REASONS = {status.value: status.phrase for status in HTTPStatus}
ONCE = ("content-length", "host", "transfer-encoding")
COMMON = (
    *("Accept", "Accept-Encoding", "Connection", "Content-Length", "Content-Type", "Host", "User-Agent"),
    *("Inference-Header-Content-Length", "Traceparent", "Tracestate", "X-Request-Id"),
)
KNOWN = {spelt.encode(): name.lower() for name in COMMON for spelt in (name, name.lower())}
SHORT = 256  # bytes of an address that is worth remembering


def address(url: bytes) -> tuple[str, str]:
    """Return an address's path, unquoted, and its query."""
    return _remembered(url) if len(url) <= SHORT else _split(url)


def _split(url: bytes) -> tuple[str, str]:
    path, _, query = url.decode("latin-1").partition("?")
    return unquote(path), query


_remembered = lru_cache(256)(_split)


def head(response: Response, request_id: str, keep: bool, framing: str) -> bytes:
    """Return an answer's status line and headers; `framing` says how its body's end is known."""
    start = _start(response.status, response.content_type)
    named = f"x-request-id: {request_id}\r\n" if request_id else ""
    closing = "" if keep else "connection: close\r\n"
    more = (
        "".join(
            f"{name}: {value}\r\n"
            for name, value in response.headers.items()
            if "\n" not in value and "\r" not in value and "\n" not in name and "\r" not in name
        )
        if response.headers
        else ""
    )
    return f"{start}{framing}{named}{more}{closing}\r\n".encode("latin-1", "replace")


@lru_cache(256)
def _start(status: int, content_type: str) -> str:
    return f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}\r\ncontent-type: {content_type}\r\n"
