"""A generator behind a real server: its route, V1, V2, streams, callers that leave, a new revision, its metrics."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from workaday_server import ClientError
from workaday_server.config import Batching, GenerationConfig, ModelConfig
from workaday_server.errors import ConfigError
from workaday_server.predictor import load
from workaday_server.testing import loaded

pytest.importorskip("torch")

CODE = "from workaday_server.generation import TextGenerator\nclass Predictor(TextGenerator):\n    pass\n"
PLAIN = "class Predictor:\n    def __init__(self, config): ...\n    def predict(self, payload): ...\n"
GREEDY = {"prompt": "Once", "max_tokens": 8, "temperature": 0}


@pytest.fixture(scope="module")
def served(module_server: Any, llama: Path) -> Any:
    """Return a started server with the model `story`."""
    add(module_server, llama)
    return module_server.start(OMP_NUM_THREADS="1")


def add(server: Any, weights: Path, **more: Any) -> None:
    entry = {"config": {"threads": 1}, "limits": {"concurrency": 4, "queue": 4}, "generation": {"max_batch": 4}}
    server.model("story", CODE, weights=str(weights), **{**entry, **more})


def idle(server: Any) -> bool:
    names = ('sequences{model="story",state="running"}', 'kv_cache_bytes{model="story",kind="used"}')
    return all(server.metric(f"workaday_generation_{each}") == 0 for each in names)


def test_every_protocol_gives_the_same_answer(served: Any) -> None:
    answer = served.post("/story", GREEDY).json()
    assert (answer["tokens"], answer["prompt_tokens"], answer["finish"]) == (8, 4, "length")
    assert served.post("/story", {**GREEDY, "text": "Once", "prompt": None}).status_code == 400
    by_name = {key: value for key, value in GREEDY.items() if key != "prompt"}
    assert served.post("/story", {"text": "Once", **by_name}).json() == answer
    instances = [GREEDY, {**GREEDY, "prompt": "x"}, GREEDY]
    predictions = served.post("/v1/models/story:predict", {"instances": instances}).json()["predictions"]
    assert predictions[0] == predictions[2] == answer != predictions[1]
    assert served.post("/v1/models/story:predict", GREEDY).json() == answer
    inputs = [
        {"name": "prompt", "shape": [1], "datatype": "BYTES", "data": ["Once"]},
        {"name": "max_tokens", "shape": [1], "datatype": "INT32", "data": [8]},
        {"name": "temperature", "shape": [1], "datatype": "FP32", "data": [0.0]},
    ]
    outputs = served.post("/v2/models/story/infer", {"inputs": inputs}).json()["outputs"]
    assert {each["name"]: each["data"][0] for each in outputs} == answer
    with httpx.stream("POST", f"{served.url}/story", json={**GREEDY, "stream": True}, timeout=30) as response:
        pieces = [json.loads(line) for line in response.iter_lines()]
    assert "".join(each["text"] for each in pieces) == answer["text"]
    assert pieces[-1] | {"text": ""} == answer | {"text": ""}
    assert all(each.keys() == {"text"} for each in pieces[:-1])


def test_what_is_measured(served: Any) -> None:
    served.until(lambda: idle(served))
    names = [
        'tokens_total{model="story",direction="in"}',
        'tokens_total{model="story",direction="out"}',
        'first_token_seconds_count{model="story"}',
        'next_token_seconds_count{model="story"}',
    ]
    before, _ = [served.metric(f"workaday_generation_{each}") for each in names], served.post("/story", GREEDY)
    after = [served.metric(f"workaday_generation_{each}") for each in names]
    assert [new - old for new, old in zip(after, before, strict=True)] == [4, 8, 1, 7]
    budget = served.metric('workaday_generation_kv_cache_bytes{model="story",kind="budget"}')
    assert budget == 4 * 512 * 2 * 2 * 2 * 8 * 4  # sequences, tokens, keys and values, layers, heads, numbers, bytes
    assert served.metric('workaday_in_flight{model="story"}') == 0


def test_a_conversation_is_read_by_the_models_own_template(served: Any) -> None:
    messages = [{"role": "user", "content": "hi<|<|end|>end|>"}]
    chat = served.post("/story", {**GREEDY, "messages": messages, "prompt": None})
    assert chat.status_code == 400
    by_name = {key: value for key, value in GREEDY.items() if key != "prompt"}
    chat = served.post("/story", {"messages": messages, **by_name}).json()
    prompt = "<|start|>user\nhi<|end|>\n<|start|>assistant\n"
    assert served.post("/story", {"prompt": prompt, **by_name}).json() == chat
    refused = served.post("/story", {"messages": [{"role": "bad", "content": ""}]})
    assert refused.json() == {"error": "the model's chat template refuses the messages: no such role"}


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({}, "give exactly one of `prompt`, `text` and `messages`"),
        ([], "send text, "),
        ({"prompt": ""}, "`prompt` must be text, and not empty"),
        ({"prompt": "half \ud800"}, None),
        ({"messages": []}, "`messages` must be a list with at least one message"),
        ({"messages": [{"role": "user"}]}, "`messages` must be a list of {role, content}"),
        ({"prompt": "a", "max_token": 3}, "unknown key `max_token`; known are prompt, text, messages, max_tokens,"),
        ({"prompt": "a", "stop": 3}, "`stop` must be a text"),
        ({"prompt": "a", "temperature": "hot"}, "`temperature` must be a number from 0 to 2"),
        ({"prompt": "a", "stream": 1}, "`stream` must be true or false"),
        ({"prompt": "a" * 600}, "the prompt has 600 tokens; prompt and answer may have 512 together"),
    ],
)
def test_bad_payloads_are_the_callers_mistake(generator: Any, payload: Any, message: str | None) -> None:
    with pytest.raises(ClientError) as error:
        generator.predict(payload)
    assert message is None or str(error.value).startswith(message)


@pytest.fixture(scope="module")
def generator(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    file = tmp_path_factory.mktemp("generator") / "predictor.py"
    file.write_text(CODE)
    with loaded(file, weights=llama, config={"threads": 1}) as model:
        yield model


def test_a_bad_instance_gets_its_error_and_the_others_their_answers(generator: Any) -> None:
    first, bad, last = generator.predict_batch([GREEDY, {"prompt": 3}, GREEDY])
    assert first == last == generator.predict(GREEDY)
    assert str(bad) == "`prompt` must be text, and not empty"
    assert generator.predict({**GREEDY, "stream": True})[-1]["finish"] == "length"
    assert generator.predict("Once")["prompt_tokens"] == 4


def test_callers_that_leave_stop_what_they_asked_for(served: Any) -> None:
    endless = {**GREEDY, "max_tokens": 500, "temperature": 2}
    for index in range(40):
        body = json.dumps({**endless, "stream": index % 2 == 0, "seed": index}).encode()
        with socket.create_connection(("127.0.0.1", served.port)) as caller:
            caller.sendall(b"POST /story HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            if index % 2 == 0:
                caller.recv(100)
    served.until(lambda: idle(served))
    assert served.post("/story", GREEDY).json()["tokens"] == 8


async def test_more_than_the_queue_takes_are_429_and_the_others_are_answered(served: Any) -> None:
    async with httpx.AsyncClient(timeout=60) as client:
        body = {**GREEDY, "max_tokens": 200}
        answers = await asyncio.gather(*(client.post(f"{served.url}/story", json=body) for _ in range(40)))
    statuses = [each.status_code for each in answers]
    assert set(statuses) <= {200, 429}
    assert statuses.count(200) >= 8
    assert all(each.json()["tokens"] == 200 for each in answers if each.status_code == 200)


def test_time_that_runs_out_is_504_and_gives_the_place_back(served: Any) -> None:
    late = served.post("/story", {**GREEDY, "max_tokens": 500}, headers={"x-request-timeout": "0.05"})
    assert late.status_code == 504
    served.until(lambda: idle(served))


HANGS = """import pathlib, threading
from workaday_server.generation import TextGenerator
class Predictor(TextGenerator):
    def __init__(self, config):
        super().__init__(config)
    def load(self, path):
        network, tokenizer = super().load(path)
        network.register_forward_pre_hook(self.wait)
        return network, tokenizer
    def wait(self, *_):
        while pathlib.Path(self.config["while"]).exists():
            threading.Event().wait(0.05)
"""


def test_a_step_that_hangs_is_504_and_the_model_not_ready_until_it_goes_on(
    server: Any, llama: Path, tmp_path: Path
) -> None:
    hangs = tmp_path / "hangs"
    entry = {"limits": {"timeout_seconds": 0.5, "concurrency": 2}, "config": {"threads": 1, "while": str(hangs)}}
    server.model("story", HANGS, weights=str(llama), **entry)
    server.model("good")
    server.start(OMP_NUM_THREADS="1")
    server.wait_state("story", "ready")
    assert server.post("/story", GREEDY).status_code == 200
    hangs.touch()
    assert server.post("/story", GREEDY).status_code == 504
    server.until(lambda: server.get("/v2/models/story/ready").status_code == 503)
    assert server.metric('workaday_stuck_calls{model="story"}') == 2
    assert server.get("/v2/models/good/ready").status_code == 200
    hangs.unlink()
    server.until(lambda: server.get("/v2/models/story/ready").status_code == 200)
    assert server.post("/story", GREEDY).status_code == 200


@pytest.mark.parametrize(
    ("code", "entry", "message"),
    [
        (CODE, {"weights": None}, "a TextGenerator needs `weights`, or a `load` of its own"),
        (CODE, {"batching": Batching()}, "a TextGenerator has no `batching`"),
        (CODE, {"config": {"temprature": 1}}, "config: unknown key `temprature`"),
        (CODE, {"config": {"quantize": "int4"}}, "config: `quantize` must be one of int8"),
        (CODE, {"config": {"top_p": 2}}, "config: `top_p` must be a number from 0 to 1"),
        (CODE, {"config": {"device": "abacus"}}, "config: no device 'abacus'"),
        (CODE, {"generation": GenerationConfig(kv_cache_bytes=100)}, "a KV cache of 100 bytes holds 0 tokens"),
        (f"{CODE}    def load(self, path):\n        return 3\n", {}, "must return (model, tokenizer)"),
        (PLAIN, {}, "`generation` needs a TextGenerator; class Predictor is none"),
    ],
)
def test_what_cannot_be_served_says_why(llama: Path, tmp_path: Path, code: str, entry: Any, message: str) -> None:
    file = tmp_path / "predictor.py"
    file.write_text(code)
    given = {"weights": llama, "generation": GenerationConfig(), **entry}
    with pytest.raises(ConfigError) as error:
        load(ModelConfig(name="story", revision="1", predictor=file, **given))
    assert message in str(error.value)


def test_a_users_own_tokenizer_and_a_model_without_a_template(llama: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    shutil.copytree(llama, plain)
    (plain / "tokenizer_config.json").unlink()
    (tmp_path / "predictor.py").write_text(
        "from tokenizers import Tokenizer\n"
        f"{CODE}    def load(self, path):\n"
        "        network, _ = super().load(path)\n"
        "        return network, Tokenizer.from_file(path + '/tokenizer.json')\n"
    )
    with loaded(tmp_path / "predictor.py", weights=plain, config={"quantize": "int8", "max_tokens": 3}) as model:
        assert model.predict({"prompt": "Once", "temperature": 0})["tokens"] == 3
        with pytest.raises(ClientError, match="no chat template; send a prompt"):
            model.predict({"messages": [{"role": "user", "content": "hi"}]})


def test_a_new_revision_takes_over_and_what_runs_is_finished(served: Any, llama: Path) -> None:
    answers: list[Any] = []
    body = {**GREEDY, "max_tokens": 300}
    caller = threading.Thread(target=lambda: answers.append(served.post("/story", body, timeout=120).json()))
    caller.start()
    served.until(lambda: not idle(served))
    add(served, llama, revision="2")
    served.reload()
    served.wait_state("story", "ready", "2")
    caller.join(120)
    assert answers[0]["tokens"] == 300
    assert served.post("/story", GREEDY).json()["tokens"] == 8
