"""How many threads a model gets: what follows from the cores, and what its example is measured to gain."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import pytest

from workaday_server import measure
from workaday_server.config import Batching, ModelConfig
from workaday_server.predictor import Predictor
from workaday_server.threads import plan

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(
    ("concurrency", "batch_size", "available", "planned"),
    [(8, 1, 2, (8, 1)), (2, 1, 8, (2, 4)), (8, 16, 4, (1, 4)), (64, 16, 4, (4, 1)), (64, 16, 2, (2, 1))],
)
def test_the_plan(concurrency: int, batch_size: int, available: int, planned: tuple[int, int]) -> None:
    assert plan(concurrency, batch_size, available) == planned


class Sleepy:
    """Takes as long as the test says for each number of torch's threads, and notes each call."""

    def __init__(self, takes: dict[int, float]) -> None:
        self.example: Any = {"x": [1]}
        self.takes = takes
        self.calls: list[tuple[int, int]] = []

    def predict(self, payload: Any) -> Any:
        return self.predict_batch([payload])[0]

    def predict_batch(self, payloads: list[Any]) -> list[Any]:
        threads = torch.get_num_threads()
        self.calls.append((threads, len(payloads)))
        for each in payloads:
            each["x"].append(len(each["x"]))  # a predictor may change what it is given
        time.sleep(self.takes[threads])
        return payloads

    def after_predict(self, answer: Any) -> None:
        raise AssertionError("nobody asked")


@pytest.fixture
def chosen(monkeypatch, caplog):
    """Return what is chosen for a predictor whose worker's share is four threads."""
    monkeypatch.setattr(measure, "plan", lambda concurrency, size: (1, 4))
    caplog.set_level(logging.INFO)
    before = torch.get_num_threads()

    def choose(instance: Any, size: int = 3, path: str = "predictor.py") -> int | None:
        config = ModelConfig(name="a", revision="1", predictor=Path(path), batching=Batching(max_size=size))
        return measure.torch_threads(Predictor(instance), config)

    yield choose
    torch.set_num_threads(before)


def test_more_threads_are_taken_where_they_gain_and_the_log_says_so(chosen, caplog) -> None:
    model = Sleepy({1: 0.09, 4: 0.005})
    assert chosen(model) == 4
    assert {size for _, size in model.calls} == {3}
    assert "with 1 torch thread" in caplog.text
    assert "4 chosen" in caplog.text
    assert model.example == {"x": [1]}


def test_one_thread_is_taken_where_more_gain_nothing(chosen, caplog) -> None:
    assert chosen(Sleepy({1: 0.005, 4: 0.05})) == 1
    assert "1 chosen" in caplog.text


def test_a_slow_call_is_the_only_one(chosen, monkeypatch) -> None:
    monkeypatch.setattr(measure, "LONGEST_SECONDS", 0.01)
    model = Sleepy({1: 0.05, 4: 0.05})
    assert chosen(model) is None
    assert len(model.calls) == 1


def test_the_time_for_all_is_bounded(chosen, monkeypatch) -> None:
    monkeypatch.setattr(measure, "BUDGET_SECONDS", 0.0)
    model = Sleepy({1: 0.001, 4: 0.001})
    chosen(model)
    assert len(model.calls) == 6, "one to warm up and two that count, each"


@pytest.mark.parametrize("why", ["no example", "says no", "waits", "streams", "fails", "no file"])
def test_what_is_not_measured(chosen, caplog, why: str) -> None:
    class Waits(Sleepy):
        async def predict(self, payload: Any) -> Any:  # type: ignore[override]
            raise AssertionError("it was called")

    class Streams(Sleepy):
        def predict(self, payload: Any) -> Any:
            self.calls.append((0, 0))
            yield payload

    made = {"waits": Waits, "streams": Streams}.get(why, Sleepy)({1: 0.001, 4: 0.001} if why != "fails" else {})
    if why in ("no example", "no file"):
        made.example = None if why == "no example" else "@nowhere.jpg"
    if why == "says no":
        made.measure_threads = False
    assert chosen(made, size=1) is None
    assert len(made.calls) == (1 if why == "fails" else 0)
    assert ("its example fails: KeyError" in caplog.text) == (why == "fails")


def test_an_example_file_is_its_bytes(chosen, tmp_path) -> None:
    class Bytes(Sleepy):
        def predict(self, payload: Any) -> Any:
            self.calls.append(payload)
            return 1

    (tmp_path / "photo.jpg").write_bytes(b"\xff")
    model = Bytes({})
    model.example = "@photo.jpg"
    assert chosen(model, size=1, path=str(tmp_path / "predictor.py")) in (1, 4)
    assert set(model.calls) == {b"\xff"}


def test_a_served_model_is_measured_before_it_is_ready(server) -> None:
    code = (
        "import torch\nclass Predictor:\n    example = [1.0] * 8\n    def __init__(self, config):\n        pass\n"
        "    def predict(self, payload):\n        return torch.tensor(payload).sum().item()\n"
        "    def predict_batch(self, payloads):\n        return torch.tensor(payloads).sum(1).tolist()\n"
    )
    server.model("a", code, batching={"max_size": 8}, limits={"concurrency": 1})
    server.start()
    assert server.post("/a", [1.0, 2.0]).json() == 3.0
    share = plan(1, 8)[1]
    assert ("its example takes" in server.log()) == (share > 1)
