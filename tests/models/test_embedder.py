"""MiniLM from its package: the vectors that sentence-transformers gives."""

import numpy as np
import pytest

from workaday_server import ClientError

pytestmark = pytest.mark.torch

# The first four numbers of each vector, from sentence-transformers 6.2.0.
REFERENCE = {
    "red summer dress": [-0.075828, 0.007215, -0.013521, 0.062317],
    "crimson sundress": [-0.053039, -0.00071, -0.024965, 0.018384],
    "car tyre": [-0.072203, 0.064976, -0.058876, 0.020998],
    "": [-0.118838, 0.048299, -0.002548, -0.011011],
    "Ünïcode: naïve café 東京 😀": [0.065135, 0.000736, 0.053105, -0.035835],
    # Cut after 256 tokens.
    "word " * 400: [-0.008124, -0.095586, -0.038673, 0.049662],
}


def embed(embedder, *texts):
    return np.array(embedder.predict({"texts": list(texts)})["vectors"])


def test_vectors_are_those_of_sentence_transformers(embedder):
    vectors = embed(embedder, *REFERENCE)
    assert vectors.shape == (len(REFERENCE), 384)
    np.testing.assert_allclose(vectors[:, :4], list(REFERENCE.values()), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_meaning_is_near_and_far(embedder):
    dress, sundress, tyre = embed(
        embedder, "a red summer dress", "crimson sundress for warm weather", "how to change a car tyre"
    )
    assert dress @ sundress == pytest.approx(0.46, abs=0.01)
    assert dress @ tyre == pytest.approx(0.04, abs=0.01)


def test_neighbours_in_a_batch_change_nothing(embedder):
    texts = ["tiny", "a much longer text about the sea and its many moods " * 5, "", "one", "two words"]
    together = embed(embedder, *texts)
    alone = np.concatenate([embed(embedder, text) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_more_texts_than_a_batch_keep_their_order(embedder):
    numbers = [f"{'very ' * (index % 5)}number {index}" for index in range(9)]
    small = type(embedder)({"batch_size": 2})
    np.testing.assert_allclose(embed(small, *numbers), embed(embedder, *numbers), atol=1e-5)


def test_payloads_that_mean_the_same(embedder):
    expected = embed(embedder, "a text")
    for payload in ("a text", {"text": "a text"}):
        np.testing.assert_allclose(embedder.predict(payload)["vectors"], expected, atol=1e-6)


def test_a_batch_keeps_each_payloads_vectors_together(embedder):
    together = embedder.predict_batch(["one", {"texts": ["two", "three"]}, {"text": 4}, {"text": "five"}])
    assert [len(answer["vectors"]) for answer in together if isinstance(answer, dict)] == [1, 2, 1]
    assert isinstance(together[2], ClientError)
    flat = np.array([vector for answer in together if isinstance(answer, dict) for vector in answer["vectors"]])
    np.testing.assert_allclose(flat, embed(embedder, "one", "two", "three", "five"), atol=1e-5)


def test_a_batch_of_bad_payloads_is_all_errors(embedder):
    assert [type(answer) for answer in embedder.predict_batch([{}, 3])] == [ClientError, ClientError]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (None, "send text"),
        (b"bytes", "send text"),
        ({}, "send text"),
        ({"text": "a", "texts": ["b"]}, "send text"),
        ({"text": 1}, "`text` must be text"),
        ({"texts": []}, "`texts` must be a list of 1 to 256 texts"),
        ({"texts": "abc"}, "`texts` must be a list of 1 to 256 texts"),
        ({"texts": ["a"] * 257}, "`texts` must be a list of 1 to 256 texts"),
        ({"texts": ["a", None]}, r"`texts\[1\]` must be text"),
        ("half \udfff", "`text` is not valid Unicode"),
    ],
)
def test_bad_payloads_are_the_clients_error(embedder, payload, message):
    with pytest.raises(ClientError, match=message):
        embedder.predict(payload)


@pytest.mark.parametrize(
    ("config", "error"), [({"batch_size": 0}, ValueError), ({"max_texts": "9"}, ValueError), ({"batch": 1}, TypeError)]
)
def test_bad_configuration_is_refused(embedder, config, error):
    with pytest.raises(error, match=next(iter(config))):
        type(embedder)(config)


def test_embed_gives_the_same_vectors_and_counts_tokens(embedder):
    texts = ["a text", "", "one two three"]
    vectors, tokens = embedder.embed(texts)
    np.testing.assert_allclose(np.asarray(vectors), embed(embedder, *texts), atol=1e-6)
    assert tokens == [4, 2, 5], "with the two that BERT puts around a text"
