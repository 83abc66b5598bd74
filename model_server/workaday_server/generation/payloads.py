"""What the model's own route, V1 and V2 send a generator, and what they get back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workaday_server.errors import ClientError
from workaday_server.generation.requests import GenerationRequest, Sampling

PROMPTS = ("prompt", "text", "messages")
OPTIONS = tuple(field.name for field in dataclasses.fields(Sampling))
ROLES_AND_CONTENT = "`messages` must be a list of {role, content}, each of them text"


@dataclass(frozen=True, slots=True)
class Asked:
    """A payload that was read.

    Attributes:
        request: what to generate.
        stream: the answer is wanted piece by piece.
        tensors: it came as V2's tensors, and the answer has to be some.
    """

    request: GenerationRequest
    stream: bool
    tensors: bool


def read(payload: object, defaults: Sampling, chat: Callable[[list[dict[str, Any]]], str | tuple[int, ...]]) -> Asked:
    """Read a payload: text, or a mapping with one of `prompt`, `text` and `messages`, options, and `stream`.

    Raises:
        ClientError: it is none of these, or an option is unknown or out of range.
    """
    body, tensors = _mapping(payload)
    given = [each for each in PROMPTS if each in body]
    if len(given) != 1:
        raise ClientError("give exactly one of `prompt`, `text` and `messages`")
    stream = body.get("stream", False)
    if not isinstance(stream, bool):
        raise ClientError("`stream` must be true or false")
    options = {key: value for key, value in body.items() if key not in (*PROMPTS, "stream")}
    for key in options:
        if key not in OPTIONS:
            raise ClientError(f"unknown key `{key[:60]}`; known are {', '.join((*PROMPTS, *OPTIONS, 'stream'))}")
    sampling = sampling_of(defaults, options)
    prompt = chat(_messages(body["messages"])) if given == ["messages"] else _text(body[given[0]], given[0])
    return Asked(GenerationRequest(prompt, sampling), stream and not tensors, tensors)


def sampling_of(defaults: Sampling, options: Mapping[str, Any]) -> Sampling:
    """Return the options over the defaults.

    Raises:
        ClientError: one is out of range.
    """
    values = dict(options)
    if "stop" in values:
        stop = values["stop"]
        values["stop"] = (stop,) if isinstance(stop, str) else tuple(stop) if isinstance(stop, list) else ("",)
    sampling = dataclasses.replace(defaults, **values)
    sampling.check()
    return sampling


def as_tensors(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer as V2's tensors, of one element each."""
    import numpy as np

    return {key: np.array([value], object if isinstance(value, str) else np.int64) for key, value in answer.items()}


def _mapping(payload: object) -> tuple[Mapping[str, Any], bool]:
    """Return the payload as a mapping, and whether it was V2's."""
    if isinstance(payload, str):
        return {"prompt": payload}, False
    if not isinstance(payload, Mapping) or not all(isinstance(key, str) for key in payload):
        raise ClientError('send text, {"prompt": text} or {"messages": [{"role": "user", "content": text}]}')
    if not any(hasattr(value, "dtype") for value in payload.values()):
        return payload, False
    return {key: _element(key, value) for key, value in payload.items()}, True


def _element(name: str, tensor: Any) -> Any:
    """Return the only element of a V2 tensor."""
    if tensor.size != 1:
        raise ClientError(f"`{name}` must have one element: each prompt is a request of its own")
    value = tensor.reshape(-1)[0]
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise ClientError(f"`{name}` is not UTF-8") from None
    return value.item() if hasattr(value, "item") else value


def _messages(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value:
        raise ClientError("`messages` must be a list with at least one message")
    for each in value:
        if not isinstance(each, Mapping) or not all(isinstance(each.get(key), str) for key in ("role", "content")):
            raise ClientError(ROLES_AND_CONTENT)
        _whole(each["content"], "messages")
    return [dict(each) for each in value]


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise ClientError(f"`{name}` must be text, and not empty")
    return _whole(value, name)


def _whole(text: str, name: str) -> str:
    if not text.isascii() and any("\ud800" <= each <= "\udfff" for each in text):
        raise ClientError(f"`{name}` is not valid Unicode: it holds half of a surrogate pair")
    return text
