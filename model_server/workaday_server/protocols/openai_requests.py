"""What OpenAI's clients ask of a model that writes: each parameter is heeded, known to change nothing, or refused.

A parameter that is dropped in silence would give answers that look right and are not what was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from workaday_server.errors import ClientError
from workaday_server.generation.requests import GenerationRequest, Sampling
from workaday_server.protocols.openai_errors import Refused

Prompt = str | tuple[int, ...]
Templated = Callable[[list[dict[str, str]]], Prompt]

MAX_CHOICES = 128
COMPLETION_TOKENS = 16  # what OpenAI's completions have where the request does not say
SAMPLING = ("temperature", "top_p", "stop", "seed", "max_tokens")
HEEDED = frozenset(("model", "n", "stream", "stream_options", *SAMPLING))
HEEDED_BY = {"chat": HEEDED | {"messages", "max_completion_tokens"}, "text": HEEDED | {"prompt"}}
# Labels and hints of the caller's own: they change no answer.
WITHOUT_EFFECT = frozenset(("user", "metadata", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"))
# What else OpenAI has, and the value that asks for nothing; null asks for nothing anywhere.
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "audio": (),
    "best_of": (1,),
    "echo": (False,),
    "frequency_penalty": (0,),
    "function_call": ("none", "auto"),
    "functions": ([],),
    "logit_bias": ({},),
    "logprobs": (False,),
    "modalities": (["text"],),
    "parallel_tool_calls": (True, False),
    "prediction": (),
    "presence_penalty": (0,),
    "reasoning_effort": ("none",),
    "response_format": ({"type": "text"},),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "suffix": ("",),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "top_logprobs": (0,),
    "verbosity": (),
    "web_search_options": (),
}
ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked request.

    Attributes:
        prompts: one for a chat; a completion may have several.
        choices: how many answers each prompt gets.
        sampling: of each prompt's first answer; further ones have further seeds.
        stream: the answer is sent piece by piece.
        include_usage: a stream ends with the counts of tokens.
    """

    prompts: tuple[Prompt, ...]
    choices: int
    sampling: Sampling
    stream: bool
    include_usage: bool

    def requests(self) -> list[GenerationRequest]:
        """Return what to generate: each prompt's choices, prompt by prompt."""
        seed = self.sampling.seed
        return [
            GenerationRequest(prompt, self.sampling if seed is None else replace(self.sampling, seed=seed + choice))
            for prompt in self.prompts
            for choice in range(self.choices)
        ]


def chat(body: Mapping[str, Any], templated: Templated, defaults: Sampling) -> Asked:
    """Return what a chat asks for; `templated` makes its messages one prompt, `defaults` are the model's own.

    Raises:
        Refused: a parameter is wrong, or not one that is heeded.
    """
    _check_known(body, "chat")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused("`messages` must be a list with at least one message", "messages")
    prompt = templated([_message(each, f"messages[{index}]") for index, each in enumerate(messages)])
    limit = _given(body, "max_completion_tokens", _given(body, "max_tokens", defaults.max_tokens))
    return _asked(body, (prompt,), replace(defaults, max_tokens=limit))


def text(body: Mapping[str, Any], defaults: Sampling) -> Asked:
    """Return what a completion asks for; `defaults` are the model's own.

    Raises:
        Refused: a parameter is wrong, or not one that is heeded.
    """
    _check_known(body, "text")
    limit = _given(body, "max_tokens", defaults.max_tokens or COMPLETION_TOKENS)
    return _asked(body, _prompts(body.get("prompt")), replace(defaults, max_tokens=limit))


def _asked(body: Mapping[str, Any], prompts: tuple[Prompt, ...], defaults: Sampling) -> Asked:
    choices = _given(body, "n", 1)
    if type(choices) is not int or not 1 <= choices * len(prompts) <= MAX_CHOICES:
        raise Refused(f"`n` must be a whole number, and the answers {MAX_CHOICES} at most", "n")
    stream = _flag(body, "stream", "stream")
    options = _given(body, "stream_options", {})
    if not isinstance(options, dict) or (options and not stream):
        raise Refused("`stream_options` must be a mapping, of a request with `stream: true`", "stream_options")
    for key in options.keys() - {"include_usage", "include_obfuscation"}:
        raise Refused(f"unknown key `stream_options.{key}`", f"stream_options.{key}", "unknown_parameter")
    include_usage = _flag(options, "include_usage", "stream_options.include_usage")
    if _flag(options, "include_obfuscation", "stream_options.include_obfuscation"):
        raise _unsupported("stream_options.include_obfuscation")
    return Asked(prompts, choices, _sampling(body, defaults), stream, include_usage)


def _sampling(body: Mapping[str, Any], defaults: Sampling) -> Sampling:
    values = {key: _given(body, key, getattr(defaults, key)) for key in ("temperature", "top_p", "seed")}
    stop = _given(body, "stop", defaults.stop)
    values["stop"] = tuple(stop) if isinstance(stop, list | tuple) else (stop,)
    sampling = replace(defaults, **values)
    try:
        sampling.check()
    except ClientError as error:
        param = next((each for each in SAMPLING if f"`{each}`" in error.message), None)
        raise Refused(error.message, param) from None
    return sampling


def _check_known(body: Mapping[str, Any], kind: str) -> None:
    for key, value in body.items():
        if value is None or key in HEEDED_BY[kind] or key in WITHOUT_EFFECT:
            continue
        if key not in NEUTRAL:
            raise Refused(f"unknown parameter `{key}`", key, "unknown_parameter")
        # False equals 0, but `logprobs: 0` of a completion asks for some.
        if not any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in NEUTRAL[key]):
            raise _unsupported(key)


def _unsupported(parameter: str) -> Refused:
    return Refused(f"`{parameter}` is not supported; leave it out", parameter, "unsupported_parameter")


def _message(value: Any, path: str) -> dict[str, str]:
    if not isinstance(value, dict) or not isinstance(value.get("role"), str):
        raise Refused(f"`{path}` must have `role` and `content`", path)
    if value["role"] not in ROLES:
        raise Refused(f"`{path}.role` must be one of {', '.join(ROLES)}", f"{path}.role")
    for key in value.keys() - {"role", "content"}:
        if value[key] not in (None, [], {}):
            raise Refused(f"`{path}.{key}` is not supported", f"{path}.{key}", "unsupported_parameter")
    return {"role": ROLES[value["role"]], "content": _content(value.get("content"), f"{path}.content")}


def _content(value: Any, path: str) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not value:
        raise Refused(f"`{path}` must be text, or a list of texts' parts", path)
    parts = []
    for index, part in enumerate(value):
        if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            raise Refused(f'`{path}[{index}]` must be {{"type": "text", "text": ...}}', f"{path}[{index}]")
        parts.append(part["text"])
    return "".join(parts)


def _prompts(value: Any) -> tuple[Prompt, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and value:
        if all(isinstance(each, str) for each in value):
            return tuple(value)
        if _are_tokens(value):
            return (tuple(value),)
        if all(isinstance(each, list) and each and _are_tokens(each) for each in value):
            return tuple(tuple(each) for each in value)
    raise Refused("`prompt` must be text, token ids, or a list of either", "prompt")


def _are_tokens(value: list[Any]) -> bool:
    return all(type(each) is int and each >= 0 for each in value)


def _given(body: Mapping[str, Any], key: str, default: Any) -> Any:
    value = body.get(key)
    return default if value is None else value


def _flag(body: Mapping[str, Any], key: str, path: str) -> bool:
    value = _given(body, key, False)
    if not isinstance(value, bool):
        raise Refused(f"`{path}` must be true or false", path)
    return value
