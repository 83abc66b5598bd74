"""OpenAI's own Python package against the server: chat, completions, models; sync and async, whole and streamed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

MODELS = Path(__file__).parent / "openai_models"
LEFT = 'workaday_errors_total{model="writer",cause="disconnect"}'
LIMITS = {"concurrency": 8, "queue": 8, "timeout_seconds": 30.0}


@pytest.fixture(scope="module")
def writer(module_server):
    code = (MODELS / "writer.py").read_text()
    module_server.model("writer", code, limits=LIMITS)
    module_server.model("hasty", code, limits={"timeout_seconds": 0.2})
    module_server.model("crowded", code, config={"places": 1})
    module_server.model("brief", code, config={"sampling": {"max_tokens": 3, "seed": 9}})
    module_server.model("echo")
    return module_server.start()


@pytest.fixture
def client(writer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{writer.url}/v1", api_key="none", max_retries=0, timeout=30) as made:
        yield made


@pytest.fixture
async def aclient(writer) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{writer.url}/v1", api_key="none", max_retries=0, timeout=30) as made:
        yield made


def say(text: str, role: str = "user") -> list[dict[str, str]]:
    return [{"role": role, "content": text}]


def nothing_runs(server, model: str = "writer") -> bool:
    return server.post(f"/{model}", {}).json()["running"] == 0


def test_a_chat_is_answered(client) -> None:
    answer = client.chat.completions.create(model="writer", messages=[*say("be brief", "developer"), *say("hi you")])
    choice = answer.choices[0]
    assert (choice.message.role, choice.message.content) == ("assistant", "system: be brief user: hi you ")
    assert (choice.finish_reason, choice.index, answer.object) == ("stop", 0, "chat.completion")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (6, 6, 12)
    assert (answer.model, answer.id.startswith("chatcmpl-"), answer.created > 1e9) == ("writer", True, True)


def test_a_chats_content_may_come_in_parts(client) -> None:
    parts = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]
    answer = client.chat.completions.create(model="writer", messages=[{"role": "user", "content": parts}])
    assert answer.choices[0].message.content == "user: one two "


def test_a_chat_is_streamed(client) -> None:
    usage = {"include_usage": True}
    stream = client.chat.completions.create(model="writer", messages=say("a b"), stream=True, stream_options=usage)
    chunks = list(stream)
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(each.choices[0].delta.content or "" for each in chunks[:-1]) == "user: a b "
    assert [each.choices[0].finish_reason for each in chunks[-2:-1]] == ["stop"]
    assert {each.usage for each in chunks[:-1]} == {None}
    assert (chunks[-1].choices, chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == ([], 3, 3)
    assert len({each.id for each in chunks}) == 1


def test_a_stream_has_no_usage_unless_asked(client) -> None:
    chunks = list(client.chat.completions.create(model="writer", messages=say("a"), stream=True))
    assert all(each.choices and each.usage is None for each in chunks)


def test_the_bytes_of_a_stream(writer) -> None:
    body = {"model": "writer", "prompt": "a b", "stream": True}
    answer = writer.post("/v1/completions", body)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.text.endswith("data: [DONE]\n\n")
    assert all(each.startswith("data: ") for each in answer.text.split("\n\n")[:-1])


def test_completions_of_texts_and_of_token_ids(client) -> None:
    answer = client.completions.create(model="writer", prompt="one two")
    assert (answer.choices[0].text, answer.object) == ("one two ", "text_completion")
    assert client.completions.create(model="writer", prompt=[5, 6]).choices[0].text == "5 6 "
    several = client.completions.create(model="writer", prompt=["a", "b c"], n=2)
    assert [(each.index, each.text) for each in several.choices] == [(0, "a "), (1, "a "), (2, "b c "), (3, "b c ")]
    assert (several.usage.prompt_tokens, several.usage.completion_tokens) == (3, 6)
    assert len(client.completions.create(model="writer", prompt=[[1], [2, 3]]).choices) == 2
    streamed = client.completions.create(model="writer", prompt="one two", stream=True)
    assert "".join(each.choices[0].text for each in streamed) == "one two "


def test_lengths_stops_and_seeds(client) -> None:
    words = " ".join(map(str, range(30)))
    cut = client.completions.create(model="writer", prompt=words)
    assert (cut.choices[0].finish_reason, cut.usage.completion_tokens) == ("length", 16), "OpenAI's own default"
    chat = client.chat.completions.create
    whole = chat(model="writer", messages=say(words))
    assert (whole.choices[0].finish_reason, whole.usage.completion_tokens) == ("stop", 31)
    assert chat(model="writer", messages=say(words), max_tokens=2).usage.completion_tokens == 2
    assert chat(model="writer", messages=say(words), max_completion_tokens=3, max_tokens=9).usage.completion_tokens == 3
    for stop in ("7", ["x", "7"]):
        answer = client.completions.create(model="writer", prompt=words, stop=stop)
        assert answer.choices[0].text == "0 1 2 3 4 5 6 "
    seeded = client.completions.create(model="writer", prompt="x", seed=4, n=2, temperature=0.5, top_p=0.9)
    assert [each.text for each in seeded.choices] == ["seed-4 x ", "seed-5 x "], "answers to one prompt differ"


def test_where_the_request_says_nothing_the_models_config_holds(client) -> None:
    assert client.completions.create(model="brief", prompt="a b c d").choices[0].text == "seed-9 a b "
    chat = client.chat.completions.create(model="brief", messages=say("a b"), max_tokens=9, seed=1)
    assert chat.choices[0].message.content == "seed-1 user: a b "


def test_several_choices_are_streamed_side_by_side(client) -> None:
    stream = client.chat.completions.create(model="writer", messages=say("a b"), n=3, stream=True)
    said: dict[int, str] = {}
    finished = []
    for chunk in stream:
        choice = chunk.choices[0]
        said[choice.index] = said.get(choice.index, "") + (choice.delta.content or "")
        finished += [choice.index] if choice.finish_reason else []
    assert said == dict.fromkeys(range(3), "user: a b ")
    assert sorted(finished) == [0, 1, 2]


async def test_async_whole_and_streamed(aclient) -> None:
    async def one(number: int) -> str:
        answer = await aclient.chat.completions.create(model="writer", messages=say(f"n{number}"))
        return answer.choices[0].message.content or ""

    assert await asyncio.gather(*map(one, range(6))) == [f"user: n{number} " for number in range(6)]
    stream = await aclient.chat.completions.create(model="writer", messages=say("x y"), stream=True)
    assert "".join([each.choices[0].delta.content or "" async for each in stream]) == "user: x y "


def test_models_are_listed_for_both_protocols(client, writer) -> None:
    names = ["brief", "crowded", "echo", "hasty", "writer"]
    assert [each.id for each in client.models.list()] == names
    one = client.models.retrieve("writer")
    assert (one.id, one.object, one.owned_by, one.created > 1e9) == ("writer", "model", "workaday", True)
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nope")
    assert writer.get("/v1/models").json()["models"] == names
    assert writer.get("/v1/models/writer").json().items() >= {"name": "writer", "ready": True}.items()
    assert writer.post("/v1/models/echo:predict", {"instances": [7]}).json() == {"predictions": [7]}


def test_a_caller_that_leaves_a_stream_cancels_it(client, writer) -> None:
    before = writer.post("/writer", {}).json()["cancelled"]
    left = writer.metric(LEFT)
    stream = client.chat.completions.create(model="writer", messages=say("forever"), stream=True, n=2)
    assert next(iter(stream)).choices
    stream.close()
    writer.until(lambda: writer.post("/writer", {}).json() == {"running": 0, "cancelled": before + 2})
    assert writer.metric(LEFT) == left + 1


def test_a_caller_that_leaves_before_its_answer_cancels_it(client, writer) -> None:
    before = writer.post("/writer", {}).json()["cancelled"]
    left = writer.metric(LEFT)
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model="writer", messages=say("forever"), timeout=0.3)
    writer.until(lambda: writer.post("/writer", {}).json() == {"running": 0, "cancelled": before + 1})
    assert writer.metric(LEFT) == left + 1


async def test_200_that_leave_at_any_moment_hold_nothing(writer) -> None:
    async def leave(number: int) -> None:
        reader, sender = await asyncio.open_connection("127.0.0.1", writer.port)
        body = b'{"model": "writer", "prompt": "a forever", "stream": %b}' % (b"true" if number % 2 else b"false")
        sender.write(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await sender.drain()
        if number % 3:
            await asyncio.sleep(0.01 * (number % 7))
        sender.transport.abort() if number % 4 else sender.close()
        del reader

    for _ in range(10):
        await asyncio.gather(*map(leave, range(20)))
    await asyncio.to_thread(writer.until, lambda: nothing_runs(writer))
    assert writer.get("/v2/health/ready").status_code == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-3, 3) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KEYS = ["messages", "prompt", "n", "stop", "seed", "max_tokens", "stream", "stream_options", "temperature", "top_p"]
KEYS += ["logprobs", "tools", "best_of", "echo", "response_format", "input", "encoding_format", "user", "x"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(["/v1/chat/completions", "/v1/completions", "/v1/embeddings"]),
    base=st.sampled_from([{"messages": [{"role": "user", "content": "x"}]}, {"prompt": "x"}, {}]),
    body=st.dictionaries(st.sampled_from(KEYS), JSON, max_size=3),
)
def test_any_body_is_answered_or_refused_in_openais_form(writer, path, base, body) -> None:
    answer = writer.post(path, {"model": "writer", **base, **body})
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 400:
        assert set(answer.json()) == {"error"}
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_it_counts_requests(writer) -> None:
    name = 'workaday_requests_total{model="writer",protocol="openai",code="200"}'
    before = writer.metric(name)
    assert httpx.post(f"{writer.url}/v1/completions", json={"model": "writer", "prompt": "x"}).status_code == 200
    assert writer.metric(name) == before + 1
    assert writer.metric('workaday_request_seconds_count{model="writer"}') > 0
