"""A model's bounded queue and the threads that work it off, in batches where the model has them.

The event loop submits calls and gets answers; decoding, the predictor and encoding run in the model's own threads, so
that neither a large body nor a slow network stops the loop or another model. Only the loop touches counts and metrics.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from time import perf_counter
from typing import Any

from workaday_server.calls import Call, piece_bytes, refusal, work_on
from workaday_server.config import Batching, Limits
from workaday_server.errors import DeadlineExceeded, Overloaded, PredictorError, Unavailable
from workaday_server.metrics import Metrics
from workaday_server.predictor import Outcome, Predictor
from workaday_server.streams import Stream
from workaday_server.threads import plan

log = logging.getLogger("workaday_server.worker")

STAGES = ("queue", "decode", "predict", "encode")
NEVER = float("inf")
UNBATCHED_ITEMS = 32  # of one request with several instances, how many go to `predict_batch` at once


class ModelQueue:
    """The way to a predictor. Every method is the event loop's, unless its name says `work`."""

    def __init__(
        self, name: str, predictor: Predictor, limits: Limits, batching: Batching | None, metrics: Metrics
    ) -> None:
        self.name = name
        self.predictor = predictor
        self.limits = limits
        self.batching = batching
        self.threads: list[threading.Thread] = []
        self.workers, share = plan(limits.concurrency, batching.max_size if batching else 1)
        self.torch_threads = predictor.torch_threads or share
        self._errors = metrics.errors
        self._batch_size = metrics.batch_size.series(name)
        self._stages = [metrics.stage_seconds.series(name, each) for each in STAGES]
        self._calls: set[Call] = set()  # in flight
        self._expiry: asyncio.TimerHandle | None = None
        self._expires = NEVER  # when the timer goes off; a call's own would cost more than all else that is done for it
        self._loop = asyncio.get_running_loop()
        self._incoming: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._aside: deque[Call] = deque()  # taken, but of another shape than the batch that took it
        self._finished: deque[tuple[Call, Any, int]] = deque()
        self._running: dict[int, tuple[Call, ...]] = {}
        self._woken = False
        self._peak = 0
        self._seconds = 0.05  # a moving average of what a call takes
        self._empty: asyncio.Event = asyncio.Event()
        self._empty.set()

    @property
    def in_flight(self) -> int:
        """Return how many calls wait or run."""
        return len(self._calls)

    def submit(self, call: Call) -> None:
        """Take a call in; its `done` is called on the event loop, and not before this returns.

        Raises:
            Overloaded: as many calls wait as may.
        """
        in_flight = len(self._calls) + 1
        if in_flight > self.limits.concurrency + self.limits.queue:
            wait = max(1.0, (in_flight - 1) * self._seconds / max(1, self.workers))
            raise Overloaded(f"model {self.name} has {self.limits.queue} requests waiting already", retry_after=wait)
        self._calls.add(call)
        if call.deadline < self._expires:
            self._expire_at(call.deadline)
        self._peak = max(self._peak, in_flight)
        self._empty.clear()
        self._enqueue(call, in_flight)

    def _enqueue(self, call: Call, in_flight: int) -> None:
        if (threads := len(self.threads)) < self.workers and threads < in_flight + self._abandoned():
            self._start_thread()
        self._incoming.put(call)

    def cancel(self, call: Call) -> None:
        """Forget a call whose caller has gone; one that waits is not run."""
        if not call.gone:
            self._errors.add((self.name, "disconnect"))
            self._leave(call)

    def waiting(self) -> int:
        """Return how many calls no thread has taken yet."""
        return self._incoming.qsize() + len(self._aside)

    def stuck(self) -> int:
        """Return how many calls run although their deadline has passed."""
        return sum(perf_counter() > call.deadline for calls in list(self._running.values()) for call in calls[:1])

    def _abandoned(self) -> int:
        """Return how many threads run what no one waits for any more: a call in flight must not count on them."""
        return sum(calls[0].gone for calls in list(self._running.values()))

    async def drained(self, seconds: float) -> bool:
        """Wait until nothing is in flight; False when time runs out."""
        try:
            await asyncio.wait_for(self._empty.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """Send the threads home, and let the last one close the predictor. Calls that still wait get 503."""
        with contextlib.suppress(queue.Empty):
            while call := self._incoming.get_nowait():
                self._finished.append((call, Unavailable(f"model {self.name} was unloaded", retry_after=1), 0))
        self._deliver()
        for _ in self.threads:
            self._incoming.put(None)
        goodbye, threads = self._work_goodbye, list(self.threads)
        threading.Thread(target=goodbye, args=(threads,), name=f"{self.name}-close", daemon=True).start()

    # --- on the event loop ---

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._work, name=f"{self.name}-{len(self.threads)}", daemon=True)
        self.threads.append(thread)
        thread.start()

    def _expire_at(self, deadline: float) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        self._expires = deadline
        self._expiry = self._loop.call_at(self._loop.time() + deadline - perf_counter(), self._expire)

    def _expire(self) -> None:
        """Refuse the calls whose deadline has passed, and look again at the next one's."""
        self._expiry, self._expires = None, NEVER
        now = perf_counter()
        waiting = [call for call in self._calls if not call.streams]
        for call in waiting:
            if call.deadline <= now:
                self._leave(call)
                what = "answer" if call.times[1] > 0 else "turn"
                call.done(DeadlineExceeded(f"model {self.name}'s {what} did not come in time"))
        following = min((call.deadline for call in waiting if call.deadline > now), default=NEVER)
        if following < self._expires:
            self._expire_at(following)

    def _leave(self, call: Call) -> None:
        call.leave()
        self._calls.discard(call)
        if not self._calls:
            self._empty.set()

    def _deliver(self) -> None:
        self._woken = False
        while self._finished:
            call, outcome, batch = self._finished.popleft()
            if batch:
                self._batch_size.observe(batch)
            if call.gone:
                continue
            if isinstance(outcome, Stream):
                call.streams = True  # the call leaves when the stream ends
            else:
                self._leave(call)
                self._observe(call.times)
            call.done(outcome)

    def _observe(self, times: list[float]) -> None:
        queued, taken, decoded, predicted, encoded = times
        if not encoded:
            return
        queue, decode, predict, encode = self._stages
        queue.observe(taken - queued)
        decode.observe(decoded - taken)
        predict.observe(predicted - decoded)
        encode.observe(encoded - predicted)
        self._seconds += 0.1 * (encoded - taken - self._seconds)

    # --- in the model's threads ---

    def _work(self) -> None:
        torch = sys.modules.get("torch")
        if torch is not None and hasattr(torch, "set_num_threads"):
            torch.set_num_threads(self.torch_threads)
        own = threading.get_ident()
        while True:
            try:
                call = self._work_take(None)
            except StopIteration:
                return
            if call is None:
                continue
            calls = self._work_gather(call) if self.batching else [call]
            self._running[own] = tuple(calls)
            if len(calls) == 1:
                work_on(call)
            try:
                self._work_run(calls)
            except BaseException as error:
                log.exception("model %s: a worker failed", self.name)
                for each in calls:
                    self._work_finish(each, PredictorError(f"prediction failed: {type(error).__name__}"), 0)
            finally:
                self._running.pop(own, None)
                work_on(None)
            del call, calls  # an idle thread must hold no payload

    def _work_take(self, seconds: float | None) -> Call | None:
        """Return the next call, decoded, or None when it is not worth running or `seconds` have passed.

        Raises:
            StopIteration: the queue is closed.
        """
        if self._aside:
            with contextlib.suppress(IndexError):  # another thread may have been quicker
                return None if (set_aside := self._aside.popleft()).gone else set_aside
        try:
            call = self._incoming.get(timeout=seconds) if seconds != 0 else self._incoming.get_nowait()
        except queue.Empty:
            return None
        if call is None:
            raise StopIteration
        call.times[1] = perf_counter()
        if call.gone or call.times[1] > call.deadline:
            return None
        try:
            call.items, call.key = call.decode()
        except Exception as error:
            self._work_finish(call, refusal(error, self.name), 0)
            return None
        call.times[2] = perf_counter()
        return call

    def _work_gather(self, first: Call) -> list[Call]:
        """Return the first call and others that may share its batch.

        Waits only for as many as were in flight lately: a lone caller is never made to wait for company.
        """
        assert self.batching
        calls, size = [first], len(first.items)
        give_up = perf_counter() + self.batching.max_wait_seconds
        expected, self._peak = max(self._peak, self.in_flight), self.in_flight
        others: list[Call] = []
        while size < self.batching.max_size:
            left = give_up - perf_counter()
            everyone = len(calls) + len(others) >= expected
            idle = not self._incoming.qsize() and not self._aside
            if idle and (everyone or left <= 0):
                break
            try:
                call = self._work_take(max(0.0, left))
            except StopIteration:
                self._incoming.put(None)
                break
            if call is None:
                continue
            if call.key == first.key and size + len(call.items) <= self.batching.max_size:
                calls.append(call)
                size += len(call.items)
            else:
                others.append(call)
                if len(others) >= self.batching.max_size:
                    break
        self._aside.extend(others)  # the next to be taken, so that a rare shape is not passed over for ever
        return calls

    def _work_run(self, calls: list[Call]) -> None:
        if self.batching is None and not (self.predictor.batched and len(calls[0].items) > 1):
            self._work_single(calls[0])
            return
        items = [item for call in calls for item in call.items]
        size = self.batching.max_size if self.batching else UNBATCHED_ITEMS
        outcomes: list[Outcome] = []
        for start in range(0, len(items), size):
            outcomes += self._work_batch(items[start : start + size])
        batch, begin = min(len(items), size), 0
        for call in calls:
            end = begin + len(call.items)
            self._work_encode(call, outcomes[begin:end], batch)
            batch, begin = 0, end

    def _work_batch(self, items: list[Any]) -> list[Outcome]:
        """Return an outcome per item; when the whole batch fails, each is tried alone, to find whose fault it is."""
        try:
            outcomes = self.predictor.predict_batch(items)
            return [refusal(each, self.name) if isinstance(each, Exception) else each for each in outcomes]
        except Exception as error:
            if len(items) == 1:
                return [refusal(error, self.name)]
        return [outcome for item in items for outcome in self._work_batch([item])]

    def _work_single(self, call: Call) -> None:
        outcomes: list[Outcome] = []
        for item in call.items:
            try:
                outcome = self.predictor.predict({**call.context, "payload": item})
            except Exception as error:
                outcome = refusal(error, self.name)
            outcomes.append(outcome)
        if len(outcomes) == 1 and isinstance(outcomes[0], Iterator | AsyncIterator):
            self._work_stream(call, outcomes[0])
        else:
            self._work_encode(call, outcomes, 1)

    def _work_encode(self, call: Call, outcomes: list[Outcome], batch: int) -> None:
        call.times[3] = perf_counter()
        try:
            answer = call.encode(outcomes)
        except Exception as error:
            answer = refusal(error, self.name)
        call.times[4] = perf_counter()
        self._work_finish(call, answer, batch)

    def _work_finish(self, call: Call, outcome: Any, batch: int) -> None:
        self._finished.append((call, outcome, batch))
        if not self._woken:
            self._woken = True
            self._loop.call_soon_threadsafe(self._deliver)

    def _work_stream(self, call: Call, pieces: Iterator[Any] | AsyncIterator[Any]) -> None:
        stream = Stream(self._loop, piece_bytes, self.limits.timeout_seconds)
        self._work_finish(call, stream, 1)
        failure: Exception | None = None
        source = self.predictor.iterate(pieces)
        try:
            for piece in source:
                if call.gone or not stream.push(piece):
                    break
        except Exception as error:
            failure = refusal(error, self.name)
        finally:
            with contextlib.suppress(Exception):
                source.close()
        stream.end(failure)
        self._loop.call_soon_threadsafe(self._leave, call)

    def _work_goodbye(self, threads: list[threading.Thread]) -> None:
        for thread in threads:
            thread.join()
        self.predictor.close()
