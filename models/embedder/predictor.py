"""A sentence embedder: texts in, unit-length vectors out; the closer the meaning, the larger the dot product."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import minilm_weights
import numpy as np
import torch

from workaday_server import ClientError


@dataclass(frozen=True)
class Settings:
    """The model's `config`: how many texts a request may hold, and how many go through the network at once."""

    max_texts: int = 256
    batch_size: int = 32

    def __post_init__(self) -> None:
        for name, value in (("max_texts", self.max_texts), ("batch_size", self.batch_size)):
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65536:
                raise ValueError(f"`{name}` must be a whole number from 1 to 65536, not {value!r}")


class Predictor:
    """all-MiniLM-L6-v2 on the CPU. `config` may set what `Settings` names; texts are cut after 256 tokens."""

    example: ClassVar[dict[str, Any]] = {"text": "a red summer dress"}

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.settings = Settings(**config)
        self.model, self.tokenizer = minilm_weights.load(minilm_weights.weights())

    def predict(self, payload: object) -> dict[str, Any]:
        """Embed one text or several: text, `{"text": text}` or `{"texts": [text, …]}`.

        Returns `{"vectors": [[384 numbers], …]}`, one vector of length 1 per text, in the order of the texts.

        Raises:
            ClientError: the payload is none of these, or has too many texts.
        """
        return {"vectors": self._embed(self._texts(payload))}

    def predict_batch(self, payloads: Sequence[object]) -> list[dict[str, Any] | ClientError]:
        """Embed several payloads' texts together; a bad payload gets its error in its place."""
        requests: list[list[str] | ClientError] = []
        for payload in payloads:
            try:
                requests.append(self._texts(payload))
            except ClientError as error:
                requests.append(error)
        vectors = iter(self._embed([text for request in requests if isinstance(request, list) for text in request]))
        return [
            {"vectors": [next(vectors) for _ in request]} if isinstance(request, list) else request
            for request in requests
        ]

    @torch.inference_mode()
    def embed(self, texts: Sequence[str]) -> tuple[torch.Tensor, list[int]]:
        """Return the texts' vectors [texts, 384], each of length 1, and how many tokens each text had.

        Raises:
            ClientError: a text is not valid Unicode.
        """
        vectors = torch.empty(len(texts), self.model.word_embedding.shape[1])
        lengths = [0] * len(texts)
        for chosen in _batches(texts, self.settings.batch_size):
            encodings = self.tokenizer.encode_batch([_text(texts[index], "text") for index in chosen])
            tokens = torch.tensor([encoding.ids for encoding in encodings])
            mask = torch.tensor([encoding.attention_mask for encoding in encodings], dtype=torch.bool)
            vectors[chosen] = self.model(tokens, mask)
            for index, encoding in zip(chosen, encodings, strict=True):
                lengths[index] = sum(encoding.attention_mask)
        return vectors, lengths

    def warm_up(self) -> None:
        """Read the weights in, so that the first caller does not wait for the disk."""
        self.embed(["warm up"])

    def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        # Seven decimals are what float32 holds; more would only lengthen the answer.
        rows: list[list[float]] = self.embed(texts)[0].numpy().astype(np.float64).round(7).tolist()
        return rows

    def _texts(self, payload: object) -> list[str]:
        body: object = {"text": payload} if isinstance(payload, str) else payload
        if not isinstance(body, Mapping) or set(body) not in ({"text"}, {"texts"}):
            raise ClientError('send text, {"text": text} or {"texts": [text, ...]}')
        if "text" in body:
            return [_text(body["text"], "text")]
        texts = body["texts"]
        if not isinstance(texts, list) or not 1 <= len(texts) <= self.settings.max_texts:
            raise ClientError(f"`texts` must be a list of 1 to {self.settings.max_texts} texts")
        return [_text(text, f"texts[{index}]") for index, text in enumerate(texts)]


def _batches(texts: Sequence[str], size: int) -> Iterator[list[int]]:
    """The texts' indices in batches of at most `size`; texts of like length share one, so that little is padding."""
    batch: list[int] = []
    for index in sorted(range(len(texts)), key=lambda index: len(texts[index])):
        # The slack is what a few short texts of different lengths may cost: less than a further pass.
        if batch and (len(batch) == size or len(texts[index]) > 1.5 * len(texts[batch[0]]) + 16):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise ClientError(f"`{path}` must be text")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise ClientError(f"`{path}` is not valid Unicode: it holds half of a surrogate pair")
    return value
