"""A loaded predictor: its class found and made, its arguments bound by name, its answers checked."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workaday_server import readahead
from workaday_server.config import ModelConfig
from workaday_server.embedding import Texts, embedded
from workaday_server.errors import ConfigError, PredictorError, ServerError
from workaday_server.loader import Namespace
from workaday_server.observing import Observed, observed

if TYPE_CHECKING:
    from workaday_server.generation.engine import Engine

log = logging.getLogger("workaday_server.predictor")

ARGUMENTS = ("payload", "headers", "query", "request_id", "path")
MOUNTED_WEIGHTS = Path("/mnt/models")
Outcome = Any  # an answer, or the ServerError that stands for it


class Predictor:
    """What the workers call. Made by `load`, in a thread of its own, one model at a time.

    Attributes:
        example: what the class says a caller may send, or None.
        page: what a browser gets at the model's route, or None.
        embeds: it has a method `embed`, for texts' vectors.
        batched: the predictor answers several payloads in one call.
        observed: what its answers were, where it has a method `observe`.
        waits: `predict` is a coroutine function.
        torch_threads: how many threads torch should have in each worker, where that was measured.
    """

    def __init__(self, instance: Any, namespace: Namespace | None = None) -> None:
        self.instance = instance
        self.namespace = namespace
        self.example: object = getattr(instance, "example", None)
        page = getattr(instance, "page", None)
        self.page: bytes | None = page.encode() if isinstance(page, str) else page
        self.whole_body: bool = getattr(instance, "whole_body", False)
        self.waits = inspect.iscoroutinefunction(getattr(instance, "predict", None))
        self.torch_threads: int | None = None
        self._runner: _AsyncRunner | None = None
        self._embed: Any = getattr(instance, "embed", None)
        self.embeds = callable(self._embed)
        self._predict = self._bound("predict", required=True)
        self._predict_batch = self._bound("predict_batch")
        self._after = getattr(instance, "after_predict", None)
        self.batched = self._predict_batch is not None
        self.observed: Observed | None = observed(instance)

    @property
    def engine(self) -> Engine | None:
        """Return what generates text, where this is a `TextGenerator`."""
        return self.instance.engine if callable(getattr(self.instance, "start_engine", None)) else None

    def predict(self, call: Mapping[str, Any]) -> Any:
        """Answer one payload. `call` holds what the predictor may name: see `ARGUMENTS`."""
        if type(call["payload"]) is Texts:
            return self._embedded([call["payload"]])[0]
        assert self._predict is not None
        return self._finished(self._predict(call))

    def compute(self, payloads: Sequence[Any]) -> Any:
        """Return what the predictor itself makes of one payload, or of several together; for nobody."""
        if len(payloads) > 1 and self._predict_batch is not None:
            return self._predict_batch({"payloads": payloads})
        assert self._predict is not None
        context = {"headers": {}, "query": {}, "request_id": "example", "path": "/"}
        return self._predict({"payload": payloads[0], **context})

    def predict_batch(self, payloads: Sequence[Any]) -> list[Outcome]:
        """Answer several payloads in one call; an error may stand in an answer's place.

        Raises:
            PredictorError: the predictor did not return one answer per payload.
        """
        if type(payloads[0]) is Texts:
            return self._embedded(payloads)
        assert self._predict_batch is not None
        answers = self._predict_batch({"payloads": payloads})
        if not isinstance(answers, Sequence | Iterator) and not hasattr(answers, "__len__"):
            raise PredictorError("`predict_batch` must return one answer per payload, in their order")
        listed = list(answers)
        if len(listed) != len(payloads):
            raise PredictorError(f"`predict_batch` returned {len(listed)} answers for {len(payloads)} payloads")
        return [each if isinstance(each, Exception) else self._finished(each) for each in listed]

    def _embedded(self, requests: Sequence[Texts]) -> list[Outcome]:
        return list(embedded(lambda texts: self._wait(self._embed(texts)), requests))

    def _finished(self, answer: Any) -> Any:
        if self._after is not None:
            replaced = self._wait(self._after(answer))
            answer = answer if replaced is None else replaced
        if self.observed is not None and not isinstance(answer, Iterator | AsyncIterator):
            self.observed.note(answer)
        return answer

    def iterate(self, pieces: Iterator[Any] | AsyncIterator[Any]) -> Generator[Any, None, None]:
        """Yield the pieces of a streamed answer; async ones come from the predictor's own loop."""
        if isinstance(pieces, Iterator):
            yield from pieces
            return
        try:
            while True:
                yield self._wait(_next(pieces))
        except StopAsyncIteration:
            return

    def close(self) -> None:
        """Let go of the predictor; the last call has returned."""
        closing = getattr(self.instance, "close", None)
        if callable(closing):
            try:
                self._wait(closing())
            except Exception:
                log.exception("`close` failed")
        self.instance = None
        self._predict = self._predict_batch = self._after = self._embed = None
        if self._runner:
            self._runner.stop()
        if self.namespace:
            self.namespace.discard()

    def _bound(self, name: str, *, required: bool = False) -> Callable[[Mapping[str, Any]], Any] | None:
        method = getattr(self.instance, name, None)
        if not callable(method):
            if required:
                raise ConfigError(f"class {type(self.instance).__name__} has no method `{name}`")
            return None
        known = ("payloads",) if name == "predict_batch" else ARGUMENTS
        names = argument_names(method, known)
        waits = inspect.iscoroutinefunction(method)
        if names == known[:1]:
            first = known[0]
            return (lambda call: self._wait(method(call[first]))) if waits else (lambda call: method(call[first]))
        return lambda call: self._wait(method(**{each: call[each] for each in names}))

    def _wait(self, value: Any) -> Any:
        """Run a coroutine on the predictor's own loop: its work must not stop the server's."""
        if not inspect.iscoroutine(value):
            return value
        if self._runner is None:
            self._runner = _AsyncRunner()
        return self._runner.run(value)


def argument_names(method: Callable[..., Any], known: tuple[str, ...]) -> tuple[str, ...]:
    """Return which of the known arguments a method takes.

    Raises:
        ConfigError: it asks for one that is not known.
    """
    parameters = inspect.signature(method).parameters.values()
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return known
    names = [each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    for each in parameters:
        if each.name not in known and each.default is each.empty and each.kind is not each.VAR_POSITIONAL:
            raise ConfigError(f"`{method.__name__}` asks for `{each.name}`; it may ask for {', '.join(known)}")
    return tuple(each for each in known if each in names)


def load(config: ModelConfig) -> Predictor:
    """Import, make, load and warm up a predictor; the model's `env` holds meanwhile, and is taken back after.

    Raises:
        Exception: whatever the predictor raised; ConfigError where it does not keep the contract.
    """
    if not config.predictor.is_file():
        raise ConfigError(f"no such file: {config.predictor}")
    if config.weights is not None and not config.weights.exists():
        raise ConfigError(f"no weights at {config.weights}")
    namespace = Namespace(config.name, config.predictor.parent.resolve())
    readahead.start(_weights_path(config))
    try:
        with _environment(config.env):
            made = _make(namespace, config)
            predictor = Predictor(made, namespace)
            if callable(getattr(made, "load", None)):
                loaded = predictor._wait(made.load(_weights_path(config)))
                if callable(getattr(made, "start_engine", None)):  # a TextGenerator
                    made.start_engine(loaded, config)
            if callable(getattr(made, "warm_up", None)):
                predictor._wait(made.warm_up())
    except BaseException:
        namespace.discard()
        raise
    if config.generation is not None and predictor.engine is None:
        predictor.close()
        raise ConfigError(f"`generation` needs a TextGenerator; class {config.class_name} is none")
    return predictor


def _make(namespace: Namespace, config: ModelConfig) -> Any:
    module = namespace.load(config.predictor.stem)
    found = getattr(module, config.class_name, None)
    if not isinstance(found, type):
        raise ConfigError(f"{config.predictor.name} has no class `{config.class_name}`")
    if is_kserve_model(found):
        from workaday_server.kserve_model import adapt

        return adapt(found, config.name)
    return found(dict(config.config))


def is_kserve_model(found: type) -> bool:
    """Say whether a class is a subclass of the KServe SDK's, without importing the SDK."""
    return any(base.__name__ == "Model" and base.__module__.partition(".")[0] == "kserve" for base in found.__mro__[1:])


def _weights_path(config: ModelConfig) -> str | None:
    if config.weights is not None:
        return str(config.weights)
    return str(MOUNTED_WEIGHTS) if MOUNTED_WEIGHTS.is_dir() else None


@contextmanager
def _environment(env: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in env}
    os.environ.update(env)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


async def _next(pieces: AsyncIterator[Any]) -> Any:
    return await anext(pieces)


class _AsyncRunner:
    """An event loop in a thread, for predictors that are written async."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="predictor-loop", daemon=True)
        self.thread.start()

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)


def explain(error: BaseException) -> str:
    """Return one line that says what went wrong, for `state.json` and the log; never for a caller."""
    if isinstance(error, ServerError | ConfigError):
        return str(error)
    if isinstance(error, SyntaxError):
        return f"{Path(error.filename or '?').name}:{error.lineno}: {error.msg}"
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
