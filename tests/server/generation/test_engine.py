"""Requests that share an engine: alone or together the same, and whoever leaves leaves nothing behind."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_models import Bytes, ask

from workaday_server.errors import ClientError, DeadlineExceeded, Overloaded, PredictorError, Unavailable
from workaday_server.generation.engine import Engine, Settings, whole
from workaday_server.generation.requests import Generation, GenerationRequest, Sampling

Engines = Callable[..., Engine]
EVERYTHING = ("Once upon a time", "x", "é" * 40, "The quick brown fox. " * 8)


class Counting:
    """A network that says 'a' for ever, and notes what it was asked; `gate` holds it up."""

    context = 1000
    token_bytes = 10

    def __init__(self, tokens: int = 10_000) -> None:
        self.tokens = tokens
        self.steps: list[list[tuple[int, int]]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.hold_at: int | None = None  # before which step the gate falls
        self.failure: Exception | None = None
        self.answer: int | None = ord("a")
        self.closed = False

    def begin(self) -> None: ...

    def chooser(self, sampling: Sampling) -> None: ...

    def step(self, slices: Any, choosers: Any) -> list[int | None]:
        if len(self.steps) == self.hold_at:
            self.gate.clear()
        self.gate.wait()
        self.steps.append([(each.start, each.count) for each in slices])
        if self.failure is not None:
            raise self.failure
        return [self.answer] * len(choosers)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def engine(counting: Counting) -> Any:
    made = Engine(counting, Bytes(), Settings(max_batch=4, queue=8))
    yield made
    counting.gate.set()
    made.close()


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.002)


def idle(engine: Engine) -> bool:
    return engine.in_flight == 0 and engine.stats.running == 0 and engine.stats.cache_used == 0


def text(engine: Engine, request: GenerationRequest) -> str:
    return whole(engine.submit(request))[0]


@pytest.mark.parametrize("quantized", [False, True])
def test_together_or_alone_the_answers_are_the_same(engines: Engines, folder: Path, quantized: bool) -> None:
    requests = [ask(prompt, max_tokens=20) for prompt in EVERYTHING]
    requests += [ask(prompt, max_tokens=20, temperature=0.8, top_p=0.9, seed=7) for prompt in EVERYTHING]
    alone = engines(folder, max_batch=1, quantized=quantized)
    expected = [text(alone, each) for each in requests]
    together = engines(folder, max_batch=16, prefill_tokens=8, quantized=quantized)
    generations = [together.submit(each) for each in requests]
    assert [whole(each)[0] for each in generations] == expected
    assert len(set(expected)) == len(expected)


@pytest.fixture(scope="module")
def expected() -> dict[Any, str]:
    return {}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    arrivals=st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 24), st.integers(0, 2), st.integers(0, 6)), min_size=1, max_size=12
    ),
    batch=st.integers(1, 6),
    prefill=st.integers(1, 40),
    tokens=st.integers(208, 600),
)
def test_whoever_comes_and_goes_meanwhile(
    engines: Engines, llama: Path, expected: dict[Any, str], arrivals: Any, batch: int, prefill: int, tokens: int
) -> None:
    alone = engines(llama, max_batch=1, prefill_tokens=1000)
    shared = engines(llama, tokens=tokens, max_batch=batch, prefill_tokens=prefill)
    running: list[tuple[Any, Generation]] = []
    for prompt, longest, kind, pause in arrivals:
        sampling = {"temperature": 0.9, "seed": prompt} if kind == 1 else {}
        key = (prompt, longest, kind == 1)
        request = ask(EVERYTHING[prompt], max_tokens=longest, **sampling)
        if key not in expected:
            expected[key] = text(alone, request)
        generation = shared.submit(request)
        if kind == 2:
            threading.Timer(pause / 2000, generation.cancel).start()
        else:
            running.append((key, generation))
        time.sleep(pause / 1000)
    for key, generation in running:
        assert whole(generation)[0] == expected[key]
    until(lambda: idle(shared))
    alone.close()
    shared.close()


def test_a_seed_makes_an_answer_repeatable_and_another_seed_another(engines: Engines, llama: Path) -> None:
    engine = engines(llama)
    answers = [text(engine, ask(temperature=1.0, seed=seed)) for seed in (1, 1, 2)]
    assert answers[0] == answers[1] != answers[2]
    assert text(engine, ask(temperature=1.0)) != text(engine, ask(temperature=1.0))


def test_requests_join_and_leave_between_steps(engine: Engine, counting: Counting) -> None:
    counting.hold_at = 10
    long = engine.submit(ask("abc", max_tokens=50))
    until(lambda: not counting.gate.is_set())
    short = engine.submit(ask("x", max_tokens=2))
    counting.gate.set()
    assert whole(short)[0] == "aa"
    assert whole(long)[0] == "a" * 50
    assert [len(each) for each in counting.steps].count(2) == 2
    assert len(counting.steps) == 50


def test_a_long_prompt_is_read_in_parts_while_others_go_on(engine: Engine, counting: Counting) -> None:
    counting.gate.clear()
    going = engine.submit(ask("abc", max_tokens=30))
    long = engine.submit(ask("x" * 500, max_tokens=1))
    counting.gate.set()
    whole(long), whole(going)
    parts = [count for each in counting.steps for _, count in each if count > 3]
    assert parts
    assert max(parts) <= engine.settings.prefill_tokens
    beside = [each for each in counting.steps if len(each) == 2]
    assert len(beside) >= 500 // engine.settings.prefill_tokens


def test_a_full_queue_is_429_and_none_that_was_taken_is_dropped(engine: Engine, counting: Counting) -> None:
    counting.gate.clear()
    taken = [engine.submit(ask(max_tokens=3)) for _ in range(12)]
    with pytest.raises(Overloaded) as error:
        engine.submit(ask())
    assert error.value.retry_after
    counting.gate.set()
    assert [whole(each)[0] for each in taken] == ["aaa"] * 12
    assert text(engine, ask(max_tokens=1)) == "a"


def test_an_exhausted_cache_makes_requests_wait_and_none_stops_half_way() -> None:
    counting = Counting(tokens=64)
    engine = Engine(counting, Bytes(), Settings(max_batch=8, queue=100))
    generations = [engine.submit(ask("abcd", max_tokens=28)) for _ in range(20)]
    assert [whole(each)[1].finish for each in generations] == ["length"] * 20
    assert max(len(each) for each in counting.steps) == 2
    until(lambda: idle(engine))
    with pytest.raises(ClientError, match="prompt and answer may have 64 together"):
        engine.submit(ask("x" * 64))
    assert len(text(engine, ask("x" * 60, max_tokens=100))) == 4
    engine.close()
    assert counting.closed


def test_a_thousand_callers_that_leave_leave_nothing_behind() -> None:
    counting, chance = Counting(tokens=2000), random.Random(0)
    engine = Engine(counting, Bytes(), Settings(max_batch=16, queue=2000))

    async def leave(generation: Generation) -> None:
        pieces = chance.randrange(4)
        async for _ in generation:
            if pieces == 0:
                break
            pieces -= 1
        generation.cancel()
        generation.cancel()

    async def crowd() -> None:
        for _ in range(10):
            requests = [ask("x" * chance.randrange(1, 200), max_tokens=200) for _ in range(100)]
            async with asyncio.TaskGroup() as group:
                for each in requests:
                    group.create_task(leave(await engine.enqueue(each)))

    asyncio.run(crowd())
    until(lambda: idle(engine))
    assert not engine._jobs
    assert engine._scheduler.spans.take(2000) == 0
    engine.close()


def test_a_reader_that_waits_is_released_by_cancel(engine: Engine, counting: Counting) -> None:
    counting.gate.clear()
    generation = engine.submit(ask())
    threading.Timer(0.05, generation.cancel).start()
    assert list(generation) == []
    counting.gate.set()
    until(lambda: idle(engine))


async def test_time_that_runs_out_is_504_and_the_place_is_free_again(engine: Engine, counting: Counting) -> None:
    counting.gate.clear()
    late = await engine.enqueue(ask(), deadline=perf_counter() + 0.05)
    slow = await engine.enqueue(ask(), begin_by=perf_counter() + 0.05)
    for each in (late, slow):
        with pytest.raises(DeadlineExceeded):
            await anext(each)
    with pytest.raises(DeadlineExceeded):
        next(engine.submit(ask(), deadline=perf_counter() + 0.05))
    begun = engine.submit(ask(max_tokens=3), begin_by=perf_counter() + 30)
    counting.gate.set()
    assert [each.text async for each in begun] == ["a", "a", "a"]
    until(lambda: idle(engine))


def test_a_step_that_fails_fails_who_is_in_it_and_no_one_after(engine: Engine, counting: Counting) -> None:
    counting.failure = RuntimeError("secret")
    with pytest.raises(PredictorError, match="generation failed; the server's log has the reason"):
        text(engine, ask())
    counting.failure, counting.answer = None, None
    with pytest.raises(PredictorError):
        text(engine, ask())
    counting.answer = ord("a")
    assert text(engine, ask(max_tokens=2)) == "aa"
    until(lambda: idle(engine))


def test_the_end_is_503_for_who_runs_and_for_who_comes(engine: Engine, counting: Counting) -> None:
    counting.gate.clear()
    running = engine.submit(ask())
    threading.Timer(0.05, counting.gate.set).start()
    engine.close()
    with pytest.raises(Unavailable):
        whole(running)
    with pytest.raises(Unavailable):
        engine.submit(ask())


async def test_drained_waits_for_what_is_in_flight(engine: Engine, counting: Counting) -> None:
    counting.gate.clear()
    generation = engine.submit(ask(max_tokens=1))
    assert not await engine.drained(0.05)
    counting.gate.set()
    assert await engine.drained(20)
    assert whole(generation)[0] == "a"


async def test_a_long_prompt_becomes_tokens_in_another_thread(counting: Counting) -> None:
    threads = set()

    class Noting(Bytes):
        def encode(self, text: str) -> list[int]:
            threads.add(threading.get_ident())
            return list(text.encode()[:100])

    engine = Engine(counting, Noting(), Settings())
    await engine.enqueue(ask("x" * 100_000, max_tokens=1))
    assert threading.get_ident() not in threads
    engine.close()


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (ask(""), "the prompt is empty"),
        (ask(()), "the prompt is empty"),
        (ask("x" * 1000), "the prompt has 1000 tokens; prompt and answer may have 1000 together"),
        (ask(temperature=-1), "`temperature` must be a number from 0 to 2"),
        (ask(temperature=float("nan")), "`temperature` must be"),
        (ask(top_p=0), "`top_p` must be above 0"),
        (ask(max_tokens=0), "`max_tokens` must be a whole number from 1"),
        (ask(max_tokens=True), "`max_tokens` must be a whole number"),
        (ask(seed=0.5), "`seed` must be a whole number"),
        (ask(stop=("",)), "`stop` must be"),
        (ask(stop=("a",) * 17), "`stop` must be a text, or a list of at most 16 texts"),
    ],
)
def test_what_cannot_be_generated_is_the_callers_mistake(engine: Engine, request_: Any, message: str) -> None:
    with pytest.raises(ClientError) as error:
        engine.submit(request_)
    assert str(error.value).startswith(message)
    assert engine.in_flight == 0


def test_what_is_measured(engine: Engine) -> None:
    whole(engine.submit(ask("abc", max_tokens=5)))
    until(lambda: idle(engine))
    stats = engine.stats
    assert (stats.prompt_tokens, stats.completion_tokens) == (3, 5)
    assert (sum(stats.first_token.counts), sum(stats.next_token.counts)) == (1, 4)
    assert stats.cache_budget == 100_000
