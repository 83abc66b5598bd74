"""OpenAI's protocol: which address asks what of which model. The shapes are in the modules beside this one.

| module | what it holds |
| --- | --- |
| `openai_requests` | parameters, checked |
| `openai_answers` | answers and events as bytes |
| `openai_writing` | generation, within its time |
| `openai_embeddings` | vectors |
| `openai_errors` | errors |
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from workaday_server.calls import Call
from workaday_server.errors import MethodNotAllowed
from workaday_server.messages import Request
from workaday_server.protocols.openai_errors import Refused
from workaday_server.protocols.raw import json_body

if TYPE_CHECKING:
    from workaday_server.models import Model
    from workaday_server.worker import ModelQueue

EMBEDDINGS = "/v1/embeddings"
WRITING = {"/v1/chat/completions": "chat", "/v1/completions": "text"}
ADDRESSES = (*WRITING, EMBEDDINGS)
OWNER = "workaday"


def model_named(request: Request, known: Container[str]) -> str:
    """Return the name of the model that a request's body asks for, and keep the body, parsed.

    Raises:
        Refused: there is no such address or model, or the body names none.
        ClientError: the body is not JSON.
    """
    if request.path not in ADDRESSES:
        raise Refused(f"no such address; there are {', '.join(ADDRESSES)}", code="unknown_url", status=404)
    if request.method != "POST":
        raise MethodNotAllowed("POST is what this address takes")
    # Here rather than in a model's thread: which model it is stands in the body, and parsing holds the GIL anywhere.
    request.document = json_body(request.body)
    if not isinstance(request.document, dict):
        raise Refused("the body must be a JSON mapping")
    name = request.document.get("model")
    if not isinstance(name, str) or not name:
        raise Refused("`model` must be the name of a model; GET /v1/models lists them", "model")
    if name not in known:
        raise Refused(f"no such model: {name[:128]}", "model", "model_not_found", status=404)
    return name


def submit(
    request: Request,
    queue: ModelQueue,
    context: Mapping[str, Any],
    deadline: float,
    done: Callable[[Any], None],
    count: Callable[[str], None],
) -> Callable[[], None]:
    """Have a model answer; `done` gets the response or an error, on the event loop and not before this returns.

    `count` counts, by cause, what goes wrong where no response can say it.

    Returns:
        What to call when nobody waits for the answer any more.

    Raises:
        ServerError: the request is wrong, the model does something else, or its queue is full.
    """
    body: Mapping[str, Any] = request.document
    if request.path == EMBEDDINGS:
        return _embed(body, queue, context, deadline, done)
    engine = queue.predictor.engine
    if engine is None:
        raise Refused(f"model {queue.name} does not generate text", "model", "model_not_supported")
    from workaday_server.protocols.openai_writing import Writing

    writing = Writing(engine, WRITING[request.path], queue.name, request.id, queue.limits.timeout_seconds, count)
    writing.start(body, deadline, done)
    return writing.leave


def _embed(
    body: Mapping[str, Any],
    queue: ModelQueue,
    context: Mapping[str, Any],
    deadline: float,
    done: Callable[[Any], None],
) -> Callable[[], None]:
    if not queue.predictor.embeds:
        raise Refused(f"model {queue.name} does not embed texts", "model", "model_not_supported")
    from workaday_server.protocols.openai_embeddings import Exchange  # numpy is not imported before it has to be

    exchange = Exchange(body, queue.name)
    call = Call(exchange.decode, exchange.encode, context, deadline, done)
    queue.submit(call)
    return partial(queue.cancel, call)


def listed(models: Mapping[str, Model], created: int) -> dict[str, Any]:
    """Return the models for V1's clients and OpenAI's alike: each reads its own keys."""
    names = sorted(models)
    return {"models": names, "object": "list", "data": [described(name, created) for name in names]}


def described(name: str, created: int) -> dict[str, Any]:
    """Return what OpenAI's clients want to know of a model."""
    return {"id": name, "object": "model", "created": created, "owned_by": OWNER}
