"""Metrics in Prometheus' text form: the few kinds this server needs, all written by the event loop's thread."""

from __future__ import annotations

import os
import resource
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workaday_server.generation.stats import Stats
    from workaday_server.observing import Observed

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
Labels = tuple[str, ...]


class Metric:
    """One family: a name, what it says, the names of its labels, a value per combination of them."""

    kind = "untyped"

    def __init__(self, name: str, help_text: str, labels: Labels = ()) -> None:
        self.name = name
        self.help = help_text
        self.labels = labels

    def render(self) -> Iterator[str]:
        """Yield the family's lines."""
        yield f"# HELP {self.name} {self.help}"
        yield f"# TYPE {self.name} {self.kind}"
        yield from self.samples()

    def samples(self) -> Iterator[str]:
        """Yield a line per sample."""
        raise NotImplementedError

    def forget(self, label: str) -> None:
        """Drop the samples whose first label has this value: a model that is gone."""
        raise NotImplementedError


class Counter(Metric):
    """A number per label values that only grows; `Gauge` is one that may shrink."""

    kind = "counter"

    def __init__(self, name: str, help_text: str, labels: Labels = ()) -> None:
        super().__init__(name, help_text, labels)
        self.values: dict[Labels, float] = {} if labels else {(): 0}

    def add(self, labels: Labels = (), amount: float = 1) -> None:
        """Add to the number."""
        self.values[labels] = self.values.get(labels, 0) + amount

    def set(self, labels: Labels, value: float) -> None:
        """Set the number."""
        self.values[labels] = value

    def samples(self) -> Iterator[str]:
        """Yield a line per label values."""
        for labels, value in list(self.values.items()):
            yield f"{self.name}{_braces(self.labels, labels)} {value:.16g}"

    def forget(self, label: str) -> None:
        """Drop a model's numbers."""
        self.values = {labels: value for labels, value in self.values.items() if labels[:1] != (label,)}


class Gauge(Counter):
    """A number per label values that goes up and down."""

    kind = "gauge"


class Series:
    """A histogram's observations of one combination of label values. Whoever observes often keeps it at hand."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Histogram(Metric):
    """Observations counted by size."""

    kind = "histogram"

    def __init__(self, name: str, help_text: str, labels: Labels, bounds: tuple[float, ...]) -> None:
        super().__init__(name, help_text, labels)
        self.bounds = bounds
        self.values: dict[Labels, Series] = {}

    def series(self, *labels: str) -> Series:
        """Return the observations of these label values; from then on they are among the samples."""
        found = self.values.get(labels)
        if found is None:
            found = self.values[labels] = Series(self.bounds)
        return found

    def refine(self, labels: Labels, bound: float) -> None:
        """Give these label values a bucket that ends at `bound`; a new one starts their counts anew."""
        bounds = tuple(sorted({*self.bounds, bound}))
        if (found := self.values.get(labels)) is None or found.bounds != bounds:
            self.values[labels] = Series(bounds)

    def samples(self) -> Iterator[str]:
        """Yield the cumulative buckets, the sum and the count per label values."""
        names = (*self.labels, "le")
        for labels, series in list(self.values.items()):
            seen = 0
            for bound, count in zip((*series.bounds, float("inf")), series.counts, strict=True):
                seen += count
                edge = "+Inf" if bound == float("inf") else f"{bound:g}"
                yield f"{self.name}_bucket{_braces(names, (*labels, edge))} {seen}"
            braces = _braces(self.labels, labels)
            yield f"{self.name}_sum{braces} {series.total:.16g}"
            yield f"{self.name}_count{braces} {seen}"

    def forget(self, label: str) -> None:
        """Drop a model's observations."""
        self.values = {labels: series for labels, series in self.values.items() if labels[:1] != (label,)}


class Generation:
    """What generators measure. Their engines count, in threads of their own; here it is only shown."""

    def __init__(self) -> None:
        model = ("model",)
        self.tokens = Counter(
            "workaday_generation_tokens_total", "Tokens of prompts (in) and of answers (out).", ("model", "direction")
        )
        self.first_token = Histogram(
            "workaday_generation_first_token_seconds", "From a request to its answer's first token.", model, SECONDS
        )
        self.next_token = Histogram(
            "workaday_generation_next_token_seconds", "From one token of an answer to its next.", model, SECONDS
        )
        self.cache = Gauge(
            "workaday_generation_kv_cache_bytes",
            "The KV cache: used by running sequences, and budget.",
            ("model", "kind"),
        )
        self.sequences = Gauge(
            "workaday_generation_sequences", "Sequences that are running or waiting.", ("model", "state")
        )

    def show(self, model: str, stats: Stats) -> None:
        """Take over what an engine has counted."""
        self.tokens.set((model, "in"), stats.prompt_tokens)
        self.tokens.set((model, "out"), stats.completion_tokens)
        self.first_token.values[model,] = stats.first_token
        self.next_token.values[model,] = stats.next_token
        self.cache.set((model, "used"), stats.cache_used)
        self.cache.set((model, "budget"), stats.cache_budget)
        self.sequences.set((model, "running"), stats.running)
        self.sequences.set((model, "waiting"), stats.waiting)


class Answers:
    """What predictors say of their answers. Their threads count; here it is only shown."""

    def __init__(self) -> None:
        labels = ("model", "name", "class")
        self.classes = Counter("workaday_answer_class_total", "Answers by what the predictor observes of them.", labels)
        self.values = Histogram(
            "workaday_answer_value", "Numbers that the predictor observes of its answers.", ("model", "name"), ()
        )
        self.reference = Gauge("workaday_answer_reference_share", "The share of a class that is expected.", labels)

    def show(self, model: str, observed: Observed) -> None:
        """Take over what a predictor's answers were; what an earlier revision observed is gone."""
        for family in (self.classes, self.values, self.reference):
            family.forget(model)
        for (name, each), count in list(observed.classes.items()):
            self.classes.set((model, name, each), count)
        for name, series in list(observed.numbers.items()):
            self.values.values[model, name] = series
        for (name, each), share in observed.reference.items():
            self.reference.set((model, name, each), share)


class Metrics:
    """Every metric of the server; `docs/metrics.md` is their list, and a test compares the two."""

    def __init__(self) -> None:
        model = ("model",)
        self.requests = Counter(
            "workaday_requests_total", "Requests answered, by protocol and HTTP status.", ("model", "protocol", "code")
        )
        self.request_seconds = Histogram(
            "workaday_request_seconds", "From a request's first byte to its answer's last.", model, SECONDS
        )
        self.stage_seconds = Histogram(
            "workaday_stage_seconds", "Time in one stage: decode, queue, predict, encode.", ("model", "stage"), SECONDS
        )
        self.in_flight = Gauge("workaday_in_flight", "Requests that wait or run.", model)
        self.queue_length = Gauge("workaday_queue_length", "Requests that wait for a free slot.", model)
        self.concurrency = Gauge("workaday_concurrency", "The limit of calls that run at once.", model)
        self.batch_size = Histogram("workaday_batch_size", "Items per call of the predictor.", model, SIZES)
        self.errors = Counter(
            "workaday_errors_total",
            "Requests that failed, by cause: client, overload, deadline, unavailable, predictor, disconnect.",
            ("model", "cause"),
        )
        step = ("model", "step")
        self.step_seconds = Histogram(
            "workaday_step_seconds", "From asking a step's model to its answer.", (*step, "protocol"), SECONDS
        )
        self.step_errors = Counter("workaday_step_errors_total", "Steps without an answer, by cause.", (*step, "cause"))
        self.step_retries = Counter("workaday_step_retries_total", "Times that a step's model was asked again.", step)
        self.model_state = Gauge("workaday_model_state", "1 for the state that the model is in.", ("model", "state"))
        self.load_seconds = Gauge("workaday_model_load_seconds", "How long the model's last load took.", model)
        self.model_memory = Gauge("workaday_model_memory_bytes", "What loading the model added to the process.", model)
        self.stuck = Gauge("workaday_stuck_calls", "Calls of the predictor that run past their deadline.", model)
        self.generation = Generation()
        self.answers = Answers()
        self.connections = Gauge("workaday_connections", "Open client connections.")
        self.draining = Gauge("workaday_draining", "1 after SIGTERM.")
        self.gpu_memory = Gauge("workaday_gpu_memory_bytes", "GPU memory that torch holds.", ("device", "kind"))
        self.memory = Gauge("process_resident_memory_bytes", "Resident memory.")
        self.cpu = Counter("process_cpu_seconds_total", "User and system CPU time.")
        self.open_files = Gauge("process_open_fds", "Open file descriptors.")
        self.started = Gauge("process_start_time_seconds", "Start, in seconds since 1970.")
        self.started.set((), time.time())
        own = (*vars(self).values(), *vars(self.generation).values(), *vars(self.answers).values())
        self.families: list[Metric] = [each for each in own if isinstance(each, Metric)]
        self.refreshers: list[Callable[[], None]] = [self._process, self._gpu]

    def render(self) -> bytes:
        """Return every sample, refreshed."""
        for refresh in self.refreshers:
            refresh()
        return ("\n".join(line for family in self.families for line in family.render()) + "\n").encode()

    def forget(self, model: str) -> None:
        """Drop the samples of a model that is gone."""
        for family in self.families:
            if family.labels[:1] == ("model",):
                family.forget(model)

    def _process(self) -> None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self.memory.set((), resident_bytes())
        self.cpu.set((), usage.ru_utime + usage.ru_stime)
        descriptors = Path("/proc/self/fd")
        self.open_files.set((), sum(1 for _ in descriptors.iterdir()) if descriptors.exists() else 0)

    def _gpu(self) -> None:
        torch = sys.modules.get("torch")
        cuda = getattr(torch, "cuda", None)
        # Asking for a device would start CUDA; only one that a model has started is looked at.
        if cuda is None or not getattr(cuda, "is_initialized", bool)():
            return
        for index in range(cuda.device_count()):
            self.gpu_memory.set((str(index), "allocated"), cuda.memory_allocated(index))
            self.gpu_memory.set((str(index), "reserved"), cuda.memory_reserved(index))


def resident_bytes() -> int:
    """Return the process's resident memory in bytes."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def _braces(names: Labels, values: Labels) -> str:
    if not names:
        return ""
    pairs = ",".join(f'{name}="{_escape(value)}"' for name, value in zip(names, values, strict=True))
    return f"{{{pairs}}}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
