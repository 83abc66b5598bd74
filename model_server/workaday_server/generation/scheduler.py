"""Which sequences compute what in the next step, and whose cache pages are whose. Pure: no torch, threads or clock.

A sequence is admitted when there is room for all that it may ever need, prompt and longest answer, so that none has to
be put back later. Those that wait are admitted in the order of their arrival, and none overtakes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

PAGE_TOKENS = 16
PATIENCE = 3  # how many steps a long prompt may be passed over for shorter ones


@dataclass(eq=False, slots=True)
class Sequence:
    """A prompt and what was generated after it.

    Attributes:
        tokens: the prompt, then the answer.
        prompt: how many of them are the prompt.
        longest: how many tokens the whole may reach.
        computed: how many of the tokens have their keys and values in the cache.
        pages: its pages of the cache, in order; empty while it waits.
    """

    tokens: list[int]
    prompt: int
    longest: int
    computed: int = 0
    pages: list[int] = field(default_factory=list)
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


def pages_for(tokens: int) -> int:
    """Return how many pages hold that many tokens."""
    return -(-tokens // PAGE_TOKENS)


class Scheduler:
    """Sequences that wait and that run.

    Args:
        pages: how many pages of `PAGE_TOKENS` tokens the cache has.
        max_batch: how many sequences may run at once.
        prefill_tokens: how many tokens of prompts one step may compute beside a token of each running answer.
    """

    def __init__(self, pages: int, max_batch: int, prefill_tokens: int) -> None:
        self.pages = pages
        self.max_batch = max_batch
        self.prefill_tokens = prefill_tokens
        self.waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []
        self._free = list(range(pages - 1, -1, -1))  # a stack: memory that was used is used again first

    @property
    def pages_used(self) -> int:
        """Return how many pages belong to running sequences."""
        return self.pages - len(self._free)

    def add(self, sequence: Sequence) -> None:
        """Take in a sequence; one that could never fit is the caller's mistake."""
        assert pages_for(sequence.longest) <= self.pages
        self.waiting.append(sequence)

    def remove(self, sequence: Sequence) -> None:
        """Forget a sequence, wherever it stands; its pages are free at once."""
        if sequence in self.running:
            self.running.remove(sequence)
            self._free += reversed(sequence.pages)
            sequence.pages = []
        elif sequence in self.waiting:
            self.waiting.remove(sequence)

    def plan(self) -> list[Slice]:
        """Admit who fits, and return what the next step computes: one token of each answer, and parts of prompts."""
        self._admit()
        answers = [Slice(each, each.computed, each.left) for each in self.running if each.generates]
        return answers + list(self._prompts())

    def advance(self, slices: list[Slice]) -> None:
        """Note that a step has computed its slices."""
        for each in slices:
            each.sequence.computed += each.count

    def _admit(self) -> None:
        while self.waiting and len(self.running) < self.max_batch:
            needed = pages_for(self.waiting[0].longest)
            if needed > len(self._free):
                return
            sequence = self.waiting.popleft()
            sequence.pages = [self._free.pop() for _ in range(needed)]
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
