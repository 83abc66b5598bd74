"""What each address does: the protocols' endpoints, the models' own routes, health, metrics."""

from __future__ import annotations

import itertools
import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from time import perf_counter
from typing import Any

from workaday_server import tracing
from workaday_server.calls import Call
from workaday_server.errors import (
    ClientError,
    MethodNotAllowed,
    NotFound,
    ServerError,
    TooLarge,
    Unavailable,
    UnsupportedMediaType,
)
from workaday_server.messages import Request, Response, json_response
from workaday_server.metrics import CONTENT_TYPE, Metrics
from workaday_server.models import Model, Models
from workaday_server.openapi import document
from workaday_server.pipelines.failures import StepFailed
from workaday_server.pipelines.settings import PipelineConfig
from workaday_server.protocols import openai, openai_errors, raw, v1
from workaday_server.streams import Stream
from workaday_server.version import __version__

log = logging.getLogger("workaday_server.requests")

SMALL_BODY = 64 * 1024  # what an address without a model takes
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
TIMEOUT_HEADER = "x-request-timeout"
INFER = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?(?:/(infer|ready))?")
V1_MODEL = re.compile(r"/v1/models/([^/:]+)(?::(predict))?")


Refused = Callable[[ServerError, Mapping[str, str]], Response]
Reply = Callable[[Response], None]
Forget = Callable[[], None]
ID_PREFIX = os.urandom(4).hex()  # of this process; a number follows it
_ids = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a path leads: to a model through a protocol, or to one of the server's own addresses."""

    protocol: str  # raw, v1, v2, openai, grpc or server
    action: str
    model: str = ""
    version: str | None = None  # V2 calls a model's revision its version


class App:
    """Answers requests. `draining` refuses new work; `leaving` says so to readiness probes only."""

    def __init__(self, models: Models, metrics: Metrics) -> None:
        self.models = models
        self.metrics = metrics
        self.leaving = False
        self.draining = False
        self._started = int(time.time())

    def body_limit(self, method: str, path: str) -> int:
        """Return how many bytes the body may have, decided before any of it is read."""
        model = self.models.by_route.get(path)
        if model is None:
            target = self._target(path)
            if target.protocol == "openai":  # the body says which model
                limits = (each.config.limits for each in self.models.by_name.values())
                return max((each.body_bytes for each in limits), default=SMALL_BODY)
            model = self.models.by_name.get(target.model) if target.model else None
        return model.config.limits.body_bytes if model else SMALL_BODY

    def answer(self, request: Request, reply: Reply) -> Forget | None:
        """Have `reply` called with the answer to a request; errors become theirs."""
        target = self._target(request.path)
        if target.protocol == "raw" and request.method in ("GET", "HEAD"):
            target = replace(target, action="page")
        if target.protocol != "openai":
            return self.answer_for(request, target, _in_json, reply)
        try:
            model = openai.model_named(request, self.models.by_name)
        except ServerError as error:
            request.id = _id_of(request)
            reply(self._response(request, target, error, openai_errors.refusal))
            return None
        return self.answer_for(request, replace(target, action="predict", model=model), openai_errors.refusal, reply)

    def refusal(self, path: str, status: int, message: str) -> Response:
        """Return the answer to what never became a request, in the form of the path's protocol."""
        error = ServerError(message)
        error.status = status
        return (openai_errors.refusal if self._target(path).protocol == "openai" else _in_json)(error, {})

    def answer_for(self, request: Request, target: Target, refused: Refused, reply: Reply) -> Forget | None:
        """Have `reply` called, once and on the event loop, with the answer to a request for a target.

        Args:
            request: what was asked.
            target: where it leads.
            refused: says an error in the protocol's form.
            reply: takes the answer; before this returns, or later where a model computes it.

        Returns:
            What to call when nobody waits for the answer any more; None where it has been given.
        """
        request.id = _id_of(request)

        def finish(outcome: Any) -> None:
            try:
                response = self._response(request, target, outcome, refused)
            except Exception:
                log.exception("request %s failed", request.id)
                response = refused(ServerError("the server failed"), {})
            reply(response)

        try:
            if target.action == "predict":
                return self._predict(request, target, finish)
            outcome: Any = self._dispatch(request, target)
        except Exception as error:
            outcome = error
        finish(outcome)
        return None

    def _response(self, request: Request, target: Target, outcome: Any, refused: Refused) -> Response:
        response: Response
        if isinstance(outcome, Response):
            response = outcome
        elif isinstance(outcome, Stream):
            response = Response(content_type=_stream_type(request), stream=outcome)
        else:
            with tracing.of(request.id, request.headers):
                response = self._refusal(request, target, outcome, refused)
        if target.model in self.models.by_name:
            self.metrics.requests.add((target.model, target.protocol, str(response.status)))
            if target.action == "predict":
                self.metrics.request_seconds.series(target.model).observe(perf_counter() - request.received)
        return response

    def _target(self, path: str) -> Target:
        model = self.models.by_route.get(path)
        if model is not None:
            return Target("raw", "predict", model.name)
        return _target(path)

    def _dispatch(self, request: Request, target: Target) -> Response:
        if target.model:
            _allow(request, "GET", "HEAD")
            return self._about(self.model(target.model, target.version), target)
        handler = self._handlers().get(target.action)
        if handler is None:
            raise NotFound("no such address")
        _allow(request, "GET", "HEAD")
        return handler()

    def model(self, name: str, version: str | None) -> Model:
        """Return a model, at the version asked for.

        Raises:
            NotFound: there is none.
        """
        model = self.models.get(name)
        if version is not None and version != model.config.revision:
            raise NotFound("no such version")
        return model

    def _predict(self, request: Request, target: Target, done: Callable[[Any], None]) -> Forget:
        _allow(request, "POST")
        model = self.model(target.model, target.version)
        if self.draining:
            raise Unavailable("the server is shutting down", retry_after=1)
        headers = request.headers
        if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            # A few bytes may unpack to gigabytes, past the limit that was checked.
            raise UnsupportedMediaType("content-encoding is not supported; send the body as it is")
        limits = model.config.limits
        if len(request.body) > limits.body_bytes:  # gRPC's own limit is that of the largest model
            raise TooLarge(f"the body may have {limits.body_bytes} bytes")
        queue = self.models.queue(model)
        deadline = perf_counter() + min(limits.timeout_seconds, request.timeout, _asked_seconds(request))
        context = {"headers": headers, "query": request.query, "request_id": request.id, "path": request.path}
        if target.protocol == "openai":
            return openai.submit(request, queue, context, deadline, done, self._count(model.name))
        decode, encode = self._codec(request, target, model)
        call = Call(decode, encode, context, deadline, done)
        queue.submit(call)
        return partial(queue.cancel, call)

    def _count(self, name: str) -> Callable[[str], None]:
        return lambda cause: self.metrics.errors.add((name, cause))

    def _codec(self, request: Request, target: Target, model: Model) -> tuple[v1.Decoder, Callable[[list[Any]], Any]]:
        exchange: Any
        if isinstance(model.config, PipelineConfig):
            from workaday_server.pipelines.queue import Exchange

            exchange = Exchange(request, target.protocol)
            return exchange.decode, exchange.encode
        if target.protocol == "raw":
            return lambda: raw.decode(request), raw.encode
        if target.protocol == "v1":
            whole = model.queue is not None and model.queue.predictor.whole_body
            exchange = v1.Exchange(request, whole=whole)
        elif target.protocol == "grpc":
            from workaday_server.protocols import v2_grpc

            exchange = v2_grpc.Exchange(request, model.name, model.config.revision)
        else:
            from workaday_server.protocols import v2  # numpy is not imported before the socket listens

            exchange = v2.Exchange(request, model.name, model.config.revision)
        return exchange.decode, exchange.encode

    def _refusal(self, request: Request, target: Target, error: Exception, refused: Refused) -> Response:
        if not isinstance(error, ServerError):
            log.error("request %s failed", request.id, exc_info=error)
            return refused(ServerError("the server failed"), {})
        if target.model in self.models.by_name and target.action == "predict":
            self.metrics.errors.add((target.model, error.cause))
        if error.status >= 500:
            log.warning("request %s: %s %s", request.id, error.status, error.message)
        headers = {"retry-after": str(max(1, round(error.retry_after)))} if error.retry_after else {}
        if isinstance(error, MethodNotAllowed):
            headers["allow"] = error.message.partition(" ")[0]
        return refused(error, headers)

    # --- the server's own addresses ---

    def _handlers(self) -> dict[str, Callable[[], Response]]:
        return {
            "/": lambda: json_response({"status": "alive", "models": sorted(self.models.by_name)}),  # the SDK asks here
            "/metrics": lambda: Response(self.metrics.render(), content_type=CONTENT_TYPE),
            "/openapi.json": lambda: json_response(document(self.models, __version__)),
            "/v1/models": lambda: json_response(openai.listed(self.models.by_name, self._started)),
            "/v2": lambda: json_response(server_metadata()),
            "/v2/health/live": lambda: json_response({"live": True}),
            "/v2/health/ready": self._ready,
        }

    @property
    def ready(self) -> bool:
        """Say whether every model answers, and the process is not leaving."""
        return self.models.ready and not self.leaving

    def is_ready(self, model: Model) -> bool:
        """Say whether a model answers, and the process is not leaving."""
        return model.ready and not self.leaving

    def describe(self, model: Model) -> dict[str, Any]:
        """Return V2's metadata of a model; its predictor may name its `inputs` and `outputs`."""
        instance = model.queue.predictor.instance if model.queue else None
        about = {"name": model.name, "versions": [model.config.revision], "platform": "workaday_server"}
        tensors = {each: getattr(instance, each, []) for each in ("inputs", "outputs")}
        return about | tensors

    def _ready(self) -> Response:
        if self.ready:
            return json_response({"ready": True})
        states = {name: _state(model) for name, model in self.models.by_name.items() if not model.ready}
        return json_response({"ready": False, "models": states}, 503)

    def _about(self, model: Model, target: Target) -> Response:
        if target.action == "page":
            page = self.models.queue(model).predictor.page
            if page is None:
                raise MethodNotAllowed("POST is what this address takes")
            return Response(page, content_type="text/html; charset=utf-8")
        ready = self.is_ready(model)
        if target.action == "ready":
            about = {"name": model.name, "ready": ready, **_state(model)}
            return json_response(about, 200 if ready else 503)
        if target.protocol == "v1":
            return json_response({"name": model.name, "ready": ready, **openai.described(model.name, self._started)})
        return json_response(self.describe(model))


def _state(model: Model) -> dict[str, Any]:
    """Return what anyone may know of a model's state: not why it failed."""
    record = model.record()
    return {"state": record["state"]} | ({"progress": record["progress"]} if record["progress"] else {})


@lru_cache(256)
def _target(path: str) -> Target:
    if path.startswith("/v2/models/") and (found := INFER.fullmatch(path)):
        action = {"infer": "predict", "ready": "ready", None: "metadata"}[found[3]]
        return Target("v2", action, found[1], found[2])
    if path.startswith("/v1/models/") and (found := V1_MODEL.fullmatch(path)):
        return Target("v1", found[2] or "metadata", found[1])
    if path.startswith("/v1/") and path.rstrip("/") != "/v1/models":
        return Target("openai", "unknown")
    return Target("server", path.rstrip("/") or "/")


def server_metadata() -> dict[str, Any]:
    """Return V2's metadata of the server."""
    return {"name": "workaday-server", "version": __version__, "extensions": ["binary_tensor_data"]}


def _id_of(request: Request) -> str:
    given = request.headers.get("x-request-id")
    return given if given and REQUEST_ID.fullmatch(given) else f"{ID_PREFIX}{next(_ids):08x}"


def _in_json(error: ServerError, headers: Mapping[str, str]) -> Response:
    step = {"step": error.step} if isinstance(error, StepFailed) else {}
    return json_response({"error": error.message, **step}, error.status, headers)


def _allow(request: Request, *methods: str) -> None:
    if request.method not in methods:
        raise MethodNotAllowed(f"{methods[0]} is what this address takes")


def _asked_seconds(request: Request) -> float:
    """Return the caller's own deadline in seconds, or infinity.

    Raises:
        ClientError: the header is not a positive number.
    """
    given = request.headers.get(TIMEOUT_HEADER)
    if given is None:
        return float("inf")
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise ClientError(f"{TIMEOUT_HEADER} must be a number of seconds")
    return seconds


def _stream_type(request: Request) -> str:
    accepted = request.headers.get("accept", "")
    return "text/event-stream" if "text/event-stream" in accepted else "text/plain; charset=utf-8"
