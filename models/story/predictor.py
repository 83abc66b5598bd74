"""A small language model: text in, text out."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import smollm2
from chat import ROLES, ChatTemplate, Message
from generation import Sampling, check_number, generate

from workaday_server import ClientError

SAMPLING_KEYS = tuple(field.name for field in dataclasses.fields(Sampling))


@dataclass(frozen=True)
class _Request:
    prompt: list[int]
    sampling: Sampling


class Predictor:
    """SmolLM2-135M-Instruct on the CPU.

    `config` may set `max_prompt_tokens` (1024) and `Sampling`'s `max_new_tokens` (80), `temperature` (0), `top_p` (1)
    and `seed`. A request may set the latter four for itself, `max_new_tokens` only downwards.
    """

    example: ClassVar[dict[str, Any]] = {"prompt": "What is the capital of France?"}

    def __init__(self, config: Mapping[str, Any]) -> None:
        options = dict(config)
        self.max_prompt_tokens = options.pop("max_prompt_tokens", 1024)
        check_number("max_prompt_tokens", self.max_prompt_tokens, 64, 8192 - 4096, whole=True)
        self.sampling = _sampling(Sampling(), options)
        self.model, self.tokenizer = smollm2.load(smollm2.weights())
        self.template = ChatTemplate(self.tokenizer)

    def predict(self, payload: object) -> dict[str, Any]:
        """Answer a prompt: text, `{"prompt": text}` or `{"messages": [{"role": …, "content": text}, …]}`.

        Returns `{"text": the answer, "tokens": its length in tokens}`.

        Raises:
            ClientError: the payload is none of these, too long, or a sampling value is out of range.
        """
        return self._answer([self._request(payload)])[0]

    def predict_batch(self, payloads: Sequence[object]) -> list[dict[str, Any] | ClientError]:
        """Answer several payloads side by side; a bad one gets its error in its place."""
        requests: list[_Request | ClientError] = []
        for payload in payloads:
            try:
                requests.append(self._request(payload))
            except ClientError as error:
                requests.append(error)
        answers = iter(self._answer([request for request in requests if isinstance(request, _Request)]))
        return [next(answers) if isinstance(request, _Request) else request for request in requests]

    def warm_up(self) -> None:
        """Read the weights in, so that the first caller does not wait for the disk."""
        self.predict({"prompt": "Hello.", "max_new_tokens": 1})

    def _answer(self, requests: Sequence[_Request]) -> list[dict[str, Any]]:
        if not requests:
            return []
        prompts, samplings = [request.prompt for request in requests], [request.sampling for request in requests]
        answers = generate(self.model, prompts, samplings, self.template.stop)
        return [{"text": self.tokenizer.decode(answer).strip(), "tokens": len(answer)} for answer in answers]

    def _request(self, payload: object) -> _Request:
        body: Mapping[str, Any] = {"prompt": payload} if isinstance(payload, str) else _mapping(payload)
        options = {key: value for key, value in body.items() if key not in ("prompt", "messages")}
        if ("prompt" in body) == ("messages" in body):
            raise ClientError("give either `prompt` or `messages`")
        try:
            sampling = _sampling(self.sampling, options)
        except ValueError as error:
            raise ClientError(str(error)) from None
        if sampling.max_new_tokens > self.sampling.max_new_tokens:
            raise ClientError(f"`max_new_tokens` may be {self.sampling.max_new_tokens} at most")
        messages = (
            _messages(body["messages"]) if "messages" in body else [Message("user", _text(body["prompt"], "prompt"))]
        )
        return _Request(self._encode(messages), sampling)

    def _encode(self, messages: Sequence[Message]) -> list[int]:
        prompt = self.template.encode(messages)
        if len(prompt) > self.max_prompt_tokens:
            raise ClientError(f"the prompt is {len(prompt)} tokens long; at most {self.max_prompt_tokens} are taken")
        return prompt


def _sampling(defaults: Sampling, values: Mapping[str, Any]) -> Sampling:
    unknown = sorted(set(values) - set(SAMPLING_KEYS))
    if unknown:
        raise ValueError(f"unknown key `{unknown[0]}`; known are {', '.join(SAMPLING_KEYS)}")
    return dataclasses.replace(defaults, **values)


def _mapping(payload: object) -> Mapping[str, Any]:
    if not isinstance(payload, Mapping):
        raise ClientError('send text, {"prompt": text} or {"messages": [{"role": "user", "content": text}]}')
    return payload


def _messages(value: object) -> list[Message]:
    if not isinstance(value, list) or not value:
        raise ClientError("`messages` must be a list with at least one message")
    return [_message(item, f"messages[{index}]") for index, item in enumerate(value)]


def _message(item: object, path: str) -> Message:
    if not isinstance(item, Mapping) or set(item) != {"role", "content"}:
        raise ClientError(f"`{path}` must have `role` and `content`, and nothing else")
    if item["role"] not in ROLES:
        raise ClientError(f"`{path}.role` must be one of {', '.join(ROLES)}")
    return Message(item["role"], _text(item["content"], f"{path}.content"))


def _text(value: object, path: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ClientError(f"`{path}` must be text, and not empty")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise ClientError(f"`{path}` is not valid Unicode: it holds half of a surrogate pair")
    return value
