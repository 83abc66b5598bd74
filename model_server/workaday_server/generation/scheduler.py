"""Which sequences compute what in a step, and whose part of the cache is whose. Pure: no torch, threads or clock.

A sequence is admitted when there is room for all that it may ever need, prompt and longest answer, so that none has to
be put back later. Those that wait are admitted in the order of their arrival, and none overtakes.
"""

from __future__ import annotations

from bisect import bisect
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

GRAIN = 16  # tokens; spans are multiples of it, so that small gaps stay usable
PATIENCE = 3  # how many steps a long prompt may be passed over for shorter ones


@dataclass(eq=False, slots=True)
class Sequence:
    """A prompt and what was generated after it.

    Attributes:
        tokens: the prompt, then the answer.
        prompt: how many of them are the prompt.
        longest: how many tokens the whole may reach.
        computed: how many of the tokens have their keys and values in the cache.
        span: where its part of the cache begins, which holds `longest` tokens; -1 while it waits.
    """

    tokens: list[int]
    prompt: int
    longest: int
    computed: int = 0
    span: int = -1
    passed_over: int = 0

    @property
    def generates(self) -> bool:
        """Say whether its prompt is in the cache."""
        return self.computed >= self.prompt

    @property
    def left(self) -> int:
        """Return how many tokens are still to be computed."""
        return len(self.tokens) - self.computed


@dataclass(frozen=True, slots=True)
class Slice:
    """What one step computes of one sequence: `count` tokens from `start`."""

    sequence: Sequence
    start: int
    count: int

    @property
    def samples(self) -> bool:
        """Say whether the next token follows from it."""
        return self.start + self.count == len(self.sequence.tokens)


class Spans:
    """The free parts of the cache: the first that is large enough is taken, and neighbours become one again."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens - tokens % GRAIN
        self.used = 0
        self._free = [(0, self.tokens)] if self.tokens else []  # (begin, end), in order, none touching another

    def take(self, tokens: int) -> int | None:
        """Return where a free part of that many tokens begins, now taken; None where there is none."""
        size = _grained(tokens)
        for index, (begin, end) in enumerate(self._free):
            if end - begin >= size:
                self._free[index : index + 1] = [(begin + size, end)] if end - begin > size else []
                self.used += size
                return begin
        return None

    def give(self, begin: int, tokens: int) -> None:
        """Take back what `take` gave."""
        size = _grained(tokens)
        self.used -= size
        index = bisect(self._free, (begin, begin))
        end = begin + size
        if index < len(self._free) and self._free[index][0] == end:
            end = self._free.pop(index)[1]
        if index and self._free[index - 1][1] == begin:
            index -= 1
            begin = self._free.pop(index)[0]
        self._free.insert(index, (begin, end))


def _grained(tokens: int) -> int:
    return -(-tokens // GRAIN) * GRAIN


class Scheduler:
    """Sequences that wait and that run.

    Args:
        tokens: how many tokens the cache holds.
        max_batch: how many sequences may run at once.
        prefill_tokens: how many tokens of prompts one step may compute beside a token of each running answer.
    """

    def __init__(self, tokens: int, max_batch: int, prefill_tokens: int) -> None:
        self.spans = Spans(tokens)
        self.max_batch = max_batch
        self.prefill_tokens = prefill_tokens
        self.waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []

    def add(self, sequence: Sequence) -> None:
        """Take in a sequence; one that could never fit is the caller's mistake."""
        assert sequence.longest <= self.spans.tokens
        self.waiting.append(sequence)

    def remove(self, sequence: Sequence) -> None:
        """Forget a sequence, wherever it stands; its part of the cache is free at once."""
        if sequence in self.running:
            self.running.remove(sequence)
            self.spans.give(sequence.span, sequence.longest)
            sequence.span = -1
        elif sequence in self.waiting:
            self.waiting.remove(sequence)

    def plan(self) -> list[Slice]:
        """Admit who fits, and return what the next step computes: one token of each answer, then parts of prompts."""
        self._admit()
        answers = [Slice(each, each.computed, each.left) for each in self.running if each.generates]
        return answers + list(self._prompts())

    def advance(self, slices: list[Slice]) -> None:
        """Note that a step has computed its slices."""
        for each in slices:
            each.sequence.computed += each.count

    def _admit(self) -> None:
        while self.waiting and len(self.running) < self.max_batch:
            span = self.spans.take(self.waiting[0].longest)
            if span is None:
                return
            sequence = self.waiting.popleft()
            sequence.span = span
            self.running.append(sequence)

    def _prompts(self) -> Iterator[Slice]:
        """Yield parts of prompts, the one with the least left first: it must not wait for a long one's.

        A step that ends a short prompt does not fill up with a long one's part. One that was passed over often enough
        comes first.
        """
        reading = [each for each in self.running if not each.generates]
        reading.sort(key=lambda each: (each.passed_over < PATIENCE, each.left))
        room, ended = self.prefill_tokens, False
        for sequence in reading:
            if room <= 0 or (ended and sequence.left > room):
                sequence.passed_over += 1
                continue
            count = min(room, sequence.left)
            room -= count
            ended = ended or count == sequence.left
            sequence.passed_over = 0
            yield Slice(sequence, sequence.computed, count)
