"""OpenAI's package and the real engine, with a small random network: the same answers, and no place lost."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

pytest.importorskip("torch")

CODE = "from workaday_server.generation import TextGenerator\nclass Predictor(TextGenerator):\n    pass\n"
LIMITS = {"concurrency": 4, "queue": 4}
GREEDY: dict[str, Any] = {"model": "story", "prompt": "Once", "max_tokens": 8, "temperature": 0}


def add(server: Any, weights: Path) -> Any:
    server.model("story", CODE, weights=str(weights), config={"threads": 1}, limits=LIMITS)
    return server.start(OMP_NUM_THREADS="1")


@pytest.fixture(scope="module")
def served(module_server: Any, llama: Path) -> Any:
    return add(module_server, llama)


@pytest.fixture
def client(served: Any) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0, timeout=60) as made:
        yield made


def idle(server: Any) -> bool:
    names = ('sequences{model="story",state="running"}', 'kv_cache_bytes{model="story",kind="used"}')
    return all(server.metric(f"workaday_generation_{each}") == 0 for each in names)


def test_the_answer_is_that_of_the_models_own_route(client, served) -> None:
    own = served.post("/story", {key: value for key, value in GREEDY.items() if key != "model"}).json()
    answer = client.completions.create(**GREEDY)
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == (own["text"], "length")
    assert (
        (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (own["prompt_tokens"], own["tokens"]) == (4, 8)
    )
    *pieces, last = client.completions.create(**GREEDY, stream=True, stream_options={"include_usage": True})
    assert "".join(each.choices[0].text for each in pieces) == own["text"]
    assert last.usage == answer.usage
    assert client.completions.create(**{**GREEDY, "prompt": [79, 110, 99, 101]}).usage.prompt_tokens == 4


def test_a_seed_gives_the_same_again_and_choices_differ(client) -> None:
    def texts(seed: int) -> list[str]:
        answer = client.completions.create(**{**GREEDY, "temperature": 1.5}, seed=seed, n=3)
        return [each.text for each in answer.choices]

    first = texts(5)
    assert texts(5) == first
    assert len(set(first)) == 3
    assert texts(6)[:2] == first[1:], "the second answer has the next seed"


def test_a_conversation_goes_through_the_models_template(client) -> None:
    messages = [{"role": "user", "content": "hi"}]
    answer = client.chat.completions.create(model="story", messages=messages, max_tokens=4, temperature=0)
    assert answer.usage.prompt_tokens > len("hi")
    assert answer.usage.completion_tokens <= 4


def test_what_the_engine_refuses(client) -> None:
    with pytest.raises(openai.BadRequestError, match="600 tokens; prompt and answer may have 512"):
        client.completions.create(**{**GREEDY, "prompt": "a" * 600})
    with pytest.raises(openai.BadRequestError, match="empty"):
        client.completions.create(**{**GREEDY, "prompt": ""})


async def test_more_than_the_queue_takes_get_429_and_a_request_is_taken_whole_or_not_at_all(served) -> None:
    async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0) as client:

        async def ask(choices: int) -> int:
            try:
                answer = await client.completions.create(**{**GREEDY, "max_tokens": 200}, n=choices)
            except openai.RateLimitError as error:
                return 0 if error.response.headers["retry-after"] else -1
            assert [each.finish_reason for each in answer.choices] == ["length"] * choices
            return choices

        found = await asyncio.gather(*(ask(1 + number % 3) for number in range(24)))
    assert 0 in found
    assert sum(found) >= 6, "of the eight places at most two are left, where three are asked for"
    assert -1 not in found
    await asyncio.to_thread(served.until, lambda: idle(served))


async def test_streams_that_are_left_give_their_places_back(served) -> None:
    async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0) as client:
        endless = {**GREEDY, "max_tokens": 500, "temperature": 2, "stream": True}

        async def leave() -> None:
            stream = await client.completions.create(**endless)
            await anext(aiter(stream))
            await stream.close()

        for _ in range(12):
            await asyncio.gather(*(leave() for _ in range(8)))
            await asyncio.to_thread(served.until, lambda: idle(served))


def test_a_stream_under_way_is_finished_on_shutdown(server, llama) -> None:
    add(server, llama)
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=60) as client:
        stream = client.completions.create(**{**GREEDY, "max_tokens": 300}, stream=True)
        first = next(stream)
        server.signal(signal.SIGTERM)
        chunks = [first, *stream]
    assert chunks[-1].choices[0].finish_reason in ("length", "stop")
    assert server.process.wait(30) == 0
