"""The next token from its logits. Each request chooses by its own random numbers, whatever else is in the batch."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from torch import Tensor

from workaday_server.generation.requests import Sampling

LIKELIEST = 256  # how many tokens are sorted at first: with a `top_p` below 1 these are nearly always enough


class Chooser:
    """One request's way to choose; its numbers are Python's own, the same on every machine and device."""

    def __init__(self, sampling: Sampling) -> None:
        self.temperature = sampling.temperature
        self.top_p = sampling.top_p
        self._random = random.Random(sampling.seed)

    def draw(self) -> float:
        """Return the next number from 0 to 1."""
        return self._random.random()


def choose(logits: Tensor, choosers: Sequence[Chooser]) -> list[int | None]:
    """Return a token per row of logits [rows, vocabulary]; None where a row's numbers are not finite."""
    highest, likeliest = logits.max(-1)
    tokens: list[int | None] = likeliest.tolist()
    for row, finite in enumerate(highest.isfinite().tolist()):
        if not finite:
            tokens[row] = None
        elif choosers[row].temperature > 0:
            tokens[row] = _drawn(logits[row], choosers[row])
    return tokens


def _drawn(logits: Tensor, chooser: Chooser) -> int:
    """Return a token by its probability; the sum runs in double precision."""
    probabilities = (logits.double() / chooser.temperature).softmax(-1)
    number = chooser.draw()
    if chooser.top_p >= 1:
        return _at(probabilities.cumsum(-1), number)
    kept, order = probabilities.topk(min(LIKELIEST, len(probabilities)))
    if float(kept.sum()) < chooser.top_p:
        kept, order = probabilities.sort(descending=True)
    sums = kept.cumsum(-1)
    last = _at(sums, chooser.top_p)  # the first token with which the sum reaches `top_p`
    return int(order[_at(sums[: last + 1], number * float(sums[last]))])


def _at(sums: Tensor, number: float) -> int:
    wanted = torch.tensor(number, dtype=sums.dtype, device=sums.device)
    return min(int(torch.searchsorted(sums, wanted, right=True)), len(sums) - 1)
