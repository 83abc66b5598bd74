"""Which request a thread or a task works for, so that each line it logs says so.

W3C's trace context is passed through: the predictor finds `traceparent` and `tracestate` among its headers, unchanged,
and the ids in a log line are the caller's. The server makes no spans of its own, so it must not name any either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

# The request's id and its headers; parsed only where a line is logged.
current: ContextVar[tuple[str, Mapping[str, str]] | None] = ContextVar("request", default=None)
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")


@contextmanager
def of(request_id: str, headers: Mapping[str, str]) -> Iterator[None]:
    """Have the lines logged meanwhile name a request."""
    token = current.set((request_id, headers))
    try:
        yield
    finally:
        current.reset(token)


def ids() -> dict[str, str]:
    """Return the current request's `request_id`, and its `trace_id` and `span_id` where its caller sent valid ones."""
    known = current.get()
    if known is None:
        return {}
    request_id, headers = known
    found = _TRACEPARENT.fullmatch(headers.get("traceparent", "").strip())
    if found is None or (found[0].startswith("00") and found[3]):  # the first version has four fields
        return {"request_id": request_id}
    return {"request_id": request_id, "trace_id": found[1], "span_id": found[2]}
