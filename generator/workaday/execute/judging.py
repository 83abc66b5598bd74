"""Whether a canary keeps what its model's `slo` promises: what Prometheus is asked, and a verdict. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workaday.blueprint.runtimes import Outcomes
    from workaday.blueprint.serving import Promise

# More than these many standard deviations, and one request, is not chance.
DEVIATIONS = 3.0


@dataclass(frozen=True)
class Tally:
    """How a canary's requests ended so far.

    Attributes:
        requests: all of them.
        failed: of them, or None where its server does not say.
        buckets: upper bound in seconds → requests that took at most that long; empty where its server does not say.
    """

    requests: float
    failed: float | None = None
    buckets: Mapping[float, float] = field(default_factory=dict)


def selector(namespace: str, pods: str) -> str:
    """Return the labels by which Prometheus knows pods, by the pattern of their names."""
    return f'namespace="{namespace}",pod=~"{pods}"'


def queries(outcomes: Outcomes, of: str, window_seconds: float) -> dict[str, str]:
    """Return what is asked, by the field of a `Tally`.

    Counters are read as they are, each pod's highest, and not as an increase: the pods are as young as the revision,
    and a series that begins with a first failure has no increase.
    """
    window = f"{math.ceil(window_seconds)}s"

    def highest(of_what: str) -> str:
        return f"max_over_time({of_what.format(of=of)}[{window}])"

    found = {"requests": f"sum({highest(outcomes.requests)})"}
    if outcomes.failed:
        found["failed"] = f"sum({highest(outcomes.failed)})"
    if outcomes.seconds:
        found["buckets"] = f"sum by (le) ({highest(outcomes.seconds)})"
    return found


def broken(promise: Promise, tally: Tally) -> str | None:
    """Return how a promise is broken, or None where it is not, or where it may still be chance."""
    if promise.availability is not None and tally.failed is not None:
        allowed = 1 - promise.availability / 100
        if too_many(tally.failed, tally.requests, allowed):
            share = percent(tally.failed / tally.requests)
            return f"{tally.failed:.0f} of {tally.requests:.0f} requests failed ({share}), {percent(allowed)} may"
    counted = tally.buckets.get(math.inf, 0.0)
    for part, seconds in promise.quantiles:
        slow = counted - within(tally.buckets, seconds)
        if too_many(slow, counted, 1 - part):
            share, may = percent(slow / counted), percent(1 - part)
            return f"{slow:.0f} of {counted:.0f} requests took longer than {seconds:g} s ({share}), {may} may"
    return None


def too_many(count: float, of: float, allowed: float) -> bool:
    """Return whether more of some requests are bad than may be, and than chance explains."""
    expected = allowed * of
    return count > expected + DEVIATIONS * math.sqrt(expected * (1 - allowed)) + 1


def within(buckets: Mapping[float, float], seconds: float) -> float:
    """Return how many requests took at most so long: those of the first bucket that reaches that far."""
    return next((buckets[bound] for bound in sorted(buckets) if bound >= seconds), 0.0)


def percent(share: float) -> str:
    """Return a share as a person reads it."""
    return f"{100 * share:.3g} %"
