"""One request's way through a model, and what becomes of what the predictor raised or yielded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from time import perf_counter
from typing import Any

from workaday_server import tracing
from workaday_server.errors import PredictorError, ServerError
from workaday_server.messages import to_json
from workaday_server.predictor import Outcome

log = logging.getLogger("workaday_server.worker")


class Call:
    """One request's items on their way through a model."""

    __slots__ = (
        *("_when_gone", "context", "deadline", "decode", "done", "encode", "gone", "items", "key", "streams", "times"),
    )

    def __init__(
        self,
        decode: Callable[[], tuple[list[Any], object]],
        encode: Callable[[list[Outcome]], Any],
        context: Mapping[str, Any],
        deadline: float,
        done: Callable[[Any], None],
    ) -> None:
        self.decode = decode
        self.encode = encode
        self.context = context
        self.deadline = deadline
        self.done = done  # called once, on the event loop, with what `encode` returned, a Stream or a ServerError
        self.gone = False  # nobody waits for the answer any more
        self.streams = False  # the answer has begun; from here on each piece has its own time
        self._when_gone: Callable[[], object] | None = None
        self.items: list[Any] = []
        self.key: object = None  # items of calls with another key do not share a batch
        self.times = [perf_counter(), 0.0, 0.0, 0.0, 0.0]  # queued, taken, decoded, predicted, encoded

    def when_gone(self, stop: Callable[[], object]) -> None:
        """Have `stop` called once nobody waits for the answer any more, or now where that is so already."""
        self._when_gone = stop
        if self.gone:
            stop()

    def leave(self) -> None:
        """Note that nobody waits any more."""
        self.gone = True
        if self._when_gone is not None:
            self._when_gone()


current: ContextVar[Call | None] = ContextVar("call", default=None)  # what this thread works on, where it is one


def work_on(call: Call | None) -> None:
    """Note which one call, if any, this thread works on: for the log, and for who has to know when it is over."""
    current.set(call)
    tracing.current.set((call.context["request_id"], call.context["headers"]) if call else None)


def refusal(error: Exception, model: str) -> ServerError:
    """Return the error a caller may see; what the predictor did not mean for callers goes to the log."""
    if isinstance(error, ServerError):
        return error
    log.error("model %s: prediction failed", model, exc_info=error)
    return PredictorError("prediction failed; the server's log has the reason")


def piece_bytes(value: Any) -> bytes:
    """Return one piece of a stream: text and bytes as they are, anything else a line of JSON."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    return to_json(value) + b"\n"
