"""What is in a picture: the likeliest of ImageNet's labels, and the features that they follow from."""

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
Pixels = NDArray[np.uint8]


class Predictor:
    """EfficientNet-Lite0.

    A payload is an image file's bytes, or over V2 a tensor `image`, UINT8 [1, 224, 224, 3]: pixels that a caller has
    ready need no decoding. `config` has `top_k`, and `features: true` where the 1,280 features are wanted too.
    """

    example: ClassVar[str] = "@clock.jpg"
    inputs: ClassVar[list[Any]] = [{"name": "image", "datatype": "UINT8", "shape": [1, IMAGE_SIZE, IMAGE_SIZE, 3]}]
    outputs: ClassVar[list[Any]] = [
        {"name": "probabilities", "datatype": "FP32", "shape": [1, 1000]},
        {"name": "features", "datatype": "FP32", "shape": [1, 1280]},
    ]

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.top_k: int = config.get("top_k", 5)
        self.features: bool = config.get("features", False)
        self.network = lite0_weights.load(lite0_weights.weights())
        self.classify = self.network.classify
        setattr(self.network, "classify", torch.nn.Identity())  # noqa: B010 -- another module than it is declared as

    def warm_up(self) -> None:
        """Let torch choose its kernels before the first caller comes."""
        self._computed([np.zeros((IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)])

    def predict(self, payload: object) -> Any:
        """Answer one picture.

        Raises:
            ClientError: it is none.
        """
        answer = self.predict_batch([payload])[0]
        if isinstance(answer, ClientError):
            raise answer
        return answer

    def predict_batch(self, payloads: Sequence[object]) -> list[Any]:
        """Answer several pictures at once; a bad one gets its error in its place."""
        pictures = [_pixels(each) for each in payloads]
        rows = iter(self._computed([each for each in pictures if isinstance(each, np.ndarray)]))
        return [
            picture
            if isinstance(picture, ClientError)
            else self._answer(*next(rows), tensors=isinstance(given, Mapping))
            for picture, given in zip(pictures, payloads, strict=True)
        ]

    @torch.inference_mode()
    def _computed(self, pictures: Sequence[Pixels]) -> list[tuple[Any, Any]]:
        if not pictures:
            return []
        features = self.network(torch.from_numpy(np.stack(pictures)))
        probabilities = self.classify(features).softmax(dim=1)
        return list(zip(probabilities.numpy(), features.numpy(), strict=True))

    def _answer(self, probabilities: NDArray[np.float32], features: NDArray[np.float32], *, tensors: bool) -> Any:
        if tensors:
            return {"probabilities": probabilities[None], "features": features[None]}
        best = np.argsort(-probabilities)[: self.top_k].tolist()
        labels = [{"label": LABELS[index], "probability": round(float(probabilities[index]), 4)} for index in best]
        return {"labels": labels} | ({"features": features.round(4)} if self.features else {})


def _pixels(payload: object) -> Pixels | ClientError:
    if isinstance(payload, Mapping):
        image = payload.get("image")
        if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.shape == (1, IMAGE_SIZE, IMAGE_SIZE, 3):
            return np.array(image[0])
        return ClientError(f"`image` must be UINT8 [1, {IMAGE_SIZE}, {IMAGE_SIZE}, 3]")
    if not isinstance(payload, bytes):
        return ClientError("send an image file's bytes")
    try:
        return decode(payload, IMAGE_SIZE, MAX_PIXELS)
    except PictureError as error:
        return ClientError(str(error))
