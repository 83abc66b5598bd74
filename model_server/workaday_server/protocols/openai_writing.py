"""Answers in the making: from a model's engine to one response, or to a stream of events, within the request's time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

from workaday_server.calls import refusal
from workaday_server.errors import DeadlineExceeded, ServerError
from workaday_server.generation.requests import Generation, Piece
from workaday_server.messages import Response
from workaday_server.protocols import openai_requests
from workaday_server.protocols.openai_answers import Answer

if TYPE_CHECKING:
    from workaday_server.generation.engine import Engine

EVENTS = "text/event-stream; charset=utf-8"
UNBUFFERED = {"cache-control": "no-cache", "x-accel-buffering": "no"}  # proxies pass each event on as it comes


class Choices:
    """Several generations read as one, each piece with its choice's index."""

    def __init__(self) -> None:
        self.generations: list[Generation] = []
        self._pieces: asyncio.Queue[tuple[int, Piece | Exception | None]] = asyncio.Queue()
        self._readers: list[asyncio.Task[None]] = []
        self._open = 0
        self._failure: Exception | None = None

    def add(self, generation: Generation) -> None:
        """Read one more."""
        index = len(self.generations)
        self.generations.append(generation)
        self._readers.append(asyncio.get_running_loop().create_task(self._read(index, generation)))
        self._open += 1

    async def ready(self) -> list[tuple[int, Piece]]:
        """Return the pieces that have come, at least one; none once all choices are complete.

        Raises:
            Exception: a generation's own.
        """
        found: list[tuple[int, Piece]] = []
        while self._open and self._failure is None and not (found and self._pieces.empty()):
            index, item = await self._pieces.get()
            if isinstance(item, Exception):
                self._failure = item
            elif item is None:
                self._open -= 1
            else:
                found.append((index, item))
        if self._failure is not None and not found:  # what came before it is said first
            raise self._failure
        return found

    def cancel(self) -> None:
        """Stop what is not complete: nobody reads it."""
        for reader in self._readers:
            reader.cancel()
        for generation in self.generations:
            generation.cancel()

    async def _read(self, index: int, generation: Generation) -> None:
        try:
            async for piece in generation:
                self._pieces.put_nowait((index, piece))
        except Exception as error:
            self._pieces.put_nowait((index, error))
        else:
            self._pieces.put_nowait((index, None))


class Events:
    """A stream of an answer's events. It has begun: an error becomes its last event."""

    def __init__(
        self, answer: Answer, choices: Choices, first: bytes, stall_seconds: float, count: Callable[[str], None]
    ) -> None:
        self._answer = answer
        self._choices = choices
        self._first = first
        self._stall_seconds = stall_seconds
        self._count = count
        self._ended = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._ended:
            raise StopAsyncIteration
        if self._first:
            first, self._first = self._first, b""
            return first
        try:
            async with asyncio.timeout(self._stall_seconds):
                return await self._next()
        except TimeoutError:
            return self._failed(DeadlineExceeded(f"model {self._answer.model} stopped sending"))
        except Exception as error:
            return self._failed(refusal(error, self._answer.model))

    async def _next(self) -> bytes:
        pieces = await self._choices.ready()
        if pieces:
            return b"".join(self._answer.event(index, piece) for index, piece in pieces)
        self._ended = True
        return self._answer.closing()

    def _failed(self, error: ServerError) -> bytes:
        self._count(error.cause)
        self._ended = True
        self._choices.cancel()
        return self._answer.failure(error)

    def close(self) -> None:
        """Stop generating, where the reader has gone before the end."""
        if not self._ended:
            self._count("disconnect")
            self._ended = True
            self._choices.cancel()


class Writing:
    """One request's way through an engine; `done` gets its response, or the error that stands for it."""

    def __init__(
        self, engine: Engine, kind: str, model: str, request_id: str, stall_seconds: float, count: Callable[[str], None]
    ) -> None:
        self._engine = engine
        self._kind = kind
        self._model = model
        self._id = request_id
        self._stall_seconds = stall_seconds
        self._count = count
        self._choices = Choices()
        self._task: asyncio.Task[None] | None = None

    def start(self, body: Mapping[str, Any], deadline: float, done: Callable[[Any], None]) -> None:
        """Begin; `done` is called on the event loop, and not before this returns, unless `leave` is called before."""
        self._task = asyncio.get_running_loop().create_task(self._run(body, deadline, done))

    def leave(self) -> None:
        """Stop: the caller has gone before its answer began."""
        self._count("disconnect")
        if self._task is not None:
            self._task.cancel()
        self._choices.cancel()

    async def _run(self, body: Mapping[str, Any], deadline: float, done: Callable[[Any], None]) -> None:
        outcome: Response | ServerError
        try:
            async with asyncio.timeout(deadline - perf_counter()):
                outcome = await self._answer(body, deadline)
        except TimeoutError:
            outcome = DeadlineExceeded(f"model {self._model}'s answer did not come in time")
        except Exception as error:
            outcome = refusal(error, self._model)
        if isinstance(outcome, ServerError):
            self._choices.cancel()
        done(outcome)

    async def _answer(self, body: Mapping[str, Any], deadline: float) -> Response:
        # A chat's template is the user's own code, which must not stop the loop.
        asked = await asyncio.to_thread(self._asked, body)
        due = {"begin_by" if asked.stream else "deadline": deadline}
        for request in asked.requests():
            self._choices.add(await self._engine.enqueue(request, **due))
        generations = self._choices.generations
        answer = Answer(self._kind, self._model, self._id, generations, asked.choices, asked.include_usage)
        if asked.stream:
            pieces = await self._choices.ready()
            first = answer.opening() + b"".join(answer.event(index, piece) for index, piece in pieces)
            events = Events(answer, self._choices, first, self._stall_seconds, self._count)
            return Response(content_type=EVENTS, headers=UNBUFFERED, stream=events)
        written: list[list[Piece]] = [[] for _ in generations]
        while pieces := await self._choices.ready():
            for index, piece in pieces:
                written[index].append(piece)
        return Response(answer.whole(written))

    def _asked(self, body: Mapping[str, Any]) -> openai_requests.Asked:
        generator = self._engine.generator
        if self._kind == "chat":
            return openai_requests.chat(body, generator.chat_prompt, generator.sampling)
        return openai_requests.text(body, generator.sampling)
