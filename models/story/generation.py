"""Token by token generation for one prompt or for several side by side."""

import reprlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import torch
from llama import KVCache, Llama
from torch import Tensor


@dataclass(frozen=True)
class Sampling:
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


def check_number(name: str, value: object, low: float, high: float, *, whole: bool = False) -> None:
    """Raise ValueError unless `value` is a number, or a whole number, from `low` to `high`."""
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        kind = "whole number" if whole else "number"
        raise ValueError(f"`{name}` must be a {kind} from {low} to {high}, not {reprlib.repr(value)}")


class Sampler:
    """Chooses the next token from its logits [vocabulary]."""

    def __init__(self, sampling: Sampling) -> None:
        self.sampling = sampling
        self.generator = torch.Generator()
        if sampling.seed is None:
            self.generator.seed()
        else:
            self.generator.manual_seed(sampling.seed)

    def choose(self, logits: Tensor) -> int:
        if self.sampling.temperature == 0:
            return int(logits.argmax())
        # The choice is made on the CPU: one generator, the same tokens on every device.
        probabilities, order = (logits.cpu() / self.sampling.temperature).softmax(-1).sort(descending=True)
        before = probabilities.cumsum(-1) - probabilities
        probabilities[before >= self.sampling.top_p] = 0
        return int(order[probabilities.multinomial(1, generator=self.generator)])


@dataclass
class _Row:
    """One answer in the making; `length` is how many tokens its row of the cache holds."""

    sampler: Sampler
    length: int
    answer: list[int] = field(default_factory=list)

    def take(self, token: int, stop: Collection[int]) -> bool:
        """Add a token; False when the answer is complete."""
        if token in stop:
            return False
        self.answer.append(token)
        return len(self.answer) < self.sampler.sampling.max_new_tokens


@torch.inference_mode()
def generate(
    model: Llama, prompts: Sequence[Sequence[int]], samplings: Sequence[Sampling], stop: Collection[int]
) -> list[list[int]]:
    """The answer to each prompt, as token ids without the stop token.

    Prompts are read one by one, then all answers grow together: a step's cost is mostly reading the weights, which
    rows share. An answer that is complete leaves the batch. The prompts must not be empty.
    """
    device = model.embedding.device
    length = max(len(prompt) + sampling.max_new_tokens for prompt, sampling in zip(prompts, samplings, strict=True))
    cache = KVCache.allocate(model.config, len(prompts), length, device)
    rows = [_Row(Sampler(sampling), len(prompt)) for prompt, sampling in zip(prompts, samplings, strict=True)]
    start = torch.zeros(1, dtype=torch.long, device=device)
    logits = torch.cat(
        [
            model(torch.tensor([prompt], device=device), start, cache.view(index, index + 1))
            for index, prompt in enumerate(prompts)
        ]
    )
    growing = rows
    while True:
        tokens = [row.sampler.choose(logits[index]) for index, row in enumerate(growing)]
        going = [index for index, row in enumerate(growing) if row.take(tokens[index], stop)]
        if not going:
            return [row.answer for row in rows]
        if len(going) < len(growing):
            cache, growing = cache.keep(going), [growing[index] for index in going]
        logits = model(
            torch.tensor([[tokens[index]] for index in going], device=device),
            torch.tensor([row.length for row in growing], device=device),
            cache,
        )
        for row in growing:
            row.length += 1
