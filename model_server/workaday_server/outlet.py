"""An answer's bytes, and the way by which a worker's thread sends a lone one itself.

The usual way back, over the event loop, wakes a second thread before the client hears anything: a fifth of a small
request's time. The loop keeps the books either way, after the client has its answer.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from workaday_server.messages import REASONS, Request, Response

SMALL = 64 * 1024  # what a socket takes at once; more is the loop's business


class Outlet:
    """A connection's descriptor, and who writes an answer to it: the first of the worker and the loop.

    The descriptor is closed only after `shut`, so that no thread writes to its successor.
    """

    def __init__(self, transport: Any) -> None:
        socket = transport.get_extra_info("socket")
        self._descriptor = -1 if socket is None else socket.fileno()
        self._lock = threading.Lock()

    def send(self, request: Request, data: bytes, keep: bool) -> None:
        """Put an answer on the wire from a worker's thread, unless the loop was first, or nothing can be sent now."""
        with self._lock:
            if self._descriptor < 0 or request.taken:
                return
            try:
                sent = os.write(self._descriptor, data)  # it does not block
            except OSError:
                return
            request.keep_alive, request.unsent = keep, data[sent:]

    def take(self, request: Request) -> bytes | None:
        """Give the answer to the loop: return what the worker left of it, or None when it is all the loop's."""
        with self._lock:
            request.taken = True
            return request.unsent

    def shut(self) -> None:
        """Let no thread write any more."""
        with self._lock:
            self._descriptor = -1


def head(response: Response, request_id: str, keep: bool, framing: str) -> bytes:
    """Return an answer's status line and headers; a header that would break the lines is left out."""
    lines = [f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Unknown')}\r\n"]
    lines.append(f"content-type: {response.content_type}\r\n{framing}")
    if request_id:
        lines.append(f"x-request-id: {request_id}\r\n")
    for name, value in response.headers.items():
        if "\n" not in value and "\r" not in value and "\n" not in name and "\r" not in name:
            lines.append(f"{name}: {value}\r\n")
    if not keep:
        lines.append("connection: close\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("latin-1", "replace")
