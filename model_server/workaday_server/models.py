"""The models of a process: loaded one after another in the background, replaced without a gap, removed when done."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

from workaday_server import measure, progress
from workaday_server.config import ModelConfig
from workaday_server.errors import ConfigError, NotFound, Unavailable
from workaday_server.metrics import Metrics, resident_bytes
from workaday_server.pipelines.settings import PipelineConfig
from workaday_server.predictor import Predictor, explain, load
from workaday_server.progress import Progress
from workaday_server.worker import ModelQueue

log = logging.getLogger("workaday_server.models")

STATES = ("loading", "ready", "failed", "draining")
UNLOAD_MARGIN_SECONDS = 5.0


class Model:
    """A name's slot: what serves now, and how the newest revision fares."""

    def __init__(self, config: ModelConfig | PipelineConfig) -> None:
        self.name = config.name
        self.config = config  # of the revision that serves, or that loads first
        self.queue: ModelQueue | None = None
        self.state = "loading"
        self.revision = config.revision
        self.attempted: str | None = None
        self.attempts = 0
        self.seconds = 0.0
        self.memory_bytes = 0
        self.error: str | None = None
        self.began = time.monotonic()
        self.progress = Progress()

    @property
    def ready(self) -> bool:
        """Say whether a request would be answered: something serves, and not every thread of it hangs."""
        return self.queue is not None and self.state != "draining" and self.stuck() < self.queue.workers

    def stuck(self) -> int:
        """Return how many threads hang: all, where a generator's step does, though its calls end at their deadline."""
        if self.queue is None:
            return 0
        engine = self.queue.predictor.engine
        if engine is not None and engine.stuck(self.queue.limits.timeout_seconds):
            return self.queue.workers
        return self.queue.stuck()

    def record(self) -> dict[str, Any]:
        """Return the model's entry in `state.json`."""
        loading = self.state == "loading" and self.attempted is not None
        return {
            "state": self.state,
            "revision": self.revision,
            "seconds": round(time.monotonic() - self.began if loading else self.seconds, 3),
            "memory_bytes": self.memory_bytes,
            "error": self.error,
            "progress": self.progress.record() if self.state == "loading" else None,
            "attempts": self.attempts,
        }


class Models:
    """Brings what is loaded in line with what is wanted. Lives on the event loop; only loading is in a thread."""

    def __init__(self, metrics: Metrics, changed: Callable[[], None]) -> None:
        self.by_name: dict[str, Model] = {}
        self.by_route: dict[str, Model] = {}
        self._wanted: dict[str, ModelConfig | PipelineConfig] = {}
        self._metrics = metrics
        self._changed = changed
        self._work: asyncio.Task[None] | None = None
        self._unloading: set[asyncio.Task[None]] = set()
        metrics.refreshers.append(self._refresh_metrics)

    def want(self, configs: tuple[ModelConfig | PipelineConfig, ...]) -> None:
        """Say which models there should be; loading starts, or goes on, in the background.

        What failed is tried again: what it lacked may be there now.
        """
        self._wanted = {config.name: config for config in configs}
        for config in configs:
            self.by_name.setdefault(config.name, Model(config))
        for name, model in self.by_name.items():
            if model.state == "failed":
                model.attempted = None
            if name not in self._wanted and model.state != "draining":
                model.state = "draining"
                self._in_background(self._unload(model))
        self._index()
        self._changed()
        if self._work is None or self._work.done():
            self._work = asyncio.get_running_loop().create_task(self._reconcile())

    def get(self, name: str) -> Model:
        """Return a model.

        Raises:
            NotFound: there is none of that name.
        """
        try:
            return self.by_name[name]
        except KeyError:
            raise NotFound("no such model") from None

    def queue(self, model: Model) -> ModelQueue:
        """Return the queue to a model that can answer.

        Raises:
            Unavailable: it loads, failed or is going away.
        """
        if model.queue is None or model.state == "draining":
            what = {"failed": "failed to load", "draining": "is being unloaded"}.get(model.state, "is loading")
            raise Unavailable(f"model {model.name} {what}", retry_after=1)
        return model.queue

    @property
    def ready(self) -> bool:
        """Say whether every wanted model answers."""
        return all(name in self.by_name and self.by_name[name].ready for name in self._wanted)

    async def drained(self, deadline: float) -> bool:
        """Wait, until `deadline` on the monotonic clock, for every model's requests; False when some remain."""
        queues = [model.queue for model in self.by_name.values() if model.queue]
        waits = [_drained(queue, deadline) for queue in queues]
        return all(await asyncio.gather(*waits))

    def _index(self) -> None:
        self.by_route = {
            model.config.route: model
            for model in self.by_name.values()
            if model.config.route and model.state != "draining"
        }

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._unloading.add(task)  # the loop itself keeps only weak references
        task.add_done_callback(self._unloading.discard)

    async def _reconcile(self) -> None:
        while (config := self._next()) is not None:
            await self._load(config)

    def _next(self) -> ModelConfig | PipelineConfig | None:
        for name, config in self._wanted.items():
            model = self.by_name.get(name)
            if model is None:
                model = self.by_name[name] = Model(config)
            if model.state != "draining" and model.attempted != config.revision:
                return config
        return None

    async def _load(self, config: ModelConfig | PipelineConfig) -> None:
        model = self.by_name[config.name]
        model.attempted, model.began = config.revision, time.monotonic()
        model.attempts += 1
        model.progress = Progress()
        model.state, model.revision, model.error = "loading", config.revision, None
        if model.queue is None:
            model.config = config
            self._index()
        self._changed()
        log.info("model %s: loading revision %s", config.name, config.revision)
        before, counted = resident_bytes(), model.progress
        try:
            queue = await self._made(config, counted)
        except Exception as error:
            model.state, model.error = "failed", explain(error)
            log.error(
                "model %s: %s", config.name, model.error, exc_info=None if isinstance(error, ConfigError) else error
            )
        else:
            self._install(model, config, queue)
            model.memory_bytes = max(0, resident_bytes() - before)
        model.seconds = time.monotonic() - model.began
        self._metrics.load_seconds.set((model.name,), model.seconds)
        self._metrics.model_memory.set((model.name,), model.memory_bytes)
        self._changed()

    async def _made(self, config: ModelConfig | PipelineConfig, counted: Progress) -> ModelQueue:
        if isinstance(config, ModelConfig):
            predictor = await _in_thread(lambda: _loaded(config, counted))
            return ModelQueue(config.name, predictor, config.limits, config.batching, self._metrics)
        from workaday_server.pipelines.queue import PipelineQueue

        needed = config.local_models(required=True)
        return PipelineQueue(config, self._metrics, self._step_queue, lambda: all(map(self._answers, needed)))

    def _step_queue(self, name: str) -> ModelQueue:
        """Return the queue to a step's model; one that goes away still serves what a pipeline has begun."""
        model = self.by_name.get(name)
        if model is None:
            raise Unavailable(f"model {name} was unloaded", retry_after=1)
        return model.queue or self.queue(model)

    def _answers(self, name: str) -> bool:
        return name in self.by_name and self.by_name[name].ready

    def _install(self, model: Model, config: ModelConfig | PipelineConfig, queue: ModelQueue) -> None:
        old, model.config = model.queue, config
        model.queue = queue
        if model.state != "draining":  # it may have been removed meanwhile
            model.state = "ready"
        self._index()
        if (promised := getattr(config, "promise_seconds", None)) is not None:
            self._metrics.request_seconds.refine((config.name,), promised)
        workers, torch_threads = model.queue.workers, model.queue.torch_threads
        seconds = time.monotonic() - model.began
        log.info(
            "model %s: ready after %.1f s, %d workers with %d torch threads",
            model.name,
            seconds,
            workers,
            torch_threads,
        )
        if old is not None:
            self._in_background(_retire(old))

    async def _unload(self, model: Model) -> None:
        while self._work is not None and not self._work.done() and model.attempted and model.queue is None:
            await asyncio.sleep(0.05)  # it is loading, which cannot be stopped half-way
        if model.queue is not None:
            await _retire(model.queue)
        if self.by_name.get(model.name) is model:
            del self.by_name[model.name]
        self._metrics.forget(model.name)
        log.info("model %s: unloaded", model.name)
        self._changed()
        if model.name in self._wanted:  # wanted again meanwhile
            self.want(tuple(self._wanted.values()))

    def _refresh_metrics(self) -> None:
        for name, model in self.by_name.items():
            for state in STATES:
                self._metrics.model_state.set((name, state), state == model.state)
            queue = model.queue
            self._metrics.in_flight.set((name,), queue.in_flight if queue else 0)
            self._metrics.queue_length.set((name,), queue.waiting() if queue else 0)
            self._metrics.stuck.set((name,), model.stuck())
            self._metrics.concurrency.set((name,), model.config.limits.concurrency)
            if queue and (observed := queue.predictor.observed):
                self._metrics.answers.show(name, observed)
            if queue and (engine := queue.predictor.engine):
                # Calls of the model's own addresses stand in the engine too, once a thread has taken them.
                self._metrics.in_flight.set((name,), queue.waiting() + engine.in_flight)
                self._metrics.generation.show(name, engine.stats)


def _loaded(config: ModelConfig, counted: Progress) -> Predictor:
    progress.current.set(counted)  # of this thread's own context
    predictor = load(config)
    if config.batching is not None and config.batching.max_size > 1 and not predictor.batched:
        predictor.close()
        raise ConfigError(f"`batching` needs a method `predict_batch` in class {config.class_name}")
    predictor.torch_threads = measure.torch_threads(predictor, config)
    return predictor


async def _drained(queue: ModelQueue, deadline: float) -> bool:
    """Wait for a model's calls, and for what was submitted to its engine beside them."""
    engine = queue.predictor.engine
    if not await queue.drained(max(0.0, deadline - time.monotonic())):
        return False
    return engine is None or await engine.drained(max(0.0, deadline - time.monotonic()))


async def _retire(queue: ModelQueue) -> None:
    await _drained(queue, time.monotonic() + queue.limits.timeout_seconds + UNLOAD_MARGIN_SECONDS)
    queue.close()


async def _in_thread(work: Callable[[], Any]) -> Any:
    """Run in a daemon thread: a load that hangs must not keep the process from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is None:
            future.set_result(result)
        else:
            # A predictor that calls sys.exit must not end the server.
            future.set_exception(error if isinstance(error, Exception) else RuntimeError(f"{error!r} while loading"))

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as caught:
            error = caught
        loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="load", daemon=True).start()
    return await future
