"""How many threads a model gets, and how many cores torch may use in each."""

from __future__ import annotations

import os
from pathlib import Path

CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def cores() -> int:
    """Return how many cores this process may use: by affinity and by the container's limit."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = CGROUP_LIMIT.read_text().split()
        return max(1, min(available, -(-int(quota) // int(period))))
    except (OSError, ValueError):
        return available


def plan(concurrency: int, batch_size: int, available: int | None = None) -> tuple[int, int]:
    """Return a model's worker threads and torch's threads in each.

    Unbatched, each call in work has a thread of its own, for it may be waiting for something. Batched, one thread
    serves a whole batch, and more of them than cores would only make the batches smaller.
    """
    available = available or cores()
    if batch_size <= 1:
        return concurrency, max(1, available // concurrency)
    workers = max(1, min(available, -(-concurrency // batch_size)))
    return workers, max(1, available // workers)
