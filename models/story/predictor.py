"""A small language model: text in, text out."""

import dataclasses
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import smollm2
from chat import ROLES, ChatTemplate, Message

from workaday_server import ClientError
from workaday_server.generation import Asked, GenerationRequest, Sampling, TextGenerator
from workaday_server.generation.generator import OWN


@dataclass(frozen=True)
class Options:
    """How an answer is chosen.

    Attributes:
        max_new_tokens: the longest answer, in tokens.
        temperature: 0 takes the likeliest token each time; higher values choose more freely.
        top_p: choose among the likeliest tokens whose probabilities add up to this much.
        seed: makes a free choice repeatable; None seeds from the operating system.

    Raises:
        ValueError: a value is of the wrong type or out of range.
    """

    max_new_tokens: int = 80
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None

    def __post_init__(self) -> None:
        check_number("max_new_tokens", self.max_new_tokens, 1, 4096, whole=True)
        check_number("temperature", self.temperature, 0, 2)
        check_number("top_p", self.top_p, 0.01, 1)
        if self.seed is not None:
            check_number("seed", self.seed, 0, 2**63 - 1, whole=True)


OPTION_KEYS = tuple(field.name for field in dataclasses.fields(Options))


def check_number(name: str, value: object, low: float, high: float, *, whole: bool = False) -> None:
    """Raise ValueError unless `value` is a number, or a whole number, from `low` to `high`."""
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        kind = "whole number" if whole else "number"
        raise ValueError(f"`{name}` must be a {kind} from {low} to {high}, not {reprlib.repr(value)}")


class Predictor(TextGenerator):
    """SmolLM2-135M-Instruct.

    `config` may set `max_prompt_tokens` (1024) and `Options`' `max_new_tokens` (80), `temperature` (0), `top_p` (1)
    and `seed`. A request may set the latter four for itself, `max_new_tokens` only downwards. `device`, `dtype`,
    `quantize` and `threads` are those of every `TextGenerator`.
    """

    example: ClassVar[dict[str, Any]] = {"prompt": "What is the capital of France?"}

    def __init__(self, config: Mapping[str, Any]) -> None:
        options = dict(config)
        own = {key: options.pop(key) for key in OWN if key in options}
        self.max_prompt_tokens = options.pop("max_prompt_tokens", 1024)
        check_number("max_prompt_tokens", self.max_prompt_tokens, 64, 8192 - 4096, whole=True)
        self.options = _options(Options(), options)
        defaults = dataclasses.asdict(self.options)
        # OpenAI's protocol takes the same defaults, from the base.
        super().__init__({**own, "max_tokens": defaults.pop("max_new_tokens"), **defaults})

    def load(self, path: str | None) -> tuple[Any, Any]:
        """Return the network and its tokenizer; without weights, those of the Python package."""
        network, tokenizer = super().load(path or str(smollm2.weights()))
        self.template = ChatTemplate(tokenizer.tokenizer)
        return network, tokenizer

    def chat_prompt(self, messages: list[dict[str, Any]]) -> tuple[int, ...]:
        """Return a conversation as token ids, which no message's text can break out of.

        Raises:
            ClientError: it is no conversation, or too long.
        """
        return self._encode(_messages(messages))

    def read(self, payload: object) -> Asked:
        """Read a prompt: text, `{"prompt": text}` or `{"messages": [{"role": …, "content": text}, …]}`.

        Raises:
            ClientError: the payload is none of these, too long, or an option is out of range.
        """
        body: Mapping[str, Any] = {"prompt": payload} if isinstance(payload, str) else _mapping(payload)
        given = {key: value for key, value in body.items() if key not in ("prompt", "messages")}
        if ("prompt" in body) == ("messages" in body):
            raise ClientError("give either `prompt` or `messages`")
        try:
            options = _options(self.options, given)
        except ValueError as error:
            raise ClientError(str(error)) from None
        if options.max_new_tokens > self.options.max_new_tokens:
            raise ClientError(f"`max_new_tokens` may be {self.options.max_new_tokens} at most")
        messages = (
            _messages(body["messages"]) if "messages" in body else [Message("user", _text(body["prompt"], "prompt"))]
        )
        sampling = Sampling(options.max_new_tokens, options.temperature, options.top_p, seed=options.seed)
        return Asked(GenerationRequest(self._encode(messages), sampling), stream=False, tensors=False)

    def written(self, text: str, finish: str | None, tokens: int, prompt_tokens: int) -> dict[str, Any]:
        """Return `{"text": the answer, "tokens": its length in tokens}`."""
        return {"text": text.strip(), "tokens": tokens}

    def _encode(self, messages: Sequence[Message]) -> tuple[int, ...]:
        prompt = self.template.encode(messages)
        if len(prompt) > self.max_prompt_tokens:
            raise ClientError(f"the prompt is {len(prompt)} tokens long; at most {self.max_prompt_tokens} are taken")
        return tuple(prompt)


def _options(defaults: Options, values: Mapping[str, Any]) -> Options:
    unknown = sorted(set(values) - set(OPTION_KEYS))
    if unknown:
        raise ValueError(f"unknown key `{unknown[0]}`; known are {', '.join(OPTION_KEYS)}")
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
