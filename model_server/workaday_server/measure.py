"""Whether a model gains by several of torch's threads in a call: its example is timed with one, and with its share."""

from __future__ import annotations

import copy
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from time import perf_counter
from typing import Any

from workaday_server.config import ModelConfig
from workaday_server.predictor import Predictor
from workaday_server.threads import plan

log = logging.getLogger("workaday_server.models")

BUDGET_SECONDS = 1.0  # all calls together, but for the last one begun
LONGEST_SECONDS = 0.5  # of one call; a slower model is not measured
ROUNDS = 5
WORTH = 1.15  # times as fast: what more threads must gain, for they take cores from every other call


def torch_threads(predictor: Predictor, config: ModelConfig) -> int | None:
    """Return how many threads torch should have in each worker, or None where the plan stands unmeasured.

    Measured is `predict`, or `predict_batch` with as many examples as a batch may have, after warming up and in the
    thread that loads. Not without an `example`, not where the class says `measure_threads = False`, not where there is
    one thread to share, torch is not imported or computes on a GPU, `predict` is async or streams.
    """
    size = config.batching.max_size if config.batching else 1
    share = plan(config.limits.concurrency, size)[1]
    torch: Any = sys.modules.get("torch")
    example = _example(predictor, config)
    wanted = getattr(predictor.instance, "measure_threads", True)
    if share == 1 or example is None or not wanted or predictor.waits:
        return None
    if not hasattr(torch, "set_num_threads") or torch.cuda.is_initialized():
        return None

    def seconds(threads: int) -> float:
        payloads = [copy.deepcopy(example) for _ in range(size)]
        torch.set_num_threads(threads)
        begun = perf_counter()
        answer = predictor.compute(payloads)
        if isinstance(answer, Iterator | AsyncIterator):
            raise _Unmeasured
        return perf_counter() - begun

    try:
        found = _fastest(seconds, share)
    except Exception as error:
        if not isinstance(error, _Unmeasured):
            log.warning("model %s: threads not measured: its example fails: %s", config.name, type(error).__name__)
        return None
    one, several = found
    threads = share if one >= WORTH * several else 1
    said = "model %s: its example takes %.2f ms with 1 torch thread, %.2f ms with %d; %d chosen"
    log.info(said, config.name, one * 1000, several * 1000, share, threads)
    return threads


class _Unmeasured(Exception):
    """The answer is a stream, or a call takes too long."""


def _fastest(seconds: Callable[[int], float], share: int) -> tuple[float, float]:
    """Return the quickest call with one thread and with several, in turns: what else the machine does hits both."""
    begun = perf_counter()
    for threads in (1, share):  # the first call with a number of threads starts them
        if seconds(threads) > LONGEST_SECONDS:
            raise _Unmeasured
    best = [float("inf"), float("inf")]
    for number in range(ROUNDS):
        for index, threads in enumerate((1, share)):
            best[index] = min(best[index], seconds(threads))
        if number and perf_counter() - begun > BUDGET_SECONDS:
            break
    return best[0], best[1]


def _example(predictor: Predictor, config: ModelConfig) -> Any:
    """Return the example as the model's own route would hand it over, or None."""
    example = predictor.example
    if isinstance(example, str) and example.startswith("@"):
        file = config.predictor.parent / example[1:]
        return file.read_bytes() if file.is_file() else None
    return example
