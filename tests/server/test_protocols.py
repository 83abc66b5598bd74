"""V1, V2 and the models' own routes, as callers see them."""
# ruff: noqa: E501 -- predictors as one-line texts

from __future__ import annotations

import json
import struct

import httpx
import numpy as np
import pytest

TYPES = "class Predictor:\n    def __init__(self, config):\n        pass\n    def predict(self, payload):\n        return {'type': type(payload).__name__, 'value': payload if not isinstance(payload, bytes) else payload.decode()}\n"
DOUBLE = "class Predictor:\n    def __init__(self, config):\n        pass\n    def predict(self, payload):\n        return {'y': payload['x'] * 2}\n"
TEXT = {"content-type": "text/plain; charset=latin-1"}


def tensor(data: list, datatype: str = "FP32", shape: list | None = None) -> dict:
    return {"inputs": [{"name": "x", "shape": shape or [len(data)], "datatype": datatype, "data": data}]}


def binary(head: dict, *tensors: bytes) -> tuple[bytes, dict[str, str]]:
    text = json.dumps(head).encode()
    headers = {"inference-header-content-length": str(len(text)), "content-type": "application/octet-stream"}
    return text + b"".join(tensors), headers


def test_a_payload_is_what_its_content_type_says(server) -> None:
    server.model("a", TYPES)
    server.start()
    cases = [
        (b'{"n": 1}', {"content-type": "application/json; charset=utf-8"}, "dict", {"n": 1}),
        (b"[1]", {"content-type": "application/vnd.x+json"}, "list", [1]),
        (b"1", {}, "int", 1),
        ("é".encode("latin-1"), TEXT, "str", "é"),
        (b"a=1&b=", {"content-type": "application/x-www-form-urlencoded"}, "dict", {"a": "1", "b": ""}),
        (b"raw", {"content-type": "image/jpeg"}, "bytes", "raw"),
    ]
    for body, headers, kind, value in cases:
        assert server.post("/a", body, headers=headers).json() == {"type": kind, "value": value}
    for body, headers in [(b"\xff", TEXT | {"content-type": "text/plain"}), (b"{", {}), (b"", {}), (b"NaN", {})]:
        assert server.post("/a", body, headers=headers).status_code == 400


def test_a_multipart_form_has_texts_and_files(server) -> None:
    code = "class Predictor:\n    def __init__(self, config):\n        pass\n    def predict(self, payload):\n        return [payload['who'], payload['file'][::-1].hex()]\n"
    server.model("a", code)
    server.start()
    answer = httpx.post(f"{server.url}/a", data={"who": "é"}, files={"file": ("x.bin", b"\x00\r\n\xff")})
    assert answer.json() == ["é", "ff0a0d00"]


def test_answers_are_json_text_bytes_or_a_response(server) -> None:
    code = "from workaday_server import Response, Unprocessable\nimport numpy as np\nclass Predictor:\n    def __init__(self, config):\n        pass\n    def predict(self, payload):\n        if payload == 'no': raise Unprocessable('not this')\n        return {'text': 'é', 'bytes': b'x', 'array': np.ones((1, 2)), 'own': Response(b'<svg/>', 201, 'image/svg+xml', {'x-a': 'b'}), 'none': None}[payload]\n"
    server.model("a", code)
    server.start()
    assert server.post("/a", "text").headers["content-type"] == "text/plain; charset=utf-8"
    assert server.post("/a", "text").text == "é"
    assert server.post("/a", "bytes").headers["content-type"] == "application/octet-stream"
    assert server.post("/a", "array").json() == [[1.0, 1.0]]
    assert server.post("/a", "none").json() is None
    own = server.post("/a", "own")
    assert (own.status_code, own.headers["content-type"], own.headers["x-a"]) == (201, "image/svg+xml", "b")
    assert server.post("/a", "no").status_code == 422


def test_arguments_by_name_async_and_after_predict(server) -> None:
    code = "import asyncio\nclass Predictor:\n    def __init__(self, config):\n        pass\n    async def predict(self, query, payload, headers, request_id):\n        await asyncio.sleep(0.01)\n        return [payload, query, headers['x-a'], request_id]\n    def after_predict(self, answer):\n        return [*answer, 'after']\n"
    server.model("a", code)
    server.start()
    answer = server.post("/a?k=v&k=w", 1, headers={"x-a": "b", "x-request-id": "id-7"})
    assert answer.json() == [1, {"k": "w"}, "b", "id-7", "after"]


def test_an_unknown_argument_is_named_when_loading(server) -> None:
    server.model(
        "a",
        "class Predictor:\n    def __init__(self, config):\n        pass\n    def predict(self, paylod):\n        return 1\n",
    )
    server.start(ready=False)
    assert "asks for `paylod`" in server.wait_state("a", "failed")["error"]


def test_v1(server) -> None:
    server.model("a", TYPES)
    server.start()
    assert server.get("/v1/models").json()["models"] == ["a"]
    assert server.get("/v1/models/a").json().items() >= {"name": "a", "ready": True}.items()
    answer = server.post("/v1/models/a:predict", {"instances": ["x", {"y": 1}]}).json()
    assert [each["type"] for each in answer["predictions"]] == ["str", "dict"]
    assert server.post("/v1/models/a:predict", {"x": 1}).json() == {"type": "dict", "value": {"x": 1}}
    for wrong in ([1], {"instances": 3}, "x"):
        assert server.post("/v1/models/a:predict", wrong).status_code == 400
    assert server.post("/v1/models/nope:predict", {}).status_code == 404
    assert server.get("/v1/models/a:predict").status_code == 405


def test_v2_metadata_and_health(server) -> None:
    server.model("a")
    server.start()
    assert server.get("/v2").json()["extensions"] == ["binary_tensor_data"]
    assert server.get("/v2/models/a").json()["versions"] == ["1"]
    assert server.get("/v2/models/a/ready").status_code == 200
    assert server.get("/v2/models/nope/ready").status_code == 404
    assert server.get("/v2/models/a/versions/1/ready").status_code == 200
    assert server.get("/v2/models/a/versions/9/ready").status_code == 404


def test_v2_json(server) -> None:
    server.model("a", DOUBLE)
    server.start()
    answer = server.post("/v2/models/a/infer", {"id": "7", **tensor([[1, 2], [3, 4]], shape=[2, 2])}).json()
    assert answer["id"] == "7"
    assert answer["outputs"] == [{"name": "y", "shape": [2, 2], "datatype": "FP32", "data": [2.0, 4.0, 6.0, 8.0]}]
    assert server.post("/v2/models/a/infer", tensor([1, 2], "INT8")).json()["outputs"][0]["data"] == [2, 4]
    assert server.post("/v2/models/a/infer", tensor([1.5], "FP16")).json()["outputs"][0]["data"] == [3.0]
    assert server.post("/v2/models/a/infer", tensor([True], "BOOL")).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"inputs": []},
        {"inputs": [3]},
        {"inputs": [{"name": "x"}]},
        tensor([1, 2], shape=[3]),
        tensor([1, 2], shape=[-1]),
        tensor([[1], [2, 3]], shape=[3]),
        tensor([1, 2], "FP31"),
        tensor([300], "INT8"),
        tensor([-1], "UINT8"),
        tensor([1.5], "INT32"),
        tensor(["a"], "FP32"),
        tensor([1], "BYTES"),
        tensor([None], "FP32"),
        tensor([1], shape=[2**40, 2**40]),
        {"id": 3, **tensor([1])},
        {"outputs": [{"name": "z"}], **tensor([1])},
        {"outputs": 3, **tensor([1])},
    ],
)
def test_v2_mistakes_are_400_and_say_what(server, wrong: dict) -> None:
    server.model("a", DOUBLE)
    server.start()
    answer = server.post("/v2/models/a/infer", wrong)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_v2_binary_in_and_out(server) -> None:
    server.model("a", DOUBLE)
    server.start()
    given = np.arange(6, dtype=np.float32).reshape(2, 3)
    head = {
        "inputs": [{"name": "x", "shape": [2, 3], "datatype": "FP32", "parameters": {"binary_data_size": 24}}],
        "outputs": [{"name": "y", "parameters": {"binary_data": True}}],
    }
    body, headers = binary(head, given.tobytes())
    answer = server.post("/v2/models/a/infer", body, headers=headers)
    length = int(answer.headers["inference-header-content-length"])
    output = json.loads(answer.content[:length])["outputs"][0]
    assert output == {"name": "y", "shape": [2, 3], "datatype": "FP32", "parameters": {"binary_data_size": 24}}
    assert (np.frombuffer(answer.content[length:], np.float32).reshape(2, 3) == given * 2).all()
    for size in (20, 28, -1):
        head["inputs"][0]["parameters"]["binary_data_size"] = size
        body, headers = binary(head, given.tobytes())
        assert server.post("/v2/models/a/infer", body, headers=headers).status_code == 400
    assert (
        server.post(
            "/v2/models/a/infer", body, headers=headers | {"inference-header-content-length": "999"}
        ).status_code
        == 400
    )


def test_v2_bytes_tensors_and_answers_that_are_no_tensors(server) -> None:
    code = "class Predictor:\n    def __init__(self, config):\n        pass\n    def predict(self, payload):\n        return {'got': [each.decode() for each in payload['x']], 'n': {'deep': 1}}\n"
    server.model("a", code)
    server.start()
    parameters = {"binary_data_size": 9}
    head = {"inputs": [{"name": "x", "shape": [2], "datatype": "BYTES", "parameters": parameters}]}
    body, headers = binary(head, struct.pack("<I", 1) + b"a" + struct.pack("<I", 0))
    output = server.post("/v2/models/a/infer", body, headers=headers).json()["outputs"][0]
    assert (output["name"], output["datatype"], output["shape"]) == ("output-0", "BYTES", [1])
    assert json.loads(output["data"][0]) == {"got": ["a", ""], "n": {"deep": 1}}
    assert server.post("/v2/models/a/infer", tensor(["é"], "BYTES")).status_code == 200
    body, headers = binary(head, struct.pack("<I", 1) + b"a" + struct.pack("<I", 9))
    assert server.post("/v2/models/a/infer", body, headers=headers).status_code == 400


@pytest.mark.parametrize("word", ["def", "async def"])
def test_an_iterator_is_streamed_piece_by_piece(server, word: str) -> None:
    code = f"import asyncio, time\nclass Predictor:\n    def __init__(self, config):\n        self.closed = 0\n    def predict(self, payload):\n        return self.closed if payload == 'closed' else self.pieces(payload)\n    {word} pieces(self, count):\n        try:\n            for number in range(count):\n                yield 'x' * 1000 if count > 9 else {{'n': number}}\n                if number == 4:\n                    raise RuntimeError('half-way')\n        finally:\n            self.closed += 1\n"
    server.model("a", code.replace("number == 4", "number == 4 and count == 6"))
    server.start()
    with httpx.stream("POST", f"{server.url}/a", json=3) as answer:
        assert answer.headers["transfer-encoding"] == "chunked"
        assert [json.loads(line) for line in answer.iter_lines()] == [{"n": 0}, {"n": 1}, {"n": 2}]
    with pytest.raises(httpx.RemoteProtocolError):
        server.post("/a", 6)  # cut, not ended: the caller can tell
    with httpx.stream("POST", f"{server.url}/a", json=100_000) as answer:
        next(answer.iter_raw())
    server.until(lambda: server.post("/a", "closed").json() == 3)
    assert server.metric('workaday_in_flight{model="a"}') == 0


def test_a_page_is_what_a_browser_gets_at_the_route(server) -> None:
    code = "class Predictor:\n    page = '<p>é</p>'\n    def __init__(self, config):\n        pass\n    def predict(self, payload):\n        return 7\n"
    server.model("a", code)
    server.model("b")
    server.start()
    page = server.get("/a")
    assert (page.status_code, page.headers["content-type"], page.text) == (200, "text/html; charset=utf-8", "<p>é</p>")
    assert httpx.head(f"{server.url}/a").headers["content-length"] == str(len(page.content))
    assert server.post("/a", 1).json() == 7
    assert httpx.delete(f"{server.url}/a").status_code == 405
    without = server.get("/b")
    assert (without.status_code, without.headers["allow"]) == (405, "POST")
    assert "get" in server.get("/openapi.json").json()["paths"]["/a"]
