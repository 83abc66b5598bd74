"""EfficientNet-Lite0 from its package: the same numbers as a library that others wrote, and sensible labels."""

import base64

import numpy as np
import pytest
import torch

from workaday_server import ClientError

pytestmark = pytest.mark.torch

# The likeliest classes of flower.jpg with their logits, from timm's tf_efficientnet_lite0 with the same checkpoint.
FLOWER_LOGITS = {985: 7.000287, 996: 5.09799, 108: 5.008297, 309: 4.952206, 117: 4.865962}


def test_logits_are_those_of_timm(classifier, flower):
    from pictures import decode

    pixels = torch.from_numpy(decode(flower, 224, 10**6))[None]
    with torch.inference_mode():
        logits = classifier.model(pixels)[0]
    assert logits.topk(len(FLOWER_LOGITS)).indices.tolist() == list(FLOWER_LOGITS)
    torch.testing.assert_close(
        logits[list(FLOWER_LOGITS)], torch.tensor(list(FLOWER_LOGITS.values())), atol=1e-3, rtol=0
    )


def test_the_picture_of_a_daisy_is_a_daisy(classifier, flower):
    labels = classifier.predict(flower)["labels"]
    assert len(labels) == 5
    assert labels[0]["label"] == "daisy"
    probabilities = [label["probability"] for label in labels]
    assert probabilities[0] > 0.2
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) <= 1


def test_payloads_that_mean_the_same(classifier, flower):
    expected = classifier.predict(flower)
    assert classifier.predict({"image": base64.b64encode(flower).decode()}) == expected
    assert classifier.predict({"image": flower}) == expected
    assert classifier.predict(memoryview(flower)) == expected


def test_together_or_alone_the_answers_are_the_same(classifier, flower):
    together = classifier.predict_batch([flower, b"no image", {"image": base64.b64encode(flower).decode()}])
    assert isinstance(together[1], ClientError)
    alone = classifier.predict(flower)["labels"]
    for answer in (together[0], together[2]):
        assert [label["label"] for label in answer["labels"]] == [label["label"] for label in alone]
        np.testing.assert_allclose(
            [label["probability"] for label in answer["labels"]], [label["probability"] for label in alone], atol=2e-4
        )


def test_top_k_is_how_many_labels_come_back(classifier, flower):
    assert len(type(classifier)({"top_k": 1}).predict(flower)["labels"]) == 1
    everything = type(classifier)({"top_k": 1000}).predict(flower)["labels"]
    assert sum(label["probability"] for label in everything) == pytest.approx(1, abs=0.05)


def test_a_picture_above_the_models_limit_is_refused(classifier, flower):
    with pytest.raises(ClientError, match="384 x 256 pixels; at most 1,000 are taken"):
        type(classifier)({"max_pixels": 1000}).predict(flower)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (None, "send an image file's bytes"),
        ("text", "send an image file's bytes"),
        ({}, "send an image file's bytes"),
        ({"image": None}, "send an image file's bytes"),
        ({"image": "aGk=", "other": 1}, "send an image file's bytes"),
        ({"image": "not base64"}, "`image` is not base64"),
        ({"image": "é"}, "`image` is not base64"),
        ({"image": "aGk="}, "not an image"),
        (b"", "not an image"),
    ],
)
def test_bad_payloads_are_the_clients_error(classifier, payload, message):
    with pytest.raises(ClientError, match=message):
        classifier.predict(payload)


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({"top_k": 0}, ValueError),
        ({"top_k": "5"}, ValueError),
        ({"max_pixels": True}, ValueError),
        ({"k": 1}, TypeError),
    ],
)
def test_bad_configuration_is_refused(classifier, config, error):
    with pytest.raises(error, match=next(iter(config))):
        type(classifier)(config)


def test_labels_are_the_thousand_of_imagenet(classifier):
    assert len(classifier.labels) == 1000
    assert [classifier.labels[index] for index in (0, 207, 985, 999)] == [
        "tench",
        "golden retriever",
        "daisy",
        "toilet tissue",
    ]
