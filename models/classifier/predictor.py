"""An image classifier: image in, likeliest labels out."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import lite0_weights
import numpy as np
import torch
from lite0 import IMAGE_SIZE
from numpy.typing import NDArray
from pictures import PictureError, decode

from workaday_server import ClientError

LABELS_FILE = Path(__file__).with_name("imagenet_labels.txt")


@dataclass(frozen=True)
class Settings:
    """The model's `config`: how many labels to answer with, and the largest image to decode."""

    top_k: int = 5
    max_pixels: int = 20_000_000

    def __post_init__(self) -> None:
        for name, value, high in (("top_k", self.top_k, 1000), ("max_pixels", self.max_pixels, 10**9)):
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= high:
                raise ValueError(f"`{name}` must be a whole number from 1 to {high}, not {value!r}")


class Predictor:
    """EfficientNet-Lite0 on the CPU: the 1,000 ImageNet classes. `config` may set what `Settings` names."""

    example: ClassVar[str] = "@flower.jpg"

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.settings = Settings(**config)
        self.labels = LABELS_FILE.read_text(encoding="utf-8").splitlines()
        self.model = lite0_weights.load(lite0_weights.weights())

    def predict(self, payload: object) -> dict[str, Any]:
        """Classify one image: the bytes of its file, or `{"image": those bytes in base64}`.

        Returns `{"labels": [{"label": …, "probability": …}, …]}`, the likeliest first.

        Raises:
            ClientError: the payload holds no image, a broken one, or one with too many pixels.
        """
        return self._classify([self._pixels(payload)])[0]

    def predict_batch(self, payloads: Sequence[object]) -> list[dict[str, Any] | ClientError]:
        """Classify several images at once; a bad one gets its error in its place."""
        images: list[NDArray[np.uint8] | ClientError] = []
        for payload in payloads:
            try:
                images.append(self._pixels(payload))
            except ClientError as error:
                images.append(error)
        answers = iter(self._classify([image for image in images if not isinstance(image, ClientError)]))
        return [image if isinstance(image, ClientError) else next(answers) for image in images]

    def warm_up(self) -> None:
        """Let torch choose and cache its kernels before the first caller comes."""
        self._classify([np.zeros((IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)])

    def _pixels(self, payload: object) -> NDArray[np.uint8]:
        try:
            return decode(_image_bytes(payload), IMAGE_SIZE, self.settings.max_pixels)
        except PictureError as error:
            raise ClientError(str(error)) from None

    @torch.inference_mode()
    def _classify(self, images: Sequence[NDArray[np.uint8]]) -> list[dict[str, Any]]:
        if not images:
            return []
        probabilities = self.model(torch.from_numpy(np.stack(images))).softmax(dim=1)
        values, classes = probabilities.topk(self.settings.top_k)
        return [
            {
                "labels": [
                    {"label": self.labels[index], "probability": round(value, 4)}
                    for index, value in zip(row_classes, row_values, strict=True)
                ]
            }
            for row_classes, row_values in zip(classes.tolist(), values.tolist(), strict=True)
        ]


def _image_bytes(payload: object) -> bytes:
    image = payload["image"] if isinstance(payload, Mapping) and set(payload) == {"image"} else payload
    if isinstance(image, bytes | bytearray | memoryview):
        return bytes(image)
    if image is payload or not isinstance(image, str):
        raise ClientError('send an image file\'s bytes, or {"image": its bytes in base64}')
    try:
        return base64.b64decode(image, validate=True)
    except (binascii.Error, ValueError):
        raise ClientError("`image` is not base64") from None
