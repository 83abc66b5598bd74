"""From the bytes of an image file to the pixels that the network takes, with care for hostile files."""

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

# A photograph's formats; every further decoder would be one more to attack.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
# The share of the shorter side that the network was evaluated on.
CROP = 224 / 256


class PictureError(ValueError):
    """Bytes that are not an image, or not one that is taken; the message says why."""


def decode(data: bytes, size: int, max_pixels: int) -> NDArray[np.uint8]:
    """The middle square of an image, upright, as RGB pixels [size, size, 3].

    Raises:
        PictureError: the bytes are no readable image of a known format, or it has more than `max_pixels`.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns of what `max_pixels` decides.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise PictureError(f"the image has more than {max_pixels:,} pixels") from None
    except Exception:
        raise PictureError(f"not an image; known formats are {', '.join(FORMATS)}") from None
    if image.width * image.height > max_pixels:
        raise PictureError(f"the image has {image.width} x {image.height} pixels; at most {max_pixels:,} are taken")
    try:
        return _pixels(image, size)
    except Exception:
        # Decoders raise nearly everything on a broken file.
        raise PictureError(f"the {image.format} image is broken") from None


def _pixels(image: Image.Image, size: int) -> NDArray[np.uint8]:
    # Lets a JPEG decoder skip detail that is far finer than what is kept; other formats ignore it.
    image.draft("RGB", (4 * size, 4 * size))
    # In place, and white put behind transparency only once the picture is small: a copy may be 100 MB.
    ImageOps.exif_transpose(image, in_place=True)
    coloured = image.convert("RGBA" if image.has_transparency_data else "RGB")
    side = min(coloured.size) * CROP
    left, top = (coloured.width - side) / 2, (coloured.height - side) / 2
    box = (left, top, left + side, top + side)
    small = coloured.resize((size, size), Image.Resampling.BICUBIC, box=box)
    if small.mode == "RGBA":
        small = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small).convert("RGB")
    return np.array(small)
