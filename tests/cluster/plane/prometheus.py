"""In place of Prometheus where a test wants to say what is measured: one value, the answer to every query."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Answers:
    """A server of Prometheus' query API.

    Attributes:
        value: what every query yields; None is no sample at all.
        queries: how many were asked.
    """

    def __init__(self) -> None:
        self.value: float | None = 0.0
        self.queries = 0
        answers = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answers.queries += 1
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(answers.body()).encode())

            do_POST = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Keep quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def body(self) -> dict[str, object]:
        """Return an instant vector of the value."""
        result = [] if self.value is None else [{"metric": {}, "value": [time.time(), str(self.value)]}]
        return {"status": "success", "data": {"resultType": "vector", "result": result}}


@contextmanager
def answering() -> Iterator[Answers]:
    """Answer for the length of a block."""
    answers = Answers()
    threading.Thread(target=answers.server.serve_forever, daemon=True).start()
    try:
        yield answers
    finally:
        answers.server.shutdown()
        answers.server.server_close()
