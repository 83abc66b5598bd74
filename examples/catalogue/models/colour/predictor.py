"""A product's colour: the most frequent named colour in the middle of its picture that is not its background's."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from workaday_server import ClientError

NAMED = {
    "black": (25, 25, 25),
    "white": (245, 245, 245),
    "grey": (140, 140, 140),
    "red": (190, 30, 40),
    "orange": (240, 140, 30),
    "yellow": (240, 220, 60),
    "green": (50, 140, 60),
    "blue": (40, 80, 180),
    "purple": (120, 50, 140),
    "pink": (240, 150, 180),
    "brown": (110, 70, 40),
}
SIZE, EDGE = 96, 6
MAX_PIXELS = 20_000_000
NEUTRAL = ("black", "white", "grey")


class Predictor:
    """Counts pixels: not every step of a pipeline is a network."""

    example = "@../category/clock.jpg"

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.names = list(NAMED)
        self.palette = np.array(list(NAMED.values()), np.float32)

    def predict(self, payload: object) -> dict[str, Any]:
        """Return `{"colour", "share"}`, share of the picture's middle.

        Raises:
            ClientError: it is no picture.
        """
        if not isinstance(payload, bytes):
            raise ClientError("send an image file's bytes")
        pixels = _small(payload)
        nearest = np.square(pixels[:, :, None, :] - self.palette).sum(axis=3).argmin(axis=2)
        edge = np.concatenate([nearest[:EDGE].ravel(), nearest[-EDGE:].ravel()])
        background = int(np.bincount(edge, minlength=len(self.names)).argmax())
        middle = nearest[SIZE // 8 : -SIZE // 8, SIZE // 8 : -SIZE // 8]
        shares = np.bincount(middle.ravel(), minlength=len(self.names)) / middle.size
        bright = [index for index, name in enumerate(self.names) if name not in NEUTRAL and index != background]
        best = max(bright, key=lambda index: shares[index])
        if shares[best] < 0.05:
            best = int(shares.argmax())
        return {"colour": self.names[best], "share": round(float(shares[best]), 3)}


def _small(data: bytes) -> np.ndarray:
    try:
        image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
        if image.width * image.height > MAX_PIXELS:
            raise ClientError(f"at most {MAX_PIXELS:,} pixels are taken")
        return np.asarray(image.convert("RGB").resize((SIZE, SIZE)), np.float32)
    except ClientError:
        raise
    except Exception:
        # decoders raise nearly everything on a broken file
        raise ClientError("not an image, or a broken one") from None
