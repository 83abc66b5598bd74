"""What a server's metrics page says about a model, for people to read."""

from __future__ import annotations

import re
from collections.abc import Mapping

SECONDS = 2.0
BUCKET = re.compile(r"workaday_request_seconds_bucket\{(?P<labels>[^}]*)\} (?P<count>\S+)")
LABEL = re.compile(r'(\w+)="([^"]*)"')


def page(url: str) -> str:
    """Return a server's metrics page; nothing where it does not answer."""
    from urllib.request import urlopen  # 50 ms, which every command that looks for processes would pay

    try:
        with urlopen(url + "/metrics", timeout=SECONDS) as answer:
            text: str = answer.read().decode()
            return text
    except (OSError, ValueError):
        return ""


def p99_by_model(text: str) -> Mapping[str, float]:
    """Return how many seconds 99 of 100 requests took at most, by model; a model that was asked nothing is left out."""
    buckets: dict[str, list[tuple[float, float]]] = {}
    for found in BUCKET.finditer(text):
        labels = dict(LABEL.findall(found["labels"]))
        buckets.setdefault(labels["model"], []).append((float(labels["le"]), float(found["count"])))
    return {model: quantile(0.99, each) for model, each in buckets.items() if each[-1][1] > 0}


def quantile(share: float, buckets: list[tuple[float, float]]) -> float:
    """Return a quantile of a histogram as Prometheus does: linear within a bucket, the last bound beyond it.

    Args:
        share: 0 to 1.
        buckets: upper bounds, ascending and the last infinite, and how many observations are at or below each.
    """
    rank = share * buckets[-1][1]
    lower, below = 0.0, 0.0
    for bound, count in buckets[:-1]:
        if count >= rank:
            return lower + (bound - lower) * (rank - below) / (count - below) if count > below else bound
        lower, below = bound, count
    return lower
