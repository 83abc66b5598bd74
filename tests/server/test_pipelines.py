"""Pipelines on a real server: what each step gets, what is answered, and what happens when a step does not answer."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

SAY = """
class Predictor:
    def __init__(self, config):
        self.config = config
    def predict(self, payload, headers, request_id):
        got = len(payload) if isinstance(payload, bytes) else payload
        return {**self.config, "got": got, "id": request_id, "trace": headers.get("traceparent")}
"""
FAIL = """
from workaday_server import ClientError, Overloaded, Unavailable, Unprocessable
KINDS = {"client": ClientError("a word, please"), "unprocessable": Unprocessable("too blurred"),
         "overload": Overloaded("full", retry_after=1), "unavailable": Unavailable("not now"),
         "bug": ValueError("secret")}
class Predictor:
    def __init__(self, config):
        self.tries = 0
        self.config = config
    def predict(self, payload):
        self.tries += 1
        if self.tries > self.config.get("times", 1000):
            return {"tries": self.tries}
        raise KINDS[self.config["kind"]]
"""
SLEEP = """
import time
class Predictor:
    def __init__(self, config):
        self.seconds = config.get("seconds", 0.5)
    def predict(self, payload):
        time.sleep(self.seconds)
        return {"slept": self.seconds}
"""
PIECES = """
class Predictor:
    def __init__(self, config): ...
    def predict(self, payload):
        yield "a"
        yield "b"
"""
PLACES = ("process", "http")


def pipeline(server: Any, *steps: dict[str, Any], where: str = "process", **more: Any) -> None:
    """Add a pipeline `p`; over HTTP its steps are the same server's models at their own addresses."""
    for step in steps:
        step.setdefault("model", step["name"])
        if where == "http":
            step.setdefault("url", f"{server.url}/{step['model']}")
    others = [each for each in server.config.get("pipelines", []) if each["name"] != more.get("name", "p")]
    entry = {"name": "p", "revision": "1", "route": "/p", "steps": list(steps)} | more
    server.config["pipelines"] = [*others, entry]


@pytest.mark.parametrize("where", PLACES)
def test_steps_get_the_payload_or_what_input_says_and_the_answer_has_them_by_name(server, where) -> None:
    server.model("category", SAY, config={"label": "cup"})
    server.model("shade", SAY, config={"colour": "red"})
    pipeline(
        server,
        {"name": "category"},
        {
            "name": "shade",
            "after": ["category"],
            "when": 'category.label != "book"',
            "input": '{"of": category.label, "said": request.words[0], "none": category.x.y}',
        },
        {"name": "left-out", "model": "shade", "after": ["category"], "when": 'category.label == "book"'},
        where=where,
    )
    server.start()
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {"traceparent": trace, "x-request-id": "mine", "authorization": "secret"}
    answer = server.post("/p", {"words": ["a", "b"]}, headers=headers)
    assert answer.headers["x-request-id"] == "mine"
    assert answer.json() == {
        "category": {"label": "cup", "got": {"words": ["a", "b"]}, "id": "mine", "trace": trace},
        "shade": {"colour": "red", "got": {"of": "cup", "said": "a", "none": None}, "id": "mine", "trace": trace},
        "left-out": None,
    }
    assert server.metric(f'workaday_step_seconds_count{{model="p",step="shade",protocol="{where}"}}') == 1
    assert server.metric('workaday_requests_total{model="p",protocol="raw",code="200"}') == 1


@pytest.mark.parametrize("where", PLACES)
def test_an_image_goes_in_as_it_is_and_output_chooses_what_comes_out(server, where) -> None:
    server.model("echo")
    server.model("say", SAY, config={"label": "x"})
    pipeline(server, {"name": "say"}, where=where, output="say.got")
    pipeline(server, {"name": "echo"}, where=where, output="echo", name="same", route="/same")
    pipeline(server, {"name": "echo"}, where=where, name="json", route="/json")
    server.start()
    picture = bytes(range(256)) * 500
    kind = {"content-type": "image/png"}
    assert server.post("/p", picture, headers=kind).json() == len(picture)
    same = server.post("/same", picture, headers=kind)
    assert (same.content, same.headers["content-type"]) == (picture, "application/octet-stream")
    assert server.post("/same", b"hi", headers={"content-type": "text/plain"}).text == "hi"
    refused = server.post("/json", picture, headers=kind)
    assert refused.status_code == 502
    assert refused.json()["error"].startswith("step echo: answered bytes")


def test_v1_runs_each_instance_and_readiness_follows_the_models(server) -> None:
    server.model("say", SAY, config={"label": "x"})
    server.model("broken", "class Predictor:\n    def __init__(self, config):\n        raise ValueError\n")
    pipeline(server, {"name": "say"}, output="say.got")
    pipeline(server, {"name": "broken"}, name="dead", route="/dead")
    pipeline(server, {"name": "broken", "optional": True}, name="lame", route="/lame")
    server.start(ready=False)
    server.wait_state("broken", "failed")
    server.wait_state("lame", "ready")
    many = [{"n": index} for index in range(50)]
    assert server.post("/v1/models/p:predict", {"instances": many}).json() == {"predictions": many}
    assert server.post("/v1/models/p:predict", {"n": 1}).json() == {"n": 1}
    assert server.get("/v2/models/p/ready").status_code == 200
    assert server.get("/v1/models/p").json()["ready"] is True
    assert server.get("/v2/models/dead/ready").status_code == 503
    assert server.get("/v2/models/lame/ready").status_code == 200
    refused = server.post("/dead", {})
    assert (refused.status_code, refused.json()) == (
        503,
        {"error": "step broken: model broken failed to load", "step": "broken"},
    )
    lame = server.post("/lame", {})
    assert (lame.json(), lame.headers["x-failed-steps"]) == ({"broken": None}, "broken")
    assert server.post("/v2/models/p/infer", {"inputs": []}).status_code == 400
    assert {"p", "dead", "lame"} < set(server.state()["models"])
    paths = server.get("/openapi.json").json()["paths"]
    assert "/p" in paths
    assert "/v2/models/p/infer" not in paths


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize(
    ("kind", "status", "message", "cause"),
    [
        ("client", 400, "a word, please", "client"),
        ("unprocessable", 422, "too blurred", "client"),
        ("overload", 429, "full", "overload"),
        ("unavailable", 503, "not now", "unavailable"),
        ("bug", 502, "prediction failed; the server's log has the reason", "predictor"),
    ],
)
def test_a_step_that_fails_fails_the_pipeline_by_name(server, where, kind, status, message, cause) -> None:
    server.model("bad", FAIL, config={"kind": kind})
    server.model("slow", SLEEP, config={"seconds": 5})
    pipeline(server, {"name": "slow"}, {"name": "bad"}, where=where)
    server.start()
    began = time.monotonic()
    answer = server.post("/p", {})
    assert time.monotonic() - began < 4, "the others are not waited for"
    assert (answer.status_code, answer.json()) == (status, {"error": f"step bad: {message}", "step": "bad"})
    assert ("retry-after" in answer.headers) == (kind in ("overload",))
    assert server.metric(f'workaday_step_errors_total{{model="p",step="bad",cause="{cause}"}}') == 1
    assert server.metric(f'workaday_errors_total{{model="p",cause="{cause}"}}') == 1


@pytest.mark.parametrize("where", PLACES)
def test_only_refusals_to_begin_are_tried_again(server, where) -> None:
    server.model("later", FAIL, config={"kind": "unavailable", "times": 2})
    server.model("bug", FAIL, config={"kind": "bug", "times": 1})
    pipeline(server, {"name": "later", "retries": 2}, where=where, output="later.tries")
    pipeline(server, {"name": "bug", "retries": 2}, where=where, name="q", route="/q")
    server.start()
    assert server.post("/p", {}).json() == 3
    assert server.metric('workaday_step_retries_total{model="p",step="later"}') == 2
    assert server.post("/q", {}).status_code == 502
    assert server.metric('workaday_step_retries_total{model="q",step="bug"}') == 0


@pytest.mark.parametrize("where", PLACES)
def test_a_step_that_hangs_is_given_up_at_its_time_or_the_pipelines(server, where) -> None:
    server.model("slow", SLEEP, config={"seconds": 3}, limits={"concurrency": 8})
    server.model("say", SAY)
    slow = {"name": "slow", "optional": True, "timeout_seconds": 0.2, "retries": 3}
    pipeline(server, slow, {"name": "say", "after": ["slow"], "input": "slow"}, where=where, output="say.got")
    pipeline(server, {"name": "slow"}, where=where, name="q", route="/q", limits={"timeout_seconds": 0.4})
    pipeline(server, {"name": "slow", "optional": True}, where=where, name="r", route="/r")
    server.start()
    began = time.monotonic()
    partial = server.post("/p", {})
    assert (partial.json(), partial.headers["x-failed-steps"]) == (None, "slow")
    late = server.post("/q", {})
    assert (late.status_code, late.json()) == (504, {"error": "step slow: no answer in time", "step": "slow"})
    without = server.post("/r", {}, headers={"x-request-timeout": "0.5"})
    assert without.json() == {"slow": None}
    assert time.monotonic() - began < 2.5
    assert server.metric('workaday_step_retries_total{model="p",step="slow"}') == 0


@pytest.mark.parametrize("where", PLACES)
def test_steps_that_need_nothing_of_each_other_run_at_once(server, where) -> None:
    server.model("slow", SLEEP, config={"seconds": 0.5}, limits={"concurrency": 8})
    pipeline(server, *({"name": f"s{number}", "model": "slow"} for number in range(6)), where=where)
    server.start()
    began = time.monotonic()
    assert len(server.post("/p", {}).json()) == 6
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("where", PLACES)
def test_a_caller_that_leaves_takes_its_steps_along(server, where) -> None:
    server.model("slow", SLEEP, config={"seconds": 1.0}, limits={"concurrency": 1})
    pipeline(
        server, {"name": "first", "model": "slow"}, {"name": "then", "model": "slow", "after": ["first"]}, where=where
    )
    server.start()
    with pytest.raises(httpx.ReadTimeout):
        server.post("/p", {}, timeout=0.3)
    server.until(lambda: server.metric('workaday_in_flight{model="slow"}') == 0)
    assert server.metric('workaday_in_flight{model="p"}') == 0
    assert server.metric('workaday_errors_total{model="p",cause="disconnect"}') == 1
    assert server.metric('workaday_errors_total{model="slow",cause="disconnect"}') == 1
    assert server.post("/slow", {}).status_code == 200


@pytest.mark.parametrize("where", PLACES)
def test_pieces_are_put_together_and_text_is_text(server, where) -> None:
    server.model("pieces", PIECES)
    server.model("echo")
    pipeline(server, {"name": "pieces"}, {"name": "echo", "after": ["pieces"], "input": "pieces"}, where=where)
    server.start()
    assert server.post("/p", {}).json() == {"pieces": "ab", "echo": "ab"}


def test_limits_are_the_pipelines_own(server) -> None:
    server.model("slow", SLEEP, config={"seconds": 0.5}, limits={"concurrency": 8})
    pipeline(server, {"name": "slow"}, limits={"concurrency": 1, "queue": 1, "body_bytes": 100})
    server.start()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: server.post("/p", {}), range(4)))
    assert sorted(each.status_code for each in answers) == [200, 200, 429, 429]
    assert server.post("/p", b"x" * 101).status_code == 413
    assert server.post("/p", b"{").status_code == 400


def test_models_of_a_batch_are_batched_across_pipelines(server) -> None:
    code = "class Predictor:\n    def __init__(self, config): ...\n    def predict(self, payload): ...\n"
    code += "    def predict_batch(self, payloads):\n        import time\n        time.sleep(0.1)\n"
    code += "        return [len(payloads) for _ in payloads]\n"
    server.model("b", code, batching={"max_size": 8, "max_wait_seconds": 0.05}, limits={"concurrency": 8})
    pipeline(server, *({"name": f"s{number}", "model": "b"} for number in range(4)))
    server.start()
    assert max(server.post("/p", 1).json().values()) > 1


def test_a_changed_pipeline_takes_over_on_sighup(server) -> None:
    server.model("say", SAY, config={"label": "x"})
    pipeline(server, {"name": "say"}, output="say.label")
    server.start()
    pipeline(server, {"name": "say"}, output='{"it": say.label}', revision="2")
    server.reload()
    server.wait_state("p", "ready", "2")
    assert server.post("/p", {}).json() == {"it": "x"}
    server.config["pipelines"] = []
    server.reload()
    server.until(lambda: "p" not in server.state()["models"])
    assert server.post("/p", {}).status_code == 404


def test_what_is_in_flight_is_finished_on_sigterm(server) -> None:
    server.model("slow", SLEEP, config={"seconds": 0.5})
    pipeline(server, {"name": "a", "model": "slow"}, {"name": "b", "model": "slow", "after": ["a"]})
    server.start()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.post, "/p", {})
        server.until(lambda: server.metric('workaday_in_flight{model="slow"}') == 1)
        assert server.stop() == 0
        assert answer.result().json() == {"a": {"slept": 0.5}, "b": {"slept": 0.5}}


# --- servers that are not ours ---


def read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length"))
    while len(body) < length:
        body += connection.recv(65536)
    return data


@contextmanager
def foreign(behave: Callable[[socket.socket, int], None]) -> Iterator[tuple[int, list[bytes]]]:
    """Listen, and have `behave` answer each request; yields the port and the requests."""
    seen: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            while request := read_request(connection):
                seen.append(request)
                try:
                    behave(connection, len(seen))
                except OSError:
                    return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1], seen
    finally:
        listener.close()


def answering(status: str, body: bytes, kind: str = "application/json", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


RUBBISH = [
    (answering("200 OK", b"<html>"), 502, "answered what is not JSON, and calls it that"),
    (answering("500 Internal Server Error", b"Traceback: /secret", "text/plain"), 502, "answered 500"),
    (answering("404 Not Found", b'{"error": "no such model"}'), 502, "answered 404"),
    (answering("302 Found", b"", more="location: http://127.0.0.1:1/\r\n"), 502, "answered 302"),
    (answering("503 Service Unavailable", b"<html>"), 503, "answered 503"),
    (b"rubbish\r\n\r\n", 502, "answered what is not HTTP, or half of it"),
    (answering("200 OK", b'{"half":')[:-3], 504, "no answer in time"),
]


@pytest.mark.parametrize(("sent", "status", "message"), RUBBISH)
def test_rubbish_over_http_is_named(server, sent, status, message) -> None:
    with foreign(lambda connection, _: connection.sendall(sent)) as (port, seen):
        pipeline(server, {"name": "s", "url": f"http://127.0.0.1:{port}/x"}, limits={"timeout_seconds": 1})
        server.start()
        answer = server.post("/p", {"a": 1})
        assert (answer.status_code, answer.json()) == (status, {"error": f"step s: {message}", "step": "s"})
        assert b"x-request-timeout: 0." in seen[0].lower()
        assert json.loads(seen[0].partition(b"\r\n\r\n")[2]) == {"a": 1}


def test_a_server_that_hangs_up_or_is_not_there(server, free_port) -> None:
    pipeline(server, {"name": "s", "url": "http://127.0.0.1:1/x", "retries": 2})
    with foreign(lambda connection, _: connection.close()) as (port, seen):
        pipeline(server, {"name": "s", "url": f"http://127.0.0.1:{port}/", "retries": 2}, name="q", route="/q")
        server.start()
        gone = server.post("/p", {})
        assert (gone.status_code, gone.json()["error"]) == (503, "step s: cannot be reached")
        assert server.metric('workaday_step_retries_total{model="p",step="s"}') == 2
        cut = server.post("/q", {})
        assert (cut.status_code, cut.json()["error"]) == (502, "step s: closed the connection without an answer")
        assert len(seen) == 1, "the model may have been at work: it is not asked again"


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced(server) -> None:
    """The second request comes on the first's connection, which closes without an answer as an idle one may."""

    def behave(connection: socket.socket, number: int) -> None:
        if number == 2:
            connection.close()
        else:
            connection.sendall(answering("200 OK", b"1"))

    with foreign(behave) as (port, seen):
        pipeline(server, {"name": "s", "url": f"http://127.0.0.1:{port}/"}, output="s")
        server.start()
        assert server.post("/p", {}).json() == 1
        assert server.post("/p", {}).json() == 1
        assert len(seen) == 3
