"""`/v1/embeddings` by OpenAI's own package: numbers and base64, batches, and predictors that keep no promise."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest

MODELS = Path(__file__).parent / "openai_models"


@pytest.fixture(scope="module")
def embedder(module_server):
    code = (MODELS / "embedder.py").read_text()
    module_server.model("words", code)
    module_server.model("batched", code, batching={"max_size": 16, "max_wait_seconds": 0.2})
    module_server.model("rubbish", code, config={"answer": "rubbish"})
    module_server.model("few", code, config={"answer": "few"})
    module_server.model("echo")
    return module_server.start()


@pytest.fixture
def client(embedder) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{embedder.url}/v1", api_key="none", max_retries=0, timeout=30) as made:
        yield made


def test_one_text_and_several(client) -> None:
    one = client.embeddings.create(model="words", input="two words")
    assert (one.data[0].embedding, one.data[0].index, one.model) == ([9.0, 1.5], 0, "words")
    assert (one.usage.prompt_tokens, one.usage.total_tokens) == (2, 2)
    many = client.embeddings.create(model="words", input=["a", "bb", "c c"], encoding_format="float")
    assert [each.embedding for each in many.data] == [[1, 3.5], [2, 3.5], [3, 3.5]]
    assert [each.index for each in many.data] == [0, 1, 2]
    assert many.usage.prompt_tokens == 4


def test_base64_is_little_endian_float32(embedder) -> None:
    body = {"model": "words", "input": "abc", "encoding_format": "base64"}
    vector = embedder.post("/v1/embeddings", body).json()["data"][0]["embedding"]
    assert struct.unpack("<2f", base64.b64decode(vector)) == (3.0, 1.5)


async def test_async(embedder) -> None:
    async with openai.AsyncOpenAI(base_url=f"{embedder.url}/v1", api_key="none") as client:
        answer = await client.embeddings.create(model="words", input="abc")
    assert answer.data[0].embedding == [3.0, 1.5]


def test_requests_share_a_batch_and_get_their_own(client) -> None:
    with ThreadPoolExecutor(12) as threads:
        texts = [["x" * (number + 1), "y"] for number in range(12)]
        answers = list(threads.map(lambda each: client.embeddings.create(model="batched", input=each), texts))
    assert [[each.embedding[0] for each in answer.data] for answer in answers] == [[n + 1, 1] for n in range(12)]
    together = {int(each.embedding[1]) for answer in answers for each in answer.data}
    assert max(together) > 2, "some were computed together"


def test_a_bad_one_fails_alone_in_a_batch_and_predictions_stay_apart(client, embedder) -> None:
    def ask(number: int) -> str:
        if number % 3 == 0:
            return embedder.post("/batched", "x").text
        try:
            return str(client.embeddings.create(model="batched", input="bad" if number % 3 == 1 else "good").data[0])
        except openai.BadRequestError as error:
            return error.message

    with ThreadPoolExecutor(9) as threads:
        answers = list(threads.map(ask, range(9)))
    assert [answers[each] for each in (0, 3, 6)] == ['{"after":true}'] * 3
    assert all("bad is not a text" in answers[each] for each in (1, 4, 7))
    assert all("4.0" in answers[each] for each in (2, 5, 8))


@pytest.mark.parametrize(
    ("asked", "param", "code"),
    [
        ({"input": ""}, "input", None),
        ({"input": []}, "input", None),
        ({"input": [1, 2]}, "input", None),
        ({"input": ["x"] * 2049}, "input", None),
        ({"input": "x", "dimensions": 2}, "dimensions", "unsupported_parameter"),
        ({"input": "x", "encoding_format": "hex"}, "encoding_format", None),
        ({"input": "x", "extra_body": {"y": 1}}, "y", "unknown_parameter"),
        ({"input": "x", "model": "echo"}, "model", "model_not_supported"),
    ],
)
def test_a_wrong_parameter_is_named(client, asked, param, code) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(**{"model": "words", **asked})
    assert (caught.value.param, caught.value.code) == (param, code)


def test_a_predictor_that_returns_something_else(client, embedder) -> None:
    for model, says in [("rubbish", "must return vectors"), ("few", "1 counts of tokens for 2 texts")]:
        with pytest.raises(openai.InternalServerError, match=says):
            client.embeddings.create(model=model, input=["a", "b"])
        assert embedder.metric(f'workaday_errors_total{{model="{model}",cause="predictor"}}') == 1


def test_it_is_counted_like_any_other_call(client, embedder) -> None:
    client.embeddings.create(model="words", input="x")
    assert embedder.metric('workaday_requests_total{model="words",protocol="openai",code="200"}') > 0
    assert embedder.metric('workaday_stage_seconds_count{model="words",stage="predict"}') > 0
