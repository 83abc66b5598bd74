"""The examples with pictures, on this machine, with real models: one pipeline each, and the way without JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput

EXAMPLES = Path(__file__).parents[2] / "examples"
CLOCK = (EXAMPLES / "suggested-tagging/models/labels/clock.jpg").read_bytes()
COPIES = ("lite0.py", "lite0_weights.py", "pictures.py", "minilm.py", "minilm_weights.py", "imagenet_labels.txt")

pytestmark = pytest.mark.torch


def post(pictures: Any, path: str, content: bytes = CLOCK) -> httpx.Response:
    return httpx.post(f"{pictures.url}{path}", content=content, headers={"content-type": "image/jpeg"}, timeout=60)


def test_a_picture_gets_labels_and_the_nearest_tags(pictures) -> None:
    answer = post(pictures, "/suggest").json()
    assert {each["label"] for each in answer["labels"][:2]} == {"analog clock", "wall clock"}
    assert answer["tags"][0]["tag"] == "clock"
    assert all(0.3 <= each["score"] <= 1 for each in answer["tags"])


def test_pixels_go_in_as_a_tensor_and_features_come_out(pictures) -> None:
    client = InferenceServerClient(pictures.url.removeprefix("http://"))
    pixels = np.zeros((1, 224, 224, 3), np.uint8)
    tensor = InferInput("image", list(pixels.shape), "UINT8")
    tensor.set_data_from_numpy(pixels, binary_data=True)
    answer = client.infer("labels", [tensor])
    assert answer.as_numpy("probabilities").shape == (1, 1000)
    assert answer.as_numpy("features").shape == (1, 1280)
    assert answer.as_numpy("probabilities").sum() == pytest.approx(1, abs=1e-4)


def test_a_product_gets_its_entry(pictures) -> None:
    answer = post(pictures, "/product")
    assert "x-failed-steps" not in answer.headers
    entry = answer.json()
    assert (entry["category"], entry["colour"]) == ("analog clock", "red")
    assert entry["tags"][0]["tag"] == "clock"
    assert isinstance(entry["description"], str)
    assert len(entry["description"]) > 10


@pytest.mark.parametrize(("path", "step"), [("/suggest", "seen"), ("/product", "category")])
def test_what_is_no_picture_is_refused_by_the_step(pictures, path: str, step: str) -> None:
    answer = post(pictures, path, b"no picture")
    assert answer.status_code == 400
    assert answer.json()["step"] == step
    assert "not an image" in answer.json()["error"]


def test_the_copied_modules_are_the_blueprints_own() -> None:
    own = {each.name: each.read_bytes() for each in (EXAMPLES.parent / "models").glob("*/*") if each.name in COPIES}
    copied = [each for name in COPIES for each in EXAMPLES.glob(f"*/models/*/{name}")]
    assert len(copied) == 2 * len(COPIES)
    assert all(each.read_bytes() == own[each.name] for each in copied)
