"""`/v1/embeddings`: texts in, a vector of each out, as numbers or as base64 of little-endian float32.

A predictor offers it by a method `embed(texts)`; its call goes the way of every other, through the model's queue and
threads, and shares batches with its like.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

from workaday_server.embedding import Embedded, Texts
from workaday_server.errors import ServerError
from workaday_server.messages import Response
from workaday_server.protocols.openai_errors import Refused
from workaday_server.protocols.raw import answer_json

MAX_TEXTS = 2048
KNOWN = frozenset(("model", "input", "encoding_format", "user"))
KEY = "embed"  # such payloads share a batch with no other kind


class Exchange:
    """One request for vectors."""

    def __init__(self, body: Mapping[str, Any], model: str) -> None:
        for name in sorted(each for each in body.keys() - KNOWN if body[each] is not None):
            code = "unsupported_parameter" if name == "dimensions" else "unknown_parameter"
            raise Refused(f"`{name}` is not supported; leave it out", name, code)
        self._format = body.get("encoding_format") or "float"
        if self._format not in ("float", "base64"):
            raise Refused("`encoding_format` must be float or base64", "encoding_format")
        given = body.get("input")
        self._texts = Texts([given] if isinstance(given, str) else given if isinstance(given, list) else ())
        if not 1 <= len(self._texts) <= MAX_TEXTS or not all(isinstance(each, str) and each for each in self._texts):
            raise Refused(f"`input` must be text, or a list of 1 to {MAX_TEXTS} texts, none of them empty", "input")
        self._model = model

    def decode(self) -> tuple[list[Any], object]:
        """Return the texts as one payload."""
        return [self._texts], KEY

    def encode(self, outcomes: list[Any]) -> Response:
        """Return the vectors in their texts' order."""
        outcome = outcomes[0]
        if isinstance(outcome, ServerError):
            raise outcome
        assert isinstance(outcome, Embedded)
        vectors = map(_in_base64, outcome.vectors) if self._format == "base64" else outcome.vectors
        data = [{"object": "embedding", "index": index, "embedding": each} for index, each in enumerate(vectors)]
        usage = {"prompt_tokens": outcome.tokens, "total_tokens": outcome.tokens}
        return Response(answer_json({"object": "list", "data": data, "model": self._model, "usage": usage}))


def _in_base64(vector: Any) -> str:
    return base64.b64encode(np.ascontiguousarray(vector, "<f4").tobytes()).decode()
