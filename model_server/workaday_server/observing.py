"""What a predictor says of its own answers: classes counted, numbers by size, beside what it was trained on.

Written by the model's threads under a lock, read by whoever renders metrics, as an engine's `Stats` are.
"""

from __future__ import annotations

import logging
import math
import threading
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workaday_server.errors import ConfigError
from workaday_server.metrics import Series

log = logging.getLogger("workaday_server.observing")

MOST_NAMES, MOST_CLASSES, MOST_LETTERS = 16, 50, 64
OTHER = "other"
BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 1000.0)


class Observed:
    """What one predictor's answers were, since it was loaded.

    Attributes:
        classes: how often, by name and class; a number with a reference counts by its bin's upper bound.
        numbers: how large, by name.
        reference: the share of each class that is expected, by name and class.
    """

    def __init__(self, observe: Callable[[Any], Any], reference: Mapping[str, Mapping[Any, float]]) -> None:
        """Take the predictor's `observe` and `reference`.

        Raises:
            ConfigError: the reference is not one.
        """
        self._observe = observe
        self._lock = threading.Lock()
        self._complained = False
        self._bounds: dict[str, tuple[float, ...]] = {}
        self._names: set[str] = set()
        self.classes: dict[tuple[str, str], int] = {}
        self.numbers: dict[str, Series] = {}
        self.reference: dict[tuple[str, str], float] = {}
        for name, shares in reference.items():
            self._expect(name, shares)

    def _expect(self, name: str, shares: Mapping[Any, float]) -> None:
        total = _total(name, shares)
        if len(self._names) == MOST_NAMES or len(shares) > MOST_CLASSES:
            raise ConfigError(f"`reference` has at most {MOST_NAMES} names of {MOST_CLASSES} classes each")
        self._names.add(name)
        if all(_number(each) for each in shares):
            self._bounds[name] = tuple(sorted(float(each) for each in shares if each != math.inf))
        for each, share in shares.items():
            label = edge(float(each)) if name in self._bounds else str(each)[:MOST_LETTERS]
            self.reference[name, label] = share / total
            self.classes[name, label] = 0  # a class that is expected has its place before those that are not

    def note(self, answer: Any) -> None:
        """Count an answer. Whatever goes wrong is logged once and changes no answer."""
        try:
            said = self._observe(answer)
            if said is None:
                return
            with self._lock:
                for name, value in said.items():
                    for each in value if isinstance(value, Sequence) and not isinstance(value, str) else (value,):
                        self._count(name, each)
        except Exception:
            if not self._complained:
                self._complained = True
                log.exception("`observe` failed; said once")

    def _count(self, name: str, value: Any) -> None:
        if name not in self._names:
            if len(self._names) == MOST_NAMES:
                raise ValueError(f"`observe` may return {MOST_NAMES} names")
            self._names.add(name)
        if not _number(value):
            self._count_class(name, str(value)[:MOST_LETTERS])
            return
        found, bounds = float(value), self._bounds.get(name)
        if math.isnan(found):
            return
        if bounds is not None:
            self._count_class(name, edge((*bounds, math.inf)[bisect_left(bounds, found)]))
        self.numbers.setdefault(name, Series(bounds or BOUNDS)).observe(found)

    def _count_class(self, name: str, label: str) -> None:
        if (name, label) not in self.classes and sum(each == name for each, _ in self.classes) >= MOST_CLASSES:
            label = OTHER
        self.classes[name, label] = self.classes.get((name, label), 0) + 1


def observed(instance: Any) -> Observed | None:
    """Return what counts a predictor's answers, or None where it has no method `observe`.

    Raises:
        ConfigError: its `reference` is not one.
    """
    observe = getattr(instance, "observe", None)
    if not callable(observe):
        return None
    reference = getattr(instance, "reference", {})
    if not isinstance(reference, Mapping) or not all(isinstance(each, Mapping) for each in reference.values()):
        raise ConfigError("`reference` is a mapping of names to {class: share}")
    return Observed(observe, reference)


def edge(bound: float) -> str:
    """Return a bin's upper bound as Prometheus writes a bucket's."""
    return "+Inf" if bound == math.inf else f"{bound:g}"


def _number(value: object) -> bool:
    # numpy's and torch's scalars are numbers too; True is a class
    return not isinstance(value, bool | str) and hasattr(value, "__float__")


def _total(name: str, shares: Mapping[Any, float]) -> float:
    if not shares or not all(_number(each) and math.isfinite(each) and each >= 0 for each in shares.values()):
        raise ConfigError(f"`reference` of `{name}` needs a share, zero or more, for each class")
    total = float(sum(shares.values()))
    if total == 0:
        raise ConfigError(f"`reference` of `{name}` has no share above zero")
    return total
