"""What a predictor with a method `embed` gets and gives: the texts of a request, and their vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from workaday_server.errors import PredictorError


class Texts(tuple[str, ...]):
    """The texts of one request for vectors: a payload for `embed`, not for `predict`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Embedded:
    """The vectors of one request's texts, an array [texts, numbers], and how many tokens the texts had in all."""

    vectors: Any
    tokens: int


def embedded(embed: Callable[[list[str]], Any], requests: Sequence[Texts]) -> list[Embedded]:
    """Return each request's vectors, computed together.

    Raises:
        PredictorError: `embed` did not return a vector and a count of tokens per text.
    """
    import numpy as np

    texts = [text for request in requests for text in request]
    answer = embed(texts)
    try:
        given, counts = answer
        vectors = np.asarray(given.detach().cpu() if hasattr(given, "detach") else given, np.float32)
        tokens = [int(each) for each in counts]
    except (TypeError, ValueError) as error:
        raise PredictorError(f"`embed` must return vectors [texts, numbers] and tokens [texts]: {error}") from None
    if vectors.ndim != 2 or not len(texts) == len(vectors) == len(tokens):
        shape = f"vectors {list(vectors.shape)} and {len(tokens)} counts of tokens"
        raise PredictorError(f"`embed` returned {shape} for {len(texts)} texts")
    answers, start = [], 0
    for request in requests:
        end = start + len(request)
        answers.append(Embedded(vectors[start:end], sum(tokens[start:end])))
        start = end
    return answers
