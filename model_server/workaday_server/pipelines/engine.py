"""One run of a pipeline: each step as soon as those before it are done, all within one deadline."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import orjson

from workaday_server.errors import DeadlineExceeded, PredictorError, ServerError
from workaday_server.metrics import Metrics
from workaday_server.pipelines import failures
from workaday_server.pipelines.calls import Asked, Caller, left
from workaday_server.pipelines.expressions import REQUEST, Expression, spoken
from workaday_server.pipelines.failures import StepError, StepFailed
from workaday_server.pipelines.settings import PipelineConfig, Step
from workaday_server.pipelines.values import Value

log = logging.getLogger("workaday_server.pipelines")

BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 0.05, 1.0
# Of its time, what a pipeline keeps for its end: so it can say which step was late, and do without an optional one.
RESERVED_SHARE, MOST_RESERVED_SECONDS = 0.05, 0.1


@dataclass(slots=True)
class Outcome:
    """What a run came to.

    Attributes:
        answer: the pipeline's.
        failed: the optional steps that gave none.
    """

    answer: Value
    failed: list[str]


class Engine:
    """A pipeline that can be run; `callers` has a way to each step's model."""

    def __init__(self, config: PipelineConfig, callers: Mapping[str, Caller], metrics: Metrics) -> None:
        self._config = config
        self._callers = callers
        self._metrics = metrics

    async def run(self, payload: Value, asked: Asked, deadline: float) -> Outcome:
        """Return the answer to one payload; at the deadline, or when this is cancelled, nothing goes on.

        Raises:
            ServerError: StepFailed where a step failed that is not optional.
        """
        run = _Run(self._config, self._callers, self._metrics, payload, asked, deadline)
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + deadline - perf_counter()):
                await run.steps()
        except TimeoutError:
            raise DeadlineExceeded(f"pipeline {self._config.name}'s answer did not come in time") from None
        return Outcome(run.answer(), run.failed)


class _Run:
    """The state of one run."""

    def __init__(
        self,
        config: PipelineConfig,
        callers: Mapping[str, Caller],
        metrics: Metrics,
        payload: Value,
        asked: Asked,
        deadline: float,
    ) -> None:
        self.config = config
        self.failed: list[str] = []
        self._callers = callers
        self._metrics = metrics
        self._asked = asked
        self._deadline = deadline - min(MOST_RESERVED_SECONDS, RESERVED_SHARE * (deadline - perf_counter()))
        self._values: dict[str, Value | None] = {REQUEST: payload}  # by the names that expressions use
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def steps(self) -> None:
        """Run every step; the first failure that is not allowed ends them all.

        Raises:
            StepFailed: that one.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for step in self.config.steps:
                    self._tasks[step.name] = group.create_task(self._step(step))
        except ExceptionGroup as several:
            raise several.exceptions[0] from None

    async def _step(self, step: Step) -> None:
        for name in step.after:
            await self._tasks[name]
        self._values[spoken(step.name)] = None
        try:
            if step.when is not None and not step.when.evaluate(self._plain):
                return
            value = await self._called(step, self._input(step))
        except StepError as error:
            self._metrics.step_errors.add((self.config.name, step.name, error.cause))
            if not step.optional:
                raise StepFailed(step.name, error) from None
            log.warning("pipeline %s: optional step %s: %s", self.config.name, step.name, error.message)
            self.failed.append(step.name)
            return
        self._values[spoken(step.name)] = value

    async def _called(self, step: Step, payload: Value) -> Value:
        """Ask the step's model, again where it had not begun; all within the step's own time."""
        caller = self._callers[step.name]
        deadline = self._deadline
        if step.timeout_seconds is not None:
            deadline = min(deadline, perf_counter() + step.timeout_seconds)
        for attempt in range(step.retries + 1):
            began = perf_counter()
            try:
                value = await caller.call(payload, self._asked, deadline)
            except StepError as error:
                if attempt == step.retries or error.cause not in failures.AGAIN:
                    raise
                wait = _pause(attempt, error.retry_after)
                if wait >= deadline - perf_counter():
                    raise
            else:
                series = self._metrics.step_seconds.series(self.config.name, step.name, caller.protocol)
                series.observe(perf_counter() - began)
                return value
            self._metrics.step_retries.add((self.config.name, step.name))
            await asyncio.sleep(wait)
            left(deadline)
        raise AssertionError("a step ends with an answer or an error")

    def _input(self, step: Step) -> Value:
        if step.input is None:
            payload = self._values[REQUEST]
            assert payload is not None
            return payload
        try:
            return self._value(step.input)
        except TypeError as error:
            raise StepError(failures.BAD_GATEWAY, "client", f"its input is not JSON: {error}") from None

    def _value(self, expression: Expression) -> Value:
        """Return an expression's value; a name alone is passed on as it came."""
        found = self._values[expression.only] if expression.only else None
        return found if found is not None else Value.of(expression.evaluate(self._plain))

    def _plain(self, name: str) -> Any:
        value = self._values[name]
        return None if value is None else value.plain()

    def answer(self) -> Value:
        """Return what `output` says, or every step's answer by its name.

        Raises:
            PredictorError: JSON cannot say it.
        """
        try:
            if self.config.output is not None:
                return self._value(self.config.output)
            answers: dict[str, Any] = {}
            for step in self.config.steps:
                value = self._values[spoken(step.name)]
                answers[step.name] = None if value is None else _fragment(step, value)
            return Value(orjson.dumps(answers))
        except TypeError as error:
            raise PredictorError(f"the pipeline's answer is not JSON: {error}") from None


def _fragment(step: Step, value: Value) -> Any:
    try:
        return value.fragment()
    except ServerError as error:
        raise StepFailed(step.name, failures.unusable(error.message)) from None


def _pause(attempt: int, retry_after: float | None) -> float:
    """Return how long to wait before asking again: longer each time, never all at once, never sooner than told."""
    backoff = min(LONGEST_BACKOFF_SECONDS, BACKOFF_SECONDS * 2**attempt)
    return max(random.uniform(backoff / 2, backoff), retry_after or 0.0)
