"""A pipeline as the server sees it: a queue like a model's, so that limits, deadlines and metrics are the same."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from time import perf_counter
from typing import Any

import orjson

from workaday_server.calls import Call
from workaday_server.errors import ClientError, PredictorError, ServerError
from workaday_server.messages import Request, Response, to_json
from workaday_server.metrics import Metrics
from workaday_server.pipelines.calls import Asked, Caller, InProcess
from workaday_server.pipelines.engine import Engine, Outcome
from workaday_server.pipelines.settings import PipelineConfig
from workaday_server.pipelines.values import Value
from workaday_server.predictor import Predictor
from workaday_server.protocols import v1
from workaday_server.worker import ModelQueue

log = logging.getLogger("workaday_server.pipelines")

LARGE = 256 * 1024  # from here on JSON is parsed in a thread: it would stop the loop for a millisecond
FAILED_STEPS = "x-failed-steps"
AT_ONCE = 16  # of one V1 request's instances


class Graph:
    """What stands where a model has its predictor."""

    def predict(self, payload: Any) -> Any:
        """Never called: a pipeline's steps are its models'."""
        raise NotImplementedError


class PipelineQueue(ModelQueue):
    """The way to a pipeline. Every method is the event loop's."""

    def __init__(
        self, config: PipelineConfig, metrics: Metrics, queue_of: Callable[[str], ModelQueue], ready: Callable[[], bool]
    ) -> None:
        super().__init__(config.name, Predictor(Graph()), config.limits, None, metrics)
        self.workers, self.torch_threads = config.limits.concurrency, 0
        self._ready = ready
        self._session: Any = None
        self._engine = Engine(config, self._callers(config, queue_of), metrics)
        self._turns: deque[Call] = deque()
        self._tasks: dict[Call, asyncio.Task[None]] = {}

    def _callers(self, config: PipelineConfig, queue_of: Callable[[str], ModelQueue]) -> Mapping[str, Caller]:
        callers: dict[str, Caller] = {}
        for step in config.steps:
            if step.url is None:
                callers[step.name] = InProcess(partial(queue_of, step.model))
                continue
            from workaday_server.pipelines import remote  # aiohttp is a fifth of a second

            if self._session is None:
                self._session = remote.session()
            callers[step.name] = remote.OverHttp(step.url, self._session)
        return callers

    def cancel(self, call: Call) -> None:
        """See `ModelQueue`: the steps of a run whose caller has gone are cancelled too."""
        super().cancel(call)
        self._stop(call)

    def waiting(self) -> int:
        """Return how many runs have not begun."""
        return sum(not each.gone for each in self._turns)

    def stuck(self) -> int:
        """Return as many as could run where a step's model in this process does not answer: then none can."""
        return 0 if self._ready() else self.workers

    def close(self) -> None:
        """End what is left, and the connections."""
        for call in [*self._turns, *self._tasks]:
            self._stop(call)
        if self._session is not None:
            self._loop.create_task(self._session.close())

    def _stop(self, call: Call) -> None:
        task = self._tasks.get(call)
        if task is not None:
            task.cancel()

    def _enqueue(self, call: Call, in_flight: int) -> None:
        self._turns.append(call)
        self._loop.call_soon(self._begin)  # what it ends with must not be said before `submit` returns

    def _begin(self) -> None:
        while self._turns and len(self._tasks) < self.workers:
            call = self._turns.popleft()
            if call.gone:
                continue
            task = self._loop.create_task(self._run(call))
            self._tasks[call] = task
            task.add_done_callback(partial(self._ended, call))

    def _ended(self, call: Call, _: asyncio.Task[None]) -> None:
        del self._tasks[call]
        self._begin()

    async def _run(self, call: Call) -> None:
        call.times[1] = perf_counter()
        answer: Any
        try:
            items, large = call.decode()
            if large:
                await asyncio.to_thread(lambda: [each.plain() for each in items])
            call.times[2] = perf_counter()
            outcomes = await self._outcomes(items, Asked.by(call.context), call.deadline)
            call.times[3] = perf_counter()
            answer = call.encode(outcomes)
            call.times[4] = perf_counter()
        except ServerError as error:
            answer = error
        except Exception:
            log.exception("pipeline %s failed", self.name)
            answer = PredictorError("the pipeline failed; the server's log has the reason")
        if not call.gone:
            self._work_finish(call, answer, 0)

    async def _outcomes(self, items: list[Value], asked: Asked, deadline: float) -> list[Outcome | ServerError]:
        if len(items) == 1:
            return [await self._outcome(items[0], asked, deadline)]
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(item: Value) -> Outcome | ServerError:
            async with turns:
                return await self._outcome(item, asked, deadline)

        return list(await asyncio.gather(*map(one, items)))

    async def _outcome(self, item: Value, asked: Asked, deadline: float) -> Outcome | ServerError:
        try:
            return await self._engine.run(item, asked, deadline)
        except ServerError as error:
            return error


class Exchange:
    """One request to a pipeline: at its own address by content type, or by V1's, each instance a run of its own."""

    def __init__(self, request: Request, protocol: str) -> None:
        if protocol not in ("raw", "v1"):
            raise ClientError("a pipeline answers at its own address and V1's")
        self._request = request
        self._v1 = v1.Exchange(request) if protocol == "v1" else None
        self._listed = False

    def decode(self) -> tuple[list[Value], object]:
        """Return the payloads, and whether reading them would stop the event loop for long.

        Raises:
            ServerError: they are not what the content type says.
        """
        request, large = self._request, len(self._request.body) > LARGE
        if self._v1 is None:
            value = Value(request.body, request.headers.get("content-type", "application/json"))
            if value.is_json and not large:
                value.plain()
            return [value], large and value.is_json
        items, _ = self._v1.decode()
        self._listed = self._v1.listed
        return [Value(to_json(each)) for each in items], False

    def encode(self, outcomes: list[Outcome | ServerError]) -> Response:
        """Return the answer; the first instance that failed fails the request and is named."""
        good: list[Outcome] = []
        for index, outcome in enumerate(outcomes):
            if isinstance(outcome, ServerError):
                if self._listed:
                    outcome.message = f"instances[{index}]: {outcome.message}"
                raise outcome
            good.append(outcome)
        failed = sorted({name for each in good for name in each.failed})
        headers = {FAILED_STEPS: ", ".join(failed)} if failed else {}
        if not self._listed:
            answer = good[0].answer
            return Response(bytes(answer.body), 200, answer.content_type, headers)
        predictions = [each.answer.fragment() for each in good]
        return Response(orjson.dumps({"predictions": predictions}), headers=headers)
