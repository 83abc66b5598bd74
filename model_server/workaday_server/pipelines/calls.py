"""How a step's model is called: through its queue in this process, or over HTTP. Both are judged alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol

from workaday_server.calls import Call
from workaday_server.errors import ServerError
from workaday_server.messages import Response
from workaday_server.pipelines import failures
from workaday_server.pipelines.values import TEXT, Value
from workaday_server.protocols import raw
from workaday_server.streams import Stream, close
from workaday_server.worker import ModelQueue

# Of the pipeline's request, what its steps' models see too. Not credentials: those are for the pipeline.
PASSED_HEADERS = ("traceparent", "tracestate", "baggage", "accept-language")
ANSWER_BYTES = 256 * 1024 * 1024  # the most that a step may answer
MESSAGE_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Asked:
    """The pipeline's request, as its steps pass it on.

    Attributes:
        id: of the request.
        headers: those that are passed on.
    """

    id: str
    headers: dict[str, str]

    @classmethod
    def by(cls, context: Mapping[str, Any]) -> Asked:
        """Return what a call of the pipeline passes on."""
        given: Mapping[str, str] = context["headers"]
        headers = {name: given[name] for name in PASSED_HEADERS if name in given}
        return cls(context["request_id"], headers)


class Caller(Protocol):
    """A way to a step's model."""

    protocol: str

    async def call(self, payload: Value, asked: Asked, deadline: float) -> Value:
        """Return the model's answer, by a time of `perf_counter`.

        Raises:
            StepError: there is none.
        """


class InProcess:
    """The queue of a model in this process; `queue` raises Unavailable where it has none now."""

    protocol = "process"

    def __init__(self, queue: Callable[[], ModelQueue]) -> None:
        self._queue = queue

    async def call(self, payload: Value, asked: Asked, deadline: float) -> Value:
        """See `Caller`."""
        request = payload.request(asked.id, asked.headers)
        context = {"headers": request.headers, "query": {}, "request_id": asked.id, "path": request.path}
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def done(outcome: Any) -> None:
            if not future.done():
                future.set_result(outcome)

        call = Call(lambda: raw.decode(request), raw.encode, context, deadline, done)
        try:
            queue = self._queue()
            queue.submit(call)
        except ServerError as error:
            raise failures.of_error(error) from None
        try:
            outcome = await future
        except asyncio.CancelledError:
            queue.cancel(call)
            raise
        return await _answer(outcome)


async def _answer(outcome: Any) -> Value:
    if isinstance(outcome, ServerError):
        raise failures.of_error(outcome)
    if isinstance(outcome, Stream):
        outcome = Response(content_type=TEXT, stream=outcome)
    if not isinstance(outcome, Response):
        raise failures.unusable("answered what cannot be passed on")
    body = outcome.body
    if outcome.stream is not None:
        body = await _collected(outcome.stream)
    return judged(outcome.status, outcome.content_type, body, outcome.headers.get("retry-after"))


async def _collected(stream: Any) -> bytes:
    pieces, size = [], 0
    try:
        async for piece in stream:
            pieces.append(piece)
            size += len(piece)
            if size > ANSWER_BYTES:
                raise failures.unusable(f"answered more than {ANSWER_BYTES} bytes")
    except ServerError as error:
        raise failures.of_error(error) from None
    finally:
        close(stream)
    return b"".join(pieces)


def judged(status: int, content_type: str, body: bytes, retry_after: str | None) -> Value:
    """Return an answer that can be used.

    Raises:
        StepError: it is a refusal, or not what it says it is.
    """
    value = Value(body, content_type)
    if status >= 400:
        raise failures.of_status(status, _message(value), _seconds(retry_after))
    if not 200 <= status < 300:
        raise failures.unusable(f"answered {status}")
    if value.is_json:
        try:
            value.plain()
        except ServerError:
            raise failures.unusable("answered what is not JSON, and calls it that") from None
    return value


def _message(refusal: Value) -> str:
    """Return the text of `{"error": text}`, and of nothing else: a foreign server's page is not for callers."""
    try:
        said = refusal.plain() if refusal.is_json else None
    except ServerError:
        return ""
    text = said.get("error") if isinstance(said, dict) else None
    return " ".join(text.split())[:MESSAGE_LENGTH] if isinstance(text, str) else ""


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after and retry_after.isdecimal() else None


def left(deadline: float) -> float:
    """Return the seconds until a time of `perf_counter`.

    Raises:
        StepError: there are none.
    """
    seconds = deadline - perf_counter()
    if seconds <= 0:
        raise failures.too_late()
    return seconds
