"""The tags nearest in meaning to some words: the tags' vectors are made once, a request costs one small network."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import minilm_weights
import torch

from workaday_server import ClientError

TAGS = [each for each in Path(__file__).with_name("tags.txt").read_text(encoding="utf-8").splitlines() if each]


class Predictor:
    """all-MiniLM-L6-v2 and the list in tags.txt; a payload is `{"words": [text, ...]}`."""

    example: ClassVar[dict[str, Any]] = {"words": ["analog clock", "wall clock"]}

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.top_k: int = config.get("top_k", 5)
        self.least: float = config.get("least", 0.3)

    def load(self, path: str | None) -> None:
        """Read the network: its package's, or where `weights.uri` leads to as it is published."""
        if path is None:
            self.network, self.tokenizer = minilm_weights.load(minilm_weights.weights())
        else:
            with tempfile.TemporaryDirectory() as folder:
                minilm_weights.convert(Path(path), Path(folder))
                self.network, self.tokenizer = minilm_weights.load(Path(folder))
        self.vectors = self._vectors(TAGS)

    def predict(self, payload: object) -> Any:
        """Return `{"tags": [{"tag", "score"}, ...]}`, the nearest first.

        Raises:
            ClientError: the payload has no words.
        """
        answer = self.predict_batch([payload])[0]
        if isinstance(answer, ClientError):
            raise answer
        return answer

    def predict_batch(self, payloads: Sequence[object]) -> list[Any]:
        """Answer several requests by one pass through the network."""
        asked = [_words(each) for each in payloads]
        words = [word for each in asked if isinstance(each, list) for word in each]
        rows = iter(self._scores(words) if words else ())
        return [self._answer([next(rows) for _ in each]) if isinstance(each, list) else each for each in asked]

    def _scores(self, words: Sequence[str]) -> list[torch.Tensor]:
        return list(self._vectors(words) @ self.vectors.T)

    def _answer(self, rows: Sequence[torch.Tensor]) -> dict[str, Any]:
        scores = torch.stack(list(rows)).max(dim=0).values
        best = scores.topk(min(self.top_k, len(TAGS)))
        pairs = zip(best.values.tolist(), best.indices.tolist(), strict=True)
        return {
            "tags": [{"tag": TAGS[index], "score": round(score, 3)} for score, index in pairs if score >= self.least]
        }

    @torch.inference_mode()
    def _vectors(self, texts: Sequence[str]) -> torch.Tensor:
        encodings = self.tokenizer.encode_batch(list(texts))
        tokens = torch.tensor([each.ids for each in encodings])
        mask = torch.tensor([each.attention_mask for each in encodings], dtype=torch.bool)
        found: torch.Tensor = self.network(tokens, mask)
        return found


def _words(payload: object) -> list[str] | ClientError:
    words = payload.get("words") if isinstance(payload, Mapping) else None
    if not isinstance(words, list):
        return ClientError('send {"words": [text, ...]}')
    texts = [each for each in words if each is not None]  # a pipeline's answer may have fewer than were asked for
    if not 1 <= len(texts) <= 32 or not all(isinstance(each, str) and each for each in texts):
        return ClientError("`words` must be 1 to 32 texts")
    return texts
