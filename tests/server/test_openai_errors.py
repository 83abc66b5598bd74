"""What OpenAI's own Python package raises where the server refuses, and what the error says."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

MODELS = Path(__file__).parent / "openai_models"
HI = [{"role": "user", "content": "hi"}]
LARGE = 4096


@pytest.fixture(scope="module")
def writer(module_server):
    code = (MODELS / "writer.py").read_text()
    module_server.model("writer", code, limits={"body_bytes": LARGE})
    module_server.model("hasty", code, limits={"timeout_seconds": 0.2, "body_bytes": LARGE})
    module_server.model("crowded", code, config={"places": 0}, limits={"body_bytes": LARGE})
    module_server.model("echo", limits={"body_bytes": 100})
    module_server.model("broken", "raise ValueError", limits={"body_bytes": LARGE})
    module_server.start(ready=False)
    for name, state in {"writer": "ready", "hasty": "ready", "crowded": "ready", "broken": "failed"}.items():
        module_server.wait_state(name, state)
    return module_server


@pytest.fixture
def client(writer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{writer.url}/v1", api_key="none", max_retries=0, timeout=30) as made:
        yield made


def refused(kind: type[openai.APIStatusError], client: openai.OpenAI, **asked) -> openai.APIStatusError:
    with pytest.raises(kind) as caught:
        client.chat.completions.create(**{"model": "writer", "messages": HI, **asked})
    return caught.value


WRONG = [
    ({"messages": []}, "messages", None, "at least one"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role", None, "must be one of"),
    ({"messages": [{"role": "user", "content": None}]}, "messages[0].content", None, "must be text"),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        "messages[0].content[0]",
        None,
        '"type": "text"',
    ),
    (
        {"messages": [{"role": "user", "content": "x", "name": "al"}]},
        "messages[0].name",
        "unsupported_parameter",
        "not supported",
    ),
    ({"logprobs": True}, "logprobs", "unsupported_parameter", "`logprobs` is not supported; leave it out"),
    ({"top_logprobs": 3}, "top_logprobs", "unsupported_parameter", "not supported"),
    ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools", "unsupported_parameter", "not supported"),
    ({"response_format": {"type": "json_object"}}, "response_format", "unsupported_parameter", "not supported"),
    ({"frequency_penalty": 0.5}, "frequency_penalty", "unsupported_parameter", "not supported"),
    ({"logit_bias": {"5": 1}}, "logit_bias", "unsupported_parameter", "not supported"),
    ({"extra_body": {"top_k": 4}}, "top_k", "unknown_parameter", "unknown parameter `top_k`"),
    ({"temperature": 3}, "temperature", None, "from 0 to 2"),
    ({"top_p": 0}, "top_p", None, "above 0"),
    ({"max_tokens": 0}, "max_tokens", None, "whole number from 1"),
    ({"stop": [str(each) for each in range(17)]}, "stop", None, "at most"),
    ({"stop": ""}, "stop", None, "none of them empty"),
    ({"seed": "x"}, "seed", None, "whole number"),
    ({"n": 0}, "n", None, "whole number"),
    ({"n": 129}, "n", None, "128 at most"),
    ({"stream_options": {"include_usage": True}}, "stream_options", None, "with `stream: true`"),
    (
        {"stream": True, "stream_options": {"x": 1}},
        "stream_options.x",
        "unknown_parameter",
        "unknown key `stream_options.x`",
    ),
    ({"model": ""}, "model", None, "GET /v1/models lists them"),
    ({"model": "echo"}, "model", "model_not_supported", "model echo does not generate text"),
]


@pytest.mark.parametrize(("asked", "param", "code", "says"), WRONG, ids=[f"{each[1]}-{each[3]}" for each in WRONG])
def test_a_wrong_parameter_is_named(client, asked, param, code, says) -> None:
    error = refused(openai.BadRequestError, client, **asked)
    assert (error.type, error.param, error.code) == ("invalid_request_error", param, code)
    assert says in error.message


def test_what_asks_for_nothing_is_taken(client) -> None:
    client.chat.completions.create(
        model="writer",
        messages=[{"role": "user", "content": "x", "name": None}],
        frequency_penalty=0,
        presence_penalty=0.0,
        logit_bias={},
        logprobs=False,
        tools=[],
        tool_choice="none",
        response_format={"type": "text"},
        n=1,
        stop=None,
        user="someone",
        metadata={"a": "b"},
        service_tier="auto",
        store=False,
    )


def test_a_completions_logprobs_of_0_ask_for_some(client) -> None:
    with pytest.raises(openai.BadRequestError, match="logprobs"):
        client.completions.create(model="writer", prompt="x", logprobs=0)
    for wrong in ("echo", "suffix", "best_of"):
        with pytest.raises(openai.BadRequestError, match=wrong):
            client.completions.create(model="writer", prompt="x", **{wrong: {"suffix": "x"}.get(wrong, 3)})
    with pytest.raises(openai.BadRequestError, match="token ids"):
        client.completions.create(model="writer", prompt=[[]])


def test_what_the_model_itself_refuses(client) -> None:
    with pytest.raises(openai.BadRequestError, match="9000 tokens long"):
        client.completions.create(model="writer", prompt="too long")


def test_no_such_model_and_no_such_address(client) -> None:
    error = refused(openai.NotFoundError, client, model="gpt-5")
    assert (error.param, error.code, error.type) == ("model", "model_not_found", "invalid_request_error")
    with pytest.raises(openai.NotFoundError, match="there are /v1/chat/completions"):
        client.responses.create(model="writer", input="x")


def test_a_full_queue(client, writer) -> None:
    error = refused(openai.RateLimitError, client, model="crowded")
    assert (error.status_code, error.type, error.code) == (429, "rate_limit_error", "rate_limit_exceeded")
    assert error.response.headers["retry-after"] == "7"
    streamed = refused(openai.RateLimitError, client, model="crowded", stream=True)
    assert streamed.status_code == 429, "a stream that has not begun is refused like any other"
    assert writer.metric('workaday_errors_total{model="crowded",cause="overload"}') == 2


def test_a_model_that_is_not_ready(client) -> None:
    error = refused(openai.InternalServerError, client, model="broken")
    assert (error.status_code, error.type, error.code) == (503, "server_error", "service_unavailable")
    assert error.response.headers["retry-after"] == "1"


def test_the_client_tries_again_what_may_pass(writer) -> None:
    with openai.OpenAI(base_url=f"{writer.url}/v1", api_key="none", max_retries=1, timeout=30) as client:
        before = writer.metric('workaday_requests_total{model="broken",protocol="openai",code="503"}')
        refused(openai.InternalServerError, client, model="broken")
        assert writer.metric('workaday_requests_total{model="broken",protocol="openai",code="503"}') == before + 2


def test_the_deadline(client, writer) -> None:
    error = refused(
        openai.InternalServerError, client, model="hasty", messages=[{"role": "user", "content": "forever"}]
    )
    assert (error.status_code, error.type, error.code) == (504, "timeout_error", "deadline_exceeded")
    error = refused(
        openai.InternalServerError,
        client,
        messages=[{"role": "user", "content": "forever"}],
        extra_headers={"x-request-timeout": "0.1"},
    )
    assert error.status_code == 504
    writer.until(lambda: writer.post("/hasty", {}).json()["running"] == 0)
    writer.until(lambda: writer.post("/writer", {}).json()["running"] == 0)


def test_a_stream_that_stops_or_breaks_says_so(client, writer) -> None:
    for model, word, says in [("hasty", "hang", "stopped sending"), ("writer", "break", "prediction failed")]:
        stream = client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": f"a {word}"}], stream=True
        )
        with pytest.raises(openai.APIError, match=says) as caught:
            list(stream)
        assert not isinstance(caught.value, openai.APIStatusError)
        assert "secret" not in str(caught.value)
    assert writer.metric('workaday_errors_total{model="hasty",cause="deadline"}') > 0
    assert writer.metric('workaday_errors_total{model="writer",cause="predictor"}') == 1
    assert "secret" in writer.log(), "the log has the reason"
    error = refused(openai.InternalServerError, client, messages=[{"role": "user", "content": "break"}], stream=False)
    assert (error.status_code, error.type) == (500, "server_error")


def test_a_body_that_is_not_one(client, writer) -> None:
    for body in (b"{", b"[]", b"", b"null"):
        answer = writer.post("/v1/chat/completions", body)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    answer = writer.get("/v1/chat/completions")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert "POST" in answer.json()["error"]["message"]


def test_a_body_that_is_too_large(client, writer) -> None:
    error = refused(openai.APIStatusError, client, messages=[{"role": "user", "content": "x" * 2 * LARGE}])
    assert (error.status_code, error.type) == (413, "invalid_request_error")
    assert str(LARGE) in error.message
    own = refused(openai.APIStatusError, client, model="echo", messages=[{"role": "user", "content": "x" * 200}])
    assert (own.status_code, "100 bytes" in own.message) == (413, True), "a model's own limit holds too"
    with socket.create_connection(("127.0.0.1", writer.port)) as raw:
        raw.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n")
        assert b'{"error":{"message":"the body may have 4096 bytes","type":"invalid_request_error"' in raw.recv(4096)
    compressed = writer.post("/v1/completions", b'{"model":"writer"}', headers={"content-encoding": "gzip"})
    assert compressed.status_code == 415
