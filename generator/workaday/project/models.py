"""Models: what is served, on what, how it scales and who may call it."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from .servers import Server
from .units import (
    CountOrPercent,
    Cpu,
    Cron,
    Distinct,
    Duration,
    EnvName,
    FilePath,
    Memory,
    Name,
    Part,
    Percentage,
    Rare,
    SecretKey,
    SecretName,
    Seq,
    UrlPath,
    WeightsUri,
    parse_duration,
    refuse,
)

Metric = Literal["in_flight", "queue", "tokens", "latency", "cpu"]


class Weights(Rare):
    """The model's parameters."""

    uri: WeightsUri | None = Field(None, description="Where a cluster finds them.")
    size: Memory | None = Field(None, description="How large they are; placement and start-up time follow from it.")
    local: FilePath | None = Field(None, description="Where `platform.kind: local` finds them.")

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if not self.uri and not self.local:
            refuse("absent", "`uri` or `local` is missing", "say where the weights are")
        return self


class SecretRef(Part):
    """A key of a Kubernetes Secret."""

    secret: SecretName = Field(description="The Secret's name.")
    key: SecretKey = Field(description="The key in it.")


class Gpu(Part):
    """The GPUs of each replica."""

    type: str | None = Field(None, min_length=1, description="The GPU: `T4`, `L4`, `A100`, `H100`, ...")
    count: int | None = Field(None, ge=1, le=16, description="How many a replica.")
    memory: Memory | None = Field(None, description="The GPU memory that the model needs.")


def _gpu(value: object) -> object:
    if isinstance(value, bool):
        refuse(
            "type", "a number of GPUs, their type or a map", "write `gpu: 1`, `gpu: L4` or `gpu: {type: L4, count: 1}`"
        )
    if isinstance(value, int):
        return {"count": value} if value else None
    return {"type": value} if isinstance(value, str) else value


class Compute(Part):
    """What each replica gets."""

    cpu: Cpu | None = Field(None, description="CPU cores.")
    memory: Memory | None = Field(None, description="Memory.")
    shm: Memory | None = Field(None, description="Shared memory at /dev/shm.")
    gpu: Annotated[Gpu | None, BeforeValidator(_gpu, json_schema_input_type=int | str | Gpu | None)] = Field(
        None, description="GPUs; `1` and `L4` are short for a count and a type."
    )


class Schedule(Part):
    """A floor of replicas at certain times."""

    cron: Cron = Field(description="When it begins: minute, hour, day, month, weekday.")
    for_: Duration = Field(alias="for", description="How long it holds.")
    min: int = Field(ge=0, description="The fewest replicas meanwhile.")
    timezone: str | None = Field(None, description="The schedule's time zone, such as `Europe/Berlin`.")


def _target(value: object, info: ValidationInfo) -> object:
    """Read the target in its metric's unit: a duration for latency, percent for cpu, else a number."""
    if value is None:
        return value
    metric = info.data.get("metric")
    if metric == "latency":
        return parse_duration(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        refuse(
            "type", "a number", f"`{metric or 'in_flight'}` counts; only `metric: latency` has a duration as its target"
        )
    if value <= 0:
        refuse("range", f"`{value}` is no target", "must be more than 0")
    if metric == "cpu" and value > 100:
        refuse("range", f"`{value}` is no target", "a share of the CPU is at most 100 percent")
    return float(value)


class Scale(Part):
    """How many replicas, and what decides."""

    min: int | None = Field(None, ge=0, description="The fewest replicas; 0 lets it sleep.")
    max: int | None = Field(None, ge=1, description="The most replicas.")
    metric: Metric | None = Field(None, description="What is measured.")
    target: Annotated[float | None, BeforeValidator(_target, json_schema_input_type=float | str | None)] = Field(
        None, description="How much of the metric one replica carries; a duration for `latency`, percent for `cpu`."
    )
    window: Duration | None = Field(None, description="Over how long the metric is averaged.")
    down_after: Duration | None = Field(None, description="How long less must suffice before replicas go.")
    headroom: int | None = Field(None, ge=0, description="Replicas' worth of nodes kept free for a sudden rise.")
    schedule: Seq[Schedule] = Field((), description="Floors at certain times, on top of the metric.")


class Limits(Part):
    """What one replica takes before it says no."""

    concurrency: int | None = Field(None, ge=1, description="Requests in work at once.")
    queue: int | None = Field(None, ge=0, description="Requests that wait; further ones get 429.")
    timeout: Duration | None = Field(None, description="How long a request may take, waiting included.")
    startup_timeout: Duration | None = Field(None, description="How long loading may take before it has failed.")
    body: Memory | None = Field(None, description="The largest request body.")


class Batching(Part):
    """Requests that are predicted together."""

    max_size: int = Field(ge=1, description="The most requests in a batch.")
    max_wait: Duration | None = Field(None, description="How long the first may wait for others.")


class Generation(Part):
    """How a text generator shares its model among requests."""

    kv_cache: Memory | None = Field(None, description="Memory for what is remembered of running requests.")
    max_batch: int | None = Field(None, ge=1, le=4096, description="The most requests that generate at once.")
    prefill_tokens: int | None = Field(None, ge=1, description="The most tokens of prompts that one step reads.")


class Rollout(Part):
    """How a new revision replaces the old."""

    max_surge: CountOrPercent | None = Field(None, description="Replicas above the wanted number meanwhile.")
    max_unavailable: CountOrPercent | None = Field(None, description="Replicas below the wanted number meanwhile.")


class Overrides(Part):
    """What a canary has otherwise than its model."""

    config: dict[str, Any] | None = Field(None, description="Merged over the model's `config`.")
    env: dict[EnvName, str] | None = Field(None, description="Merged over the model's `env`.")
    weights: Weights | None = Field(None, description="Instead of the model's weights.")
    server: Server | None = Field(None, description="Instead of the model's server.")


class Canary(Rare):
    """A second revision that gets a share of the requests."""

    percent: Percentage | None = Field(None, description="Its share of the requests.")
    shadow: bool = Field(False, description="Copy requests to it and drop its answers.")
    bake: Duration | None = Field(None, description="How long `apply` watches whether it keeps the model's `slo`.")
    overrides: Overrides = Field(description="What it has otherwise.")


class Slo(Part):
    """What is promised; alerts, canaries and defaults follow from it."""

    p50: Duration | None = Field(None, description="Half of the requests are faster.")
    p95: Duration | None = Field(None, description="95 in 100 requests are faster.")
    p99: Duration | None = Field(None, description="99 in 100 requests are faster.")
    availability: Percentage | None = Field(None, description="The share of requests that succeed, in percent.")


class Traffic(Part):
    """What is expected, for cost and simulation: rates, or a trace."""

    mean_rps: float | None = Field(None, gt=0, description="Requests a second, on average.")
    peak_rps: float | None = Field(None, gt=0, description="Requests a second, at the busiest.")
    trace: FilePath | None = Field(None, description="A CSV of requests over time, instead of rates.")

    @model_validator(mode="after")
    def _rates_or_trace(self) -> Self:
        if self.trace and (self.mean_rps or self.peak_rps):
            refuse("conflict", "`trace` and rates both say what the traffic is", "remove one of them", key="trace")
        return self


class Route(Part):
    """The model's address at the gateway."""

    path: UrlPath = Field(description="The path that leads to it.")
    public: bool | None = Field(None, description="Whether it answers without a key.")


def _some_pool(pools: tuple[str, ...]) -> tuple[str, ...]:
    return pools or refuse("range", "`pools` is empty", "leave it out: then it is every pool that fits")


class Model(Part):
    """One model and everything about it."""

    name: Name = Field(description="The model's name; it is part of its address.")
    server: Server = Field(description="What serves it.")
    config: dict[str, Any] = Field({}, description="Handed to the predictor as it is.")
    weights: Weights | None = Field(None, description="The model's parameters.")
    env: dict[EnvName, str] = Field({}, description="Environment variables; never credentials.")
    secrets: dict[EnvName, SecretRef] = Field({}, description="Environment variables that come from Secrets.")
    compute: Compute | None = Field(None, description="What each replica gets.")
    pools: Annotated[Distinct[Name], AfterValidator(_some_pool)] | None = Field(
        None, description="The pools it may run on, the preferred first."
    )
    scale: Scale | None = Field(None, description="How many replicas, and what decides.")
    paused: bool = Field(False, description="It has no replicas until this is gone, whatever `scale` says.")
    limits: Limits | None = Field(None, description="What one replica takes before it says no.")
    batching: Batching | None = Field(None, description="Requests that are predicted together.")
    generation: Generation | None = Field(None, description="For a TextGenerator: requests that generate together.")
    rollout: Rollout | None = Field(None, description="How a new revision replaces the old.")
    canary: Canary | None = Field(None, description="A second revision that gets a share of the requests.")
    slo: Slo | None = Field(None, description="What is promised.")
    traffic: Traffic | None = Field(None, description="What is expected.")
    route: Route | None = Field(None, description="The model's address at the gateway.")
