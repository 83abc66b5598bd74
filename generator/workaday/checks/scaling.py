"""Scaling and generation against what one replica can do (C301 to C306, C311 to C313): a function a code, by model."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from workaday.project.diagnostics import Diagnostic, KeyPath, Label
from workaday.project.schema import Model, Project
from workaday.project.units import format_duration, format_memory

GENERATION_HINTS = {"vllm": "leave it out: vLLM joins requests by itself, at most `server.args.max-num-seqs` at once"}


def check(project: Project) -> list[Diagnostic]:
    """Return what every check here finds in the project's models."""
    return [
        found
        for index, model in enumerate(project.models)
        for each in CHECKS
        for found in each(model, ("models", index))
    ]


def target_above_concurrency(model: Model, here: KeyPath) -> Iterator[Diagnostic]:
    """C301: replicas are added only after requests have been refused or have queued."""
    scale, limits = model.scale, model.limits
    if not scale or not limits or scale.target is None or limits.concurrency is None:
        return
    if scale.metric not in (None, "in_flight") or scale.target <= limits.concurrency:
        return
    yield Diagnostic(
        "C301",
        f"`target: {scale.target:g}` is more than a replica's `concurrency: {limits.concurrency}`",
        (*here, "scale", "target"),
        f"at most {limits.concurrency}",
        hints=(
            f"half of the concurrency leaves room while replicas start: `target: {max(1, limits.concurrency // 2)}`",
        ),
        secondary=(Label((*here, "limits", "concurrency"), "a replica has at most this many in work"),),
    )


def batch_above_concurrency(model: Model, here: KeyPath) -> Iterator[Diagnostic]:
    """C302: a batch that can never fill, because so many requests are never in work at once."""
    batching, limits = model.batching, model.limits
    if not batching or not limits or limits.concurrency is None or batching.max_size <= limits.concurrency:
        return
    yield Diagnostic(
        "C302",
        f"a batch of {batching.max_size} never fills: a replica has at most {limits.concurrency} requests in work",
        (*here, "batching", "max_size"),
        f"at most {limits.concurrency}",
        hints=(f"or raise `limits.concurrency` to {batching.max_size}",),
        secondary=(Label((*here, "limits", "concurrency"), "requests in work at once"),),
    )


def wait_above_timeout(model: Model, here: KeyPath) -> Iterator[Diagnostic]:
    """C303: requests that wait for a batch until their time is up."""
    batching, limits = model.batching, model.limits
    if not batching or not limits or batching.max_wait is None or limits.timeout is None:
        return
    if batching.max_wait >= limits.timeout:
        wait, timeout = format_duration(batching.max_wait), format_duration(limits.timeout)
        yield Diagnostic(
            "C303",
            f"a request may wait {wait} for its batch, but has {timeout} in all",
            (*here, "batching", "max_wait"),
            f"less than {timeout}",
            secondary=(Label((*here, "limits", "timeout"), "a request's whole time"),),
        )


def no_way_to_roll(model: Model, here: KeyPath) -> Iterator[Diagnostic]:
    """C304: neither a replica more nor one less: a new revision can never start."""
    rollout = model.rollout
    if rollout and _nothing(rollout.max_surge) and _nothing(rollout.max_unavailable):
        yield Diagnostic(
            "C304",
            "`max_surge` and `max_unavailable` are both 0: no revision could ever replace another",
            (*here, "rollout", "max_surge"),
            "one of them must be more",
            hints=("`max_unavailable: 1` where there is no spare GPU, else `max_surge: 1`",),
            secondary=(Label((*here, "rollout", "max_unavailable"), "also 0"),),
        )


def target_above_promise(model: Model, here: KeyPath) -> Iterator[Diagnostic]:
    """C305: scaling on a latency that already breaks the promise."""
    scale, slo = model.scale, model.slo
    if not scale or not slo or scale.metric != "latency" or scale.target is None:
        return
    promised = slo.p95 or slo.p99
    if promised is not None and scale.target > promised:
        key = "p95" if slo.p95 else "p99"
        yield Diagnostic(
            "C305",
            f"scaling starts at {format_duration(scale.target)}, but {format_duration(promised)} is promised",
            (*here, "scale", "target"),
            f"less than {format_duration(promised)}",
            secondary=(Label((*here, "slo", key), "the promise"),),
        )


def generation_elsewhere(model: Model, here: KeyPath) -> Iterator[Diagnostic]:
    """C306: settings of a TextGenerator for a server that has none."""
    kind = model.server.kind
    if model.generation is None or kind == "torch":
        return
    yield Diagnostic(
        "C306",
        f"`generation` is for a TextGenerator, which needs `kind: torch`; this is `kind: {kind}`",
        (*here, "generation"),
        "not taken by this server",
        hints=(GENERATION_HINTS.get(kind, "leave it out"),),
        secondary=(Label((*here, "server", "kind"), "batches in its own way"),),
    )


def cache_above_memory(model: Model, here: KeyPath) -> Iterator[Diagnostic]:
    """C311: a cache that is as large as the memory that it is taken from."""
    cache, compute = model.generation and model.generation.kv_cache, model.compute
    if not cache or not compute:
        return
    gpu = compute.gpu
    has, key = (gpu.memory, ("gpu", "memory")) if gpu else (compute.memory, ("memory",))
    if has is not None and cache >= has:
        yield Diagnostic(
            "C311",
            f"a cache of {format_memory(cache)} does not fit into {format_memory(has)}, beside the weights",
            (*here, "generation", "kv_cache"),
            f"less than {format_memory(has)}",
            secondary=(Label((*here, "compute", *key), "all that a replica has"),),
        )


def two_ways_to_batch(model: Model, here: KeyPath) -> Iterator[Diagnostic]:
    """C312: batches beside a generator, which makes its own, and refuses others when it loads."""
    if model.generation and model.batching and model.server.kind == "torch":
        yield Diagnostic(
            "C312",
            "a TextGenerator takes no `batching`: requests join between its steps",
            (*here, "batching"),
            "leave it out",
            "key",
            secondary=(Label((*here, "generation"), "how many at once: `max_batch`", "key"),),
        )


def places_that_stay_empty(model: Model, here: KeyPath) -> Iterator[Diagnostic]:
    """C313, a warning: more would generate at once than a replica takes."""
    most, taken = model.generation and model.generation.max_batch, model.limits and model.limits.concurrency
    if most and taken and most > taken:
        yield Diagnostic(
            "C313",
            f"`max_batch: {most}` is never reached: a replica has at most {taken} requests in work",
            (*here, "generation", "max_batch"),
            f"at most {taken}",
            hints=(f"or raise `limits.concurrency` to {most}, or leave that out: it follows `max_batch`",),
            severity="warning",
            secondary=(Label((*here, "limits", "concurrency"), "requests in work at once"),),
        )


def _nothing(count: int | str | None) -> bool:
    return count == 0 or (isinstance(count, str) and float(count.rstrip("%")) == 0)


CHECKS: tuple[Callable[[Model, KeyPath], Iterator[Diagnostic]], ...] = (
    target_above_concurrency,
    batch_above_concurrency,
    wait_above_timeout,
    no_way_to_roll,
    target_above_promise,
    generation_elsewhere,
    cache_above_memory,
    two_ways_to_batch,
    places_that_stay_empty,
)
