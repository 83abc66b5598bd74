"""Pictures of every kind, and files that only claim to be one."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image


@pytest.fixture(scope="module")
def pictures():
    import pictures

    return pictures


def file_of(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def halves(left: str, right: str, mode: str = "RGB") -> Image.Image:
    image = Image.new(mode, (80, 60), left)
    image.paste(Image.new(mode, (40, 60), right), (40, 0))
    return image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_every_known_format(pictures, kind):
    pixels = pictures.decode(file_of(halves("red", "blue"), kind), 32, 10_000)
    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels[16, 4].astype(int) - (255, 0, 0)).max() < 40
    assert np.abs(pixels[16, 28].astype(int) - (0, 0, 255)).max() < 40


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("1", "PNG"), ("L", "PNG"), ("LA", "PNG"), ("P", "GIF"), ("RGBA", "WEBP"), ("CMYK", "JPEG"), ("I;16", "PNG")],
)
def test_every_mode_becomes_rgb(pictures, mode, kind):
    pixels = pictures.decode(file_of(Image.new(mode, (50, 50)), kind), 32, 10_000)
    assert pixels.shape == (32, 32, 3)


def test_transparency_is_white(pictures):
    pixels = pictures.decode(file_of(Image.new("RGBA", (40, 40), (255, 0, 0, 0))), 8, 10_000)
    assert (pixels == 255).all()


def test_a_picture_is_turned_upright(pictures):
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = halves("red", "blue").transpose(Image.Transpose.ROTATE_90)
    pixels = pictures.decode(file_of(turned, "PNG", exif=exif), 32, 10_000)
    assert (pixels[16, 4] == (255, 0, 0)).all()
    assert (pixels[16, 28] == (0, 0, 255)).all()


@pytest.mark.parametrize("size", [(1, 1), (3000, 1), (1, 3000)])
def test_extreme_shapes(pictures, size):
    assert pictures.decode(file_of(Image.new("RGB", size)), 32, 10_000).shape == (32, 32, 3)


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(101, 100), (8000, 8000), (60_000, 60_000)])
def test_a_bomb_is_refused_by_its_header(pictures, width, height):
    with pytest.raises(pictures.PictureError, match="pixels"):
        pictures.decode(png_header(width, height), 32, 10_000)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not an image; known formats are JPEG, PNG, WEBP, GIF, BMP"),
        (b"GIF89a", "not an image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
        (file_of(Image.new("RGB", (8, 8)), "TIFF"), "not an image"),
        (file_of(Image.effect_noise((64, 64), 90))[:900], "the PNG image is broken"),
        (file_of(Image.effect_noise((64, 64), 90), "JPEG")[:900], "the JPEG image is broken"),
        (png_header(10, 10), "the PNG image is broken"),
    ],
)
def test_what_is_no_picture_is_named(pictures, data, message):
    with pytest.raises(pictures.PictureError, match=message):
        pictures.decode(data, 32, 10_000)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_is_pixels_or_a_picture_error(pictures, data):
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "BMP"]))
    original = bytearray(file_of(halves("red", "blue"), kind))
    for _ in range(data.draw(st.integers(1, 8))):
        original[data.draw(st.integers(0, len(original) - 1))] = data.draw(st.integers(0, 255))
    try:
        pixels = pictures.decode(bytes(original), 32, 10_000)
    except pictures.PictureError:
        return
    assert pixels.shape == (32, 32, 3)
