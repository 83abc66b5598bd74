"""Batches: who shares one, who waits, and whose error it is."""
# ruff: noqa: E501 -- predictors as one-line texts

from __future__ import annotations

import concurrent.futures
import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

BATCHED = """
import os, time
from workaday_server import ClientError
class Predictor:
    def __init__(self, config):
        self.sizes = []
        self.gate = config.get("gate")
    def predict(self, payload):
        return self.predict_batch([payload])[0]
    def predict_batch(self, payloads):
        if payloads == ["sizes"]:
            return [self.sizes]
        self.sizes.append(len(payloads))
        while "hold" in payloads and not os.path.exists(self.gate):
            time.sleep(0.005)
        if "poison" in payloads:
            raise RuntimeError("the whole batch")
        return [ClientError("this one") if each == "bad" else [each, len(payloads)] for each in payloads]
"""


@contextlib.contextmanager
def held(server) -> Iterator[None]:
    """Keep the model's only thread busy with a first call, until the block ends."""
    server.until(lambda: server.metric('workaday_in_flight{model="a"}') == 0)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(server.post, "/a", "hold")
        server.until(lambda: server.metric('workaday_in_flight{model="a"}') == 1)
        server.until(lambda: server.metric('workaday_queue_length{model="a"}') == 0)
        try:
            yield
        finally:
            gate(server).touch()
        assert first.result().status_code == 200


def gate(server) -> Path:
    return server.folder / "open"


def together_next(server, payloads: list) -> list:
    """Send payloads while a call runs, so that all of them wait when it ends."""
    with concurrent.futures.ThreadPoolExecutor(len(payloads)) as pool:
        with held(server):
            sent = [pool.submit(server.post, "/a", payload) for payload in payloads]
            server.until(lambda: server.metric('workaday_in_flight{model="a"}') == 1 + len(payloads))
        return [each.result() for each in sent]


def together(server, payloads: list, path: str = "/a") -> list:
    with concurrent.futures.ThreadPoolExecutor(len(payloads)) as pool:
        return list(pool.map(lambda payload: server.post(path, payload), payloads))


def test_what_comes_while_a_batch_runs_shares_the_next(server) -> None:
    server.model("a", BATCHED, config={"gate": str(gate(server))}, batching={"max_size": 8, "max_wait_seconds": 0.2})
    server.start()
    answers = together_next(server, list(range(12)))
    assert [each.json()[0] for each in answers] == list(range(12))
    assert sorted(each.json()[1] for each in answers) == [4] * 4 + [8] * 8
    assert server.post("/a", "sizes").json() == [1, 8, 4]


def test_a_lone_caller_never_waits_for_company(server) -> None:
    server.model("a", BATCHED, batching={"max_size": 8, "max_wait_seconds": 30})
    server.start()
    for number in range(5):
        assert server.post("/a", number, timeout=10).json() == [number, 1]


def test_one_bad_item_does_not_fail_its_batch(server) -> None:
    server.model("a", BATCHED, config={"gate": str(gate(server))}, batching={"max_size": 8, "max_wait_seconds": 0.2})
    server.start()
    answers = together_next(server, ["x", "bad", "poison", "y", "z"])
    assert server.post("/a", "sizes").json() == [1, 5, 1, 1, 1, 1, 1], "together, then each alone"
    assert [each.status_code for each in answers] == [200, 400, 500, 200, 200]
    assert answers[1].json() == {"error": "this one"}


def test_wrong_numbers_of_answers_are_the_predictors_fault(server) -> None:
    code = BATCHED.replace("return [ClientError", "return [1, 2, 3] or [ClientError")
    server.model("a", code, batching={"max_size": 8})
    server.start()
    assert server.post("/a", "x").status_code == 500


def test_tensors_of_different_shapes_do_not_share_a_batch(server) -> None:
    code = "import numpy as np, time\nclass Predictor:\n    def __init__(self, config):\n        pass\n    def predict(self, payload):\n        return payload\n    def predict_batch(self, payloads):\n        time.sleep(0.3)\n        return list(np.stack([each['x'] for each in payloads]).sum(axis=1))\n"
    server.model("a", code, batching={"max_size": 16, "max_wait_seconds": 0.2})
    server.start()

    def request(size: int) -> dict:
        return {"inputs": [{"name": "x", "shape": [size], "datatype": "FP32", "data": [1.0] * size}]}

    answers = together(server, [request(2 + number % 3) for number in range(9)], "/v2/models/a/infer")
    assert [each.json()["outputs"][0]["data"] for each in answers] == [[float(2 + number % 3)] for number in range(9)]


def test_v1_instances_share_one_call(server) -> None:
    server.model("a", BATCHED)
    server.start()
    answer = server.post("/v1/models/a:predict", {"instances": [1, 2, 3]})
    assert answer.json() == {"predictions": [[1, 3], [2, 3], [3, 3]]}
    assert server.post("/v1/models/a:predict", {"instances": []}).json() == {"predictions": []}


def test_a_model_without_predict_batch_cannot_be_batched(server) -> None:
    server.model("a", batching={"max_size": 8})
    server.start(ready=False)
    assert "predict_batch" in server.wait_state("a", "failed")["error"]


def test_a_waiting_call_whose_deadline_passes_leaves_its_batch(server) -> None:
    config = {"gate": str(gate(server))}
    server.model("a", BATCHED, config=config, batching={"max_size": 1}, limits={"concurrency": 1})
    server.start()
    with held(server):  # whose turn never comes is answered all the same
        assert server.post("/a", 2, headers={"x-request-timeout": "0.05"}).status_code == 504
    assert server.post("/a", "sizes").json() == [1]
    assert np.isclose(server.metric('workaday_batch_size_sum{model="a"}'), 2)
