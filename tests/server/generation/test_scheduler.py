"""Spans of the cache, and what a step computes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from workaday_server.generation.scheduler import PATIENCE, Scheduler, Sequence, Spans


def sequence(prompt: int, answer: int = 16) -> Sequence:
    return Sequence(list(range(prompt)), prompt, prompt + answer)


def step(scheduler: Scheduler) -> list[tuple[Sequence, int]]:
    """Plan and compute one step; each sequence that samples gets a token."""
    slices = scheduler.plan()
    scheduler.advance(slices)
    for each in slices:
        if each.sequence.computed == len(each.sequence.tokens):
            each.sequence.tokens.append(0)
    return [(each.sequence, each.count) for each in slices]


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 100)), max_size=60))
def test_spans_never_overlap_and_are_whole_again_at_the_end(moves: list[tuple[bool, int]]) -> None:
    spans, taken = Spans(1000), []
    for take, size in moves:
        if take:
            begin = spans.take(size)
            if begin is not None:
                assert all(begin + size <= at or at + other <= begin for at, other in taken)
                assert 0 <= begin <= spans.tokens - size
                taken.append((begin, size))
        elif taken:
            spans.give(*taken.pop(size % len(taken)))
    for each in taken:
        spans.give(*each)
    assert spans.used == 0
    assert spans.take(spans.tokens) == 0


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 80), st.integers(1, 20), st.booleans()), min_size=1, max_size=25),
    st.integers(1, 5),
    st.integers(1, 64),
)
def test_everyone_is_computed_to_the_end_whoever_comes_and_goes(
    arrivals: list[tuple[int, int, bool]], max_batch: int, prefill: int
) -> None:
    scheduler = Scheduler(160, max_batch, prefill)
    left, steps = {}, 0
    for index, (prompt, answer, cancelled) in enumerate(arrivals):
        made = sequence(prompt, answer)
        scheduler.add(made)
        left[made] = cancelled and index % 3
        step(scheduler)
    while left:
        steps += 1
        assert steps < 5000, "someone is never served"
        slices = scheduler.plan()
        assert sum(each.count for each in slices if not each.sequence.generates) <= prefill
        assert len(scheduler.running) <= max_batch
        scheduler.advance(slices)
        for each in slices:
            if each.samples:
                each.sequence.tokens.append(0)
        for made in [each for each in left if len(each.tokens) >= each.longest or left[each] == steps % 4 != 0]:
            scheduler.remove(made)
            del left[made]
    assert scheduler.spans.used == 0
    assert not scheduler.running
    assert not scheduler.waiting


def test_a_short_prompt_goes_before_the_rest_of_a_long_one() -> None:
    scheduler = Scheduler(4096, 4, 64)
    long, short = sequence(1000), sequence(10)
    scheduler.add(long)
    assert step(scheduler) == [(long, 64)]
    scheduler.add(short)
    assert step(scheduler) == [(short, 10)]  # and it is not slowed down by a part of the long one
    assert step(scheduler) == [(short, 1), (long, 64)]


def test_a_long_prompt_is_not_passed_over_for_ever() -> None:
    scheduler = Scheduler(100_000, 1000, 64)
    long = sequence(1000)
    scheduler.add(long)
    turns = []
    for _ in range(12):
        scheduler.add(sequence(64))
        turns.append(long in [each for each, _ in step(scheduler)])
    assert sum(turns) >= 12 // (PATIENCE + 1)


def test_those_that_wait_are_admitted_in_order_and_none_overtakes() -> None:
    scheduler = Scheduler(128, 8, 64)
    first, large, small = sequence(80, 16), sequence(60, 20), sequence(8, 8)
    for each in (first, large, small):
        scheduler.add(each)
    step(scheduler)
    assert scheduler.running == [first]
    scheduler.remove(first)
    step(scheduler)
    assert scheduler.running == [large, small]
