"""The open connections: what the drain and the clients' timeouts look at."""

from __future__ import annotations

import os
from collections.abc import Callable
from time import monotonic
from typing import Protocol

from workaday_server.bodies import LARGE
from workaday_server.http import Connection
from workaday_server.messages import Request, Response


class Timeouts:
    """Seconds a client may take: for its headers, for each further piece of a body or an answer, between requests."""

    def __init__(self) -> None:
        self.headers = float(os.environ.get("WORKADAY_SERVER_CLIENT_SECONDS", "10"))
        self.progress = 2 * self.headers
        self.idle = 75.0


class Application(Protocol):
    """What answers requests."""

    def body_limit(self, method: str, path: str) -> int:
        """Return how many bytes the body may have."""

    def refusal(self, path: str, status: int, message: str) -> Response:
        """Return the answer to what never became a request."""

    def answer(self, request: Request, reply: Callable[[Response], None]) -> Callable[[], None] | None:
        """Have `reply` called once with the answer, now or later; must not raise.

        Returns:
            What to call when nobody waits for the answer any more; None where it has been given.
        """


class Connections:
    """Every open connection: what the drain and the timeouts look at."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.open: set[Connection] = set()
        self.closing = False  # each answer asks its client to come again on a new connection
        self.timeouts = Timeouts()
        self.incoming = memoryview(bytearray(LARGE))  # one for all: each read is parsed before the next

    def make(self) -> Connection:
        """Return a protocol for a new connection."""
        return Connection(self)

    def sweep(self) -> None:
        """Close the connections whose clients took too long. Called about once a second."""
        now = monotonic()
        for connection in [each for each in self.open if each.expires < now]:
            connection.expire()

    def close_idle(self) -> None:
        """Close the connections that wait for a next request; a new one's first may be on its way."""
        for connection in [each for each in self.open if each.idle and not each.fresh]:
            connection.close()

    @property
    def busy(self) -> int:
        """Return how many connections have a request begun or an answer not yet sent."""
        return sum(not each.idle for each in self.open)
