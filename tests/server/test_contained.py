"""Predictors that hang, raise, leak or return rubbish: the caller is told, the log and the metrics say it, others serve on."""
# ruff: noqa: E501 -- predictors as one-line texts

from __future__ import annotations

import concurrent.futures

import pytest

BAD = """
import asyncio, sys, threading
class Unsayable:
    def __iter__(self):
        raise RuntimeError("no pieces")
    def __len__(self):
        return 1
class Predictor:
    def __init__(self, config):
        self.kept = []
    def predict(self, payload):
        kind = payload if isinstance(payload, str) else payload["x"][0].decode()
        return getattr(self, kind)()
    def raises(self):
        raise RuntimeError("the secret reason")
    def exits(self):
        sys.exit(3)
    def interrupts(self):
        raise KeyboardInterrupt
    def recurses(self):
        return self.recurses()
    def exhausts(self):
        return bytearray(1 << 62)
    def odd(self):
        return object()
    def cyclic(self):
        made = []
        made.append(made)
        return made
    def unsayable(self):
        return {"y": Unsayable()}
    def surrogate(self):
        return {"y": "\\ud800"}
    def ours(self):
        raise type("ClientError", (Exception,), {"status": "x", "message": "not ours"})()
    def coroutine(self):
        return asyncio.sleep(0, object())
"""
SENDS = """from workaday_server import Response
class Predictor:
    def __init__(self, config):
        pass
    def predict(self, payload):
        {made}
"""
KINDS = [
    "raises",
    "exits",
    "interrupts",
    "recurses",
    "exhausts",
    "odd",
    "cyclic",
    "unsayable",
    "surrogate",
    "ours",
    "coroutine",
]
HANGS = "import asyncio, threading\nclass Predictor:\n    def __init__(self, config):\n        pass\n    {word} predict(self, payload):\n        if payload == 'hang':\n            {hang}\n        return payload\n"
HANG = {"a lock": ("def", "threading.Event().wait()"), "an await": ("async def", "await asyncio.Event().wait()")}
BLOCK = 64 * 2**20  # above what glibc ever keeps for itself
LEAKS = f"class Predictor:\n    def __init__(self, config):\n        self.kept = []\n    def predict(self, payload):\n        self.kept.append(b'x' * {BLOCK})\n        return len(self.kept)\n"
RUBBISH = "class Predictor:\n    def __init__(self, config):\n        pass\n    def predict(self, payload):\n        return 'alone'\n    def predict_batch(self, payloads):\n        if 'few' in payloads: return []\n        if 'none' in payloads: return None\n        if 'exit' in payloads: raise SystemExit\n        if 'odd' in payloads: return [object() for each in payloads]\n        return list(payloads)\n"


def serves_on(server) -> None:
    assert server.post("/good", 1).json() == 1
    assert server.get("/v2/models/good/ready").status_code == 200
    server.until(lambda: server.metric('workaday_in_flight{model="bad"}') == 0)


def test_whatever_it_raises_or_returns_is_a_500_that_tells_nothing(server) -> None:
    server.model("bad", BAD, limits={"concurrency": 2})
    server.model("good")
    server.start()
    for kind in KINDS:
        tensor = {"name": "x", "shape": [1], "datatype": "BYTES", "data": [kind]}
        answers = [
            server.post("/bad", f'"{kind}"'.encode()),
            server.post("/v1/models/bad:predict", {"instances": [kind]}),
            server.post("/v2/models/bad/infer", {"inputs": [tensor]}),
        ]
        assert [each.status_code for each in answers] == [500] * 3, kind
        assert all(set(each.json()) == {"error"} for each in answers)
        assert not any(
            word in each.text for each in answers for word in ("secret", "not ours", "predictor.py", "Traceback")
        )
    assert server.metric('workaday_errors_total{model="bad",cause="predictor"}') == 3 * len(KINDS)
    assert "the secret reason" in server.log()
    assert server.get("/v2/health/ready").status_code == 200, "its threads live on"
    serves_on(server)


@pytest.mark.parametrize("how", HANG)
def test_one_that_hangs_keeps_to_its_own_threads_and_is_not_ready(server, how: str) -> None:
    word, hang = HANG[how]
    code = HANGS.format(word=word, hang=hang)
    server.model("bad", code, limits={"timeout_seconds": 0.5, "concurrency": 2, "queue": 4})
    server.model("good")
    server.start()
    assert server.post("/bad", "hang").status_code == 504
    assert server.post("/bad", "x").text == "x", "the other thread takes over"
    assert server.post("/bad", "hang").status_code == 504
    server.until(lambda: server.metric('workaday_stuck_calls{model="bad"}') == 2)
    assert server.get("/v2/models/bad/ready").status_code == 503
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(server.post, "/bad", "x") for _ in range(6)]
        assert {each.result().status_code for each in waiting} <= {429, 504}
    assert server.metric('workaday_errors_total{model="bad",cause="deadline"}') >= 4
    serves_on(server)
    server.model("bad", code, revision="2")
    server.reload()
    server.wait_state("bad", "ready", "2")
    assert server.post("/bad", "x").text == "x"
    assert server.stop() == 0


def test_a_leak_shows_in_the_metrics_and_ends_with_its_revision(server) -> None:
    server.model("bad", LEAKS)
    server.model("good")
    server.start()
    before = server.metric("process_resident_memory_bytes")
    for number in range(4):
        assert server.post("/bad", 1).json() == number + 1
    assert server.metric("process_resident_memory_bytes") > before + 3.5 * BLOCK
    serves_on(server)
    server.model("bad", LEAKS, revision="2")
    server.reload()
    server.wait_state("bad", "ready", "2")
    server.until(lambda: server.metric("process_resident_memory_bytes") < before + BLOCK / 2)


def test_rubbish_for_a_batch_is_each_items_own_500(server) -> None:
    server.model("bad", RUBBISH, batching={"max_size": 4, "max_wait_seconds": 0.05})
    server.model("good")
    server.start()
    words = ["few", "none", "exit", "odd", "fine", "fine"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            answers = list(pool.map(lambda word: server.post("/bad", f'"{word}"'.encode()), words))
            assert [each.status_code for each in answers[:4]] == [500] * 4
            assert all(each.status_code in (200, 500) for each in answers[4:])
    assert server.post("/bad", b'"fine"').text == "fine"
    serves_on(server)


def test_an_answer_that_cannot_be_sent_is_the_servers_failure_and_the_next_is_answered(server) -> None:
    made = "return Response(b'x', headers={'x': 1}) if payload else 'well'"
    server.model("a", SENDS.format(made=made))
    server.start()
    answer = server.post("/a", 1, timeout=10)
    assert (answer.status_code, answer.json()) == (500, {"error": "the server failed"})
    assert server.post("/a", 0).text == "well"
    assert server.metric('workaday_in_flight{model="a"}') == 0
