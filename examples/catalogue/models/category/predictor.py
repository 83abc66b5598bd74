"""What a product is: the likeliest of ImageNet's labels for its picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import lite0_weights
import numpy as np
import torch
from lite0 import IMAGE_SIZE
from numpy.typing import NDArray
from pictures import PictureError, decode

from workaday_server import ClientError

LABELS = Path(__file__).with_name("imagenet_labels.txt").read_text(encoding="utf-8").splitlines()
MAX_PIXELS = 20_000_000


class Predictor:
    """EfficientNet-Lite0; a payload is an image file's bytes."""

    example: ClassVar[str] = "@clock.jpg"

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.network = lite0_weights.load(lite0_weights.weights())

    def predict(self, payload: object) -> Any:
        """Return `{"label", "probability"}`.

        Raises:
            ClientError: it is no picture.
        """
        answer = self.predict_batch([payload])[0]
        if isinstance(answer, ClientError):
            raise answer
        return answer

    @torch.inference_mode()
    def predict_batch(self, payloads: Sequence[object]) -> list[Any]:
        """Answer several pictures at once; a bad one gets its error in its place."""
        pictures = [_pixels(each) for each in payloads]
        good = [each for each in pictures if isinstance(each, np.ndarray)]
        if not good:
            return list(pictures)
        values, classes = self.network(torch.from_numpy(np.stack(good))).softmax(dim=1).max(dim=1)
        found = iter(zip(values.tolist(), classes.tolist(), strict=True))
        return [each if isinstance(each, ClientError) else _answer(*next(found)) for each in pictures]


def _answer(probability: float, index: int) -> dict[str, Any]:
    return {"label": LABELS[index], "probability": round(probability, 4)}


def _pixels(payload: object) -> NDArray[np.uint8] | ClientError:
    if not isinstance(payload, bytes):
        return ClientError("send an image file's bytes")
    try:
        return decode(payload, IMAGE_SIZE, MAX_PIXELS)
    except PictureError as error:
        return ClientError(str(error))
