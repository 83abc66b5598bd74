"""The thread that generates: takes requests in, computes step by step, hands out pieces. Imports no torch itself.

Between two steps requests join and leave. The engine's thread alone touches the scheduler; other threads leave what
they want in `_arrived` and `_left`, under one lock, and wake it.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol

from workaday_server.errors import ClientError, Overloaded, PredictorError, Unavailable
from workaday_server.generation.answer import Answer
from workaday_server.generation.requests import Generation, GenerationRequest, Piece, Sampling
from workaday_server.generation.scheduler import GRAIN, Scheduler, Slice
from workaday_server.generation.scheduler import Sequence as Tokens
from workaday_server.generation.stats import Stats

log = logging.getLogger("workaday_server.generation")

INLINE_CHARACTERS = 4096  # a longer prompt is not made into tokens on the event loop


class Tokenizer(Protocol):
    """What the engine asks of a tokenizer. Called from several threads at once."""

    ends: Collection[int]

    def encode(self, text: str) -> list[int]:
        """Return a prompt's tokens; special tokens in the text count as such."""

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens, without special ones; bytes that are no UTF-8 become U+FFFD."""


class Runner(Protocol):
    """What computes a step.

    Attributes:
        tokens: how many tokens its cache holds.
        token_bytes: what one of them takes.
        context: the longest sequence the network takes, in tokens.
    """

    tokens: int
    token_bytes: int
    context: int

    def begin(self) -> None:
        """Prepare the engine's thread."""

    def chooser(self, sampling: Sampling) -> Any:
        """Return what `step` needs to choose a request's tokens."""

    def step(self, slices: Sequence[Slice], choosers: Sequence[Any]) -> list[int | None]:
        """Compute slices; return the next token of each that samples, None where its numbers are not finite.

        Args:
            slices: what to compute.
            choosers: those of the slices that sample, in their order.
        """

    def close(self) -> None:
        """Let go of the cache."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How many requests an engine takes.

    Attributes:
        max_batch: how many run at once.
        queue: how many more may wait; past that they are refused.
        prefill_tokens: how many tokens of prompts one step computes.
        max_tokens: the longest answer where the request does not say.
    """

    max_batch: int = 16
    queue: int = 64
    prefill_tokens: int = 64
    max_tokens: int = 256


@dataclass(eq=False, slots=True)
class _Job:
    tokens: Tokens
    chooser: Any
    answer: Answer
    generation: Generation
    submitted: float
    latest: float = 0.0  # when its latest token came


class Engine:
    """One model's generation.

    Attributes:
        generator: whose model this is: the user's `TextGenerator`, or None in a test.
        stats: what it measures.
    """

    def __init__(
        self, runner: Runner, tokenizer: Tokenizer, settings: Settings, *, name: str = "model", generator: Any = None
    ) -> None:
        self.name = name
        self.generator = generator
        self.tokenizer = tokenizer
        self.settings = settings
        self.stats = Stats(runner.tokens * runner.token_bytes)
        self._runner = runner
        self._scheduler = Scheduler(runner.tokens, settings.max_batch, settings.prefill_tokens)
        self._jobs: dict[Tokens, _Job] = {}
        self._changed = threading.Condition()
        self._arrived: list[_Job] = []
        self._left: list[Tokens] = []
        self._in_flight = 0
        self._closing = False
        self._step_began = math.inf  # on the clock of `perf_counter`; infinite between steps
        self._thread = threading.Thread(target=self._run, name=f"{name}-generate", daemon=True)
        self._thread.start()

    @property
    def in_flight(self) -> int:
        """Return how many requests wait or run."""
        return self._in_flight

    def stuck(self, seconds: float) -> bool:
        """Say whether the step that is computed now has taken longer than this: no one is answered until it ends."""
        return perf_counter() - self._step_began > seconds

    @property
    def context(self) -> int:
        """Return how many tokens a prompt and its answer may have together: by the network, and by the cache."""
        return min(self._runner.context, self._runner.tokens // GRAIN * GRAIN)

    def submit(
        self, request: GenerationRequest, deadline: float | None = None, begin_by: float | None = None
    ) -> Generation:
        """Take a request in.

        Args:
            request: what to generate.
            deadline: on the clock of `perf_counter`, when the whole answer has to be there.
            begin_by: the same, for its first piece: what a streamed answer's reader asks for.

        Raises:
            ClientError: a sampling value is out of range, or the prompt is empty or longer than `context`.
            Overloaded: as many requests wait as may.
            Unavailable: the model is going away.
        """
        request.sampling.check()
        self._check_room()
        tokens = self._tokens(request.prompt)
        limit = self._limit(len(tokens), request.sampling)
        job = self._job(tokens, limit, request.sampling, deadline or math.inf, begin_by or math.inf)
        with self._changed:
            self._check_room()
            self._in_flight += 1
            self._arrived.append(job)
            self._changed.notify()
        return job.generation

    async def enqueue(
        self, request: GenerationRequest, deadline: float | None = None, begin_by: float | None = None
    ) -> Generation:
        """Do what `submit` does, for the event loop: a long prompt becomes tokens in another thread."""
        if isinstance(request.prompt, str) and len(request.prompt) > INLINE_CHARACTERS:
            self._check_room()
            return await asyncio.to_thread(self.submit, request, deadline, begin_by)
        return self.submit(request, deadline, begin_by)

    async def drained(self, seconds: float) -> bool:
        """Wait until nothing is in flight; False when time runs out."""
        until = perf_counter() + seconds
        while self._in_flight and perf_counter() < until:
            await asyncio.sleep(0.02)
        return not self._in_flight

    def close(self) -> None:
        """End: what is in flight gets 503. Returns when the thread has ended, or after ten seconds."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join(10)

    # --- taking in ---

    def _check_room(self) -> None:
        if self._closing:
            raise Unavailable(f"model {self.name} is being unloaded", retry_after=1)
        if self._in_flight >= self.settings.max_batch + self.settings.queue:
            wait = max(1.0, self.stats.seconds_per_answer() * self.settings.queue / self.settings.max_batch)
            raise Overloaded(f"model {self.name} has {self.settings.queue} requests waiting already", retry_after=wait)

    def _tokens(self, prompt: str | tuple[int, ...]) -> list[int]:
        tokens = self.tokenizer.encode(prompt) if isinstance(prompt, str) else list(prompt)
        if not tokens:
            raise ClientError("the prompt is empty")
        return tokens

    def _limit(self, prompt: int, sampling: Sampling) -> int:
        """Return how many tokens the answer may have."""
        if prompt >= self.context:
            raise ClientError(f"the prompt has {prompt} tokens; prompt and answer may have {self.context} together")
        return min(sampling.max_tokens or self.settings.max_tokens, self.context - prompt)

    def _job(self, tokens: list[int], limit: int, sampling: Sampling, deadline: float, begin_by: float) -> _Job:
        sequence = Tokens(tokens, len(tokens), len(tokens) + limit)
        answer = Answer(self.tokenizer.decode, self.tokenizer.ends, sampling, limit)
        generation = Generation(len(tokens), lambda: self._leave(sequence), deadline, begin_by)
        return _Job(sequence, self._runner.chooser(sampling), answer, generation, perf_counter())

    def _leave(self, sequence: Tokens) -> None:
        with self._changed:
            self._left.append(sequence)
            self._changed.notify()

    # --- in the engine's thread ---

    def _run(self) -> None:
        self._runner.begin()
        while self._take_in():
            slices = self._scheduler.plan()
            self._measure()
            if slices:
                self._step(slices)
                self._measure()
        for job in list(self._jobs.values()):
            self._end(job, Unavailable(f"model {self.name} was unloaded", retry_after=1))
        self._measure()
        self._runner.close()

    def _take_in(self) -> bool:
        """Wait for something to do, and take in who came and went. False at the end."""
        with self._changed:
            while not (self._jobs or self._arrived or self._left or self._closing):
                self._changed.wait()
            arrived, self._arrived = self._arrived, []
            left, self._left = self._left, []
        for job in arrived:
            self._jobs[job.tokens] = job
            self._scheduler.add(job.tokens)
            self.stats.prompt_tokens += job.tokens.prompt
        for sequence in left:
            if sequence in self._jobs:
                self._forget(self._jobs[sequence])
        return not self._closing

    def _step(self, slices: list[Slice]) -> None:
        sampling = [self._jobs[each.sequence] for each in slices if each.samples]
        self._step_began = perf_counter()
        try:
            tokens = self._runner.step(slices, [job.chooser for job in sampling])
        except Exception:
            log.exception("model %s: a step failed", self.name)
            for each in slices:
                self._end(self._jobs[each.sequence], _failed())
            return
        finally:
            self._step_began = math.inf
        self._scheduler.advance(slices)
        now = perf_counter()
        for job, token in zip(sampling, tokens, strict=True):
            if token is None:
                log.error("model %s: its numbers are not finite", self.name)
                self._end(job, _failed())
            else:
                self._deliver(job, token, now)

    def _deliver(self, job: _Job, token: int, now: float) -> None:
        piece = job.answer.take(token)
        job.tokens.tokens.append(token)
        self.stats.token(now - (job.latest or job.submitted), first=not job.latest, counted=piece.tokens)
        job.latest = now
        if piece.finish is None:
            job.generation.put(piece)
        else:
            self.stats.answered(now - job.submitted)
            self._end(job, piece)

    def _end(self, job: _Job, last: Piece | Exception) -> None:
        self._forget(job)
        job.generation.put(last)

    def _forget(self, job: _Job) -> None:
        self._scheduler.remove(job.tokens)
        del self._jobs[job.tokens]
        with self._changed:
            self._in_flight -= 1

    def _measure(self) -> None:
        scheduler, stats = self._scheduler, self.stats
        stats.running, stats.waiting = len(scheduler.running), len(scheduler.waiting)
        stats.cache_used = scheduler.spans.used * self._runner.token_bytes


def _failed() -> PredictorError:
    return PredictorError("generation failed; the server's log has the reason")


def whole(generation: Generation) -> tuple[str, Piece]:
    """Read an answer to its end, in a thread; return its text and its last piece."""
    generation.whole = True
    pieces = list(generation)
    if not pieces:  # it was cancelled
        return "", Piece("", 0, None)
    return "".join(each.text for each in pieces), pieces[-1]


__all__ = ["Engine", "Runner", "Settings", "Tokenizer", "whole"]
