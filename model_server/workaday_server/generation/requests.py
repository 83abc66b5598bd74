"""What a caller asks of a generator, and what comes back piece by piece. Imports no torch.

`Generation` is both an async iterator, for the event loop, and an iterator, for a thread; one reader at a time. The
engine's thread writes into it and never waits for its reader: what is unread is bounded by the request's `max_tokens`.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Literal

from workaday_server.errors import ClientError, DeadlineExceeded

Finish = Literal["stop", "length"]
MAX_STOPS = 16
MAX_SEED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer is chosen and where it ends.

    Attributes:
        max_tokens: the longest answer, in tokens; None for the model's own default. At most what the context has left.
        temperature: 0 takes the likeliest token each time (greedy); higher values choose more freely.
        top_p: choose among the likeliest tokens whose probabilities add up to this much.
        stop: texts that end the answer; they are not part of it.
        seed: makes the choice repeatable, whatever else is computed beside it; None seeds from the operating system.
    """

    max_tokens: int | None = None
    temperature: float = 1.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int | None = None

    def check(self) -> None:
        """Raise ClientError (400) unless every value is of its type and in its range."""
        if self.max_tokens is not None:
            _number("max_tokens", self.max_tokens, 1, 2**31, whole=True)
        _number("temperature", self.temperature, 0, 2)
        _number("top_p", self.top_p, 0, 1)
        if self.top_p == 0:
            raise ClientError("`top_p` must be above 0")
        if self.seed is not None:
            _number("seed", self.seed, -MAX_SEED - 1, MAX_SEED, whole=True)
        if len(self.stop) > MAX_STOPS or not all(isinstance(each, str) and each for each in self.stop):
            raise ClientError(f"`stop` must be a text, or a list of at most {MAX_STOPS} texts, none of them empty")


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """A prompt, as text (special tokens in it count as such) or as token ids, and how to go on from it."""

    prompt: str | tuple[int, ...]
    sampling: Sampling = Sampling()


@dataclass(frozen=True, slots=True)
class Piece:
    """What was generated since the last piece.

    Attributes:
        text: whole characters only; may be empty.
        tokens: how many tokens were added. What a stop text cut away counts, the end token does not.
        finish: None until the last piece; then "stop" (end token or stop text) or "length".
    """

    text: str
    tokens: int
    finish: Finish | None


class Generation:
    """One request's answer in the making: iterate over its pieces; the last one has `finish`.

    Iterating raises the server's own errors: DeadlineExceeded, Unavailable when the model goes, PredictorError when it
    fails. Whoever stops reading early has to call `cancel`, which gives its place and its cache pages back.

    Attributes:
        prompt_tokens: how many tokens the prompt has.
        completion_tokens: how many were generated so far.
        deadline: on the clock of `perf_counter`, when the last piece has to be there.
        begin_by: the same, for the first piece.
    """

    def __init__(
        self,
        prompt_tokens: int,
        on_cancel: Callable[[], None] = lambda: None,
        deadline: float = math.inf,
        begin_by: float = math.inf,
    ) -> None:
        self.prompt_tokens = prompt_tokens
        self.deadline = deadline
        self.begin_by = begin_by
        self.completion_tokens = 0
        self.cancelled = False
        self.ended = False  # the last piece, or an error, is there
        self.whole = False  # its reader waits for the end: it is not to be woken by each piece
        self._on_cancel = on_cancel
        self._unread: deque[Piece | Exception] = deque()
        self._lock = threading.Lock()
        self._wake: Callable[[], None] | None = None

    def cancel(self) -> None:
        """Stop generating; from any thread, at any time, any number of times. A reader that waits is released."""
        with self._lock:
            if self.cancelled or self.ended:
                return
            self.cancelled = True
        self._on_cancel()
        self._notify()

    def put(self, item: Piece | Exception) -> None:
        """Add a piece, or the error that ends the answer. The engine's alone."""
        with self._lock:
            if self.cancelled or self.ended:
                return
            self._unread.append(item)
            if isinstance(item, Piece):
                self.completion_tokens += item.tokens
            self.ended = isinstance(item, Exception) or item.finish is not None
        if self.ended or not self.whole:
            self._notify()

    def __aiter__(self) -> Generation:
        return self

    async def __anext__(self) -> Piece:
        loop = asyncio.get_running_loop()
        while True:
            woken = asyncio.Event()
            if self._ready_or_wake(partial(_from_thread, loop, woken)):
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), self._patience())
            self._check_time()
        piece = self._take()
        if piece is None:
            raise StopAsyncIteration
        return piece

    def __iter__(self) -> Generation:
        return self

    def __next__(self) -> Piece:
        while True:
            woken = threading.Event()
            if self._ready_or_wake(woken.set):
                break
            woken.wait(self._patience())
            self._check_time()
        piece = self._take()
        if piece is None:
            raise StopIteration
        return piece

    def _patience(self) -> float | None:
        """Return how many seconds a reader may still wait, or None for ever."""
        until = self.deadline if self.completion_tokens else min(self.deadline, self.begin_by)
        return None if until == math.inf else max(0.0, until - perf_counter())

    def _check_time(self) -> None:
        if self._patience() == 0 and not self._unread and not self.ended and not self.cancelled:
            self.cancel()
            raise DeadlineExceeded("the answer did not come in time")

    def _ready_or_wake(self, wake: Callable[[], None]) -> bool:
        """Say whether there is something to take, or nothing to come; otherwise `wake` is called once there is."""
        with self._lock:
            ready = (bool(self._unread) and not self.whole) or self.ended or self.cancelled
            self._wake = None if ready else wake
            return ready

    def _take(self) -> Piece | None:
        if self.cancelled or not self._unread:
            return None
        item = self._unread.popleft()
        if isinstance(item, Exception):
            raise item
        return item

    def _notify(self) -> None:
        with self._lock:
            wake, self._wake = self._wake, None
        if wake is not None:
            wake()


def _from_thread(loop: asyncio.AbstractEventLoop, woken: asyncio.Event) -> None:
    try:
        loop.call_soon_threadsafe(woken.set)
    except RuntimeError:  # the loop is closed: nobody reads
        return


def _number(name: str, value: object, low: float, high: float, *, whole: bool = False) -> None:
    kinds = int if whole else (int, float)
    valid = isinstance(value, kinds) and not isinstance(value, bool) and math.isfinite(value) and low <= value <= high
    if not valid:
        kind = "whole number" if whole else "number"
        raise ClientError(f"`{name}` must be a {kind} from {low} to {high}")
