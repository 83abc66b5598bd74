"""What an engine measures: written by its thread alone, read by whoever renders metrics."""

from __future__ import annotations

from workaday_server.metrics import SECONDS, Series

SMOOTHING = 0.1


class Stats:
    """Counts since the model was loaded; times in seconds, sizes in bytes."""

    def __init__(self, cache_budget: int) -> None:
        self.cache_budget = cache_budget
        self.cache_used = 0
        self.running = 0
        self.waiting = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.first_token = Series(SECONDS)  # from submission
        self.next_token = Series(SECONDS)  # from the answer's token before
        self._answer = 1.0  # a moving average of what an answer takes

    def token(self, seconds: float, *, first: bool, counted: int) -> None:
        """Count one token of an answer."""
        (self.first_token if first else self.next_token).observe(seconds)
        self.completion_tokens += counted

    def answered(self, seconds: float) -> None:
        """Note how long an answer took."""
        self._answer += SMOOTHING * (seconds - self._answer)

    def seconds_per_answer(self) -> float:
        """Return what an answer took lately."""
        return self._answer
