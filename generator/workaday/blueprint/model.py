"""The Blueprint: what a project means, every default, name and placement made explicit.

Frozen, plain data. Renderers read this and nothing else. Sizes are bytes, times are seconds, paths are POSIX and
relative to the folder of project.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workaday.blueprint.addons import AddOns
    from workaday.blueprint.cloud import Cloud
    from workaday.blueprint.gateway import Gateway, Team
    from workaday.blueprint.observability import Observability
    from workaday.blueprint.pipelines import Pipeline
    from workaday.blueprint.serving import Canary, Serving
    from workaday.project.overlays import Overlays

BASE = "base"  # the environment without requirements of its own
MAIN = "main"  # the process that serves every model without requirements of its own


@dataclass(frozen=True, slots=True)
class Value:
    """A value and why it is what it is; `because` None: the project's files say so."""

    value: Any
    because: str | None


@dataclass(frozen=True, slots=True)
class Limits:
    """What one replica takes on before it refuses work.

    Attributes:
        concurrency: predictions that run at once.
        queue: requests that wait beyond those; past it the answer is 429 or 503.
        timeout_seconds: from arrival to answer, waiting included.
        body_bytes: the largest request body.
    """

    concurrency: int
    queue: int
    timeout_seconds: float
    body_bytes: int


@dataclass(frozen=True, slots=True)
class Batching:
    """Dynamic batching: at most `max_size` requests, none waiting longer than `max_wait_seconds` for company."""

    max_size: int
    max_wait_seconds: float


@dataclass(frozen=True, slots=True)
class Generation:
    """Text generation; what is None is the server's to choose when it loads the model."""

    kv_cache_bytes: int | None
    max_batch: int
    prefill_tokens: int | None


@dataclass(frozen=True, slots=True)
class Compute:
    """What each replica gets; `gpu_count` 0 is none, `gpu_memory_bytes` None is not known."""

    cpu_cores: float
    memory_bytes: int
    shm_bytes: int | None
    gpu_type: str | None
    gpu_count: int
    gpu_memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """A floor of `min` replicas, from each time that `cron` names, for `for_seconds`."""

    cron: str
    for_seconds: float
    min: int
    timezone: str


@dataclass(frozen=True, slots=True)
class Scale:
    """How many replicas, and what decides; `target` is what one replica carries, in the metric's unit."""

    min: int
    max: int
    metric: str
    target: float
    window_seconds: float
    down_after_seconds: float
    headroom: int
    schedule: tuple[Schedule, ...]


@dataclass(frozen=True, slots=True)
class Rollout:
    """How a new revision replaces the old: replicas above and below the wanted number meanwhile, or percentages."""

    max_surge: int | str
    max_unavailable: int | str


@dataclass(frozen=True, slots=True)
class Spot:
    """Spot nodes of a pool: how many stay on demand, and what runs when no spot node is to be had."""

    on_demand_base: int
    fallback: str
    max_price: float | None


@dataclass(frozen=True, slots=True)
class Reservation:
    """Capacity reserved beforehand; a `block` was bought for a time and is gone after it."""

    id: str
    block: bool


@dataclass(frozen=True, slots=True)
class Pool:
    """Nodes of one shape; `derived` says that no pool was written and the models asked for this one.

    Attributes:
        gpu_type, gpu_count: the GPUs of each node; None and 0 where `instances` say it.
        share, clients, partition: how pods share a GPU: `none`, `time_slicing` among `clients`, `mig` by `partition`.
        driver: who installs the GPU's driver: `cloud` or `operator`.
        nodes_min, nodes_max: of any capacity type.
        zones: where its nodes may be; none is all of the platform's.
        image: the nodes' operating system, None the cloud's default.
        placement: `compact`, or None.
    """

    name: str
    gpu_type: str | None
    gpu_count: int
    share: str
    instances: tuple[str, ...]
    nodes_min: int
    nodes_max: int
    spot: Spot | None
    reservation: Reservation | None
    disk_bytes: int
    derived: bool
    clients: int | None = None
    partition: str | None = None
    driver: str = "cloud"
    zones: tuple[str, ...] = ()
    image: str | None = None
    placement: str | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """One model of the project.

    Attributes:
        name: the model's name, unique in the project.
        kind: which server runs it (`torch`, …).
        predictor: the predictor's file.
        class_name: the class in it.
        config: handed to `Predictor.__init__`.
        weights: the local weights' file or folder, or None.
        env: environment variables.
        requirements: a requirements file of its own, or None.
        compute: see `Compute`.
        pools: names of the pools it may run on, the preferred first.
        scale: see `Scale`.
        rollout: see `Rollout`.
        limits: see `Limits`.
        batching: see `Batching`, or None.
        generation: see `Generation`, or None.
        route: path of the model's own route, such as `/story`.
        process: the local process that serves it.
        load_timeout_seconds: how long loading may take.
        revision: changes exactly when what is served changes.
        example: a payload to try it with, as the predictor's `example` says, or None.
        grpc: its server answers over gRPC too.
        paused: it has no replicas, whatever `scale` says.
    """

    name: str
    kind: str
    predictor: str
    class_name: str
    config: Mapping[str, Any]
    weights: str | None
    env: Mapping[str, str]
    requirements: str | None
    compute: Compute
    pools: tuple[str, ...]
    scale: Scale
    rollout: Rollout
    limits: Limits
    batching: Batching | None
    route: str
    process: str
    load_timeout_seconds: float
    revision: str
    example: Any = None
    grpc: bool = False
    paused: bool = False
    generation: Generation | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python environment of the local platform; `fingerprint` changes when it must be made anew."""

    name: str
    requirements: str | None
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Process:
    """A server process of the local platform; a new `fingerprint` restarts it."""

    name: str
    host: str
    port: int
    environment: str
    drain_seconds: float
    fingerprint: str
    grpc_port: int | None = None


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A whole project, resolved for one environment.

    Attributes:
        name: the project's name.
        namespace: the Kubernetes namespace.
        stage: the name of the environment that was asked for, or `default`.
        platform: `local`, `existing`, `aws`, `gcp` or `azure`.
        pools: as written, or derived from the models; none on the local platform.
        models: in the order of the project file.
        environments: Python environments of the local platform, `base` first.
        processes: server processes of the local platform, `main` first where it serves anything.
        values: every value that the project file has or could have, with its origin, by key path.
        overlays: templates, modules and values of the project's overlays, or None.
        cloud: what Terraform makes on a cloud; None on `local` and `existing`.
        serving: how each model is served in a cluster, in the models' order; none on `local`.
        canaries: second revisions of models in a cluster.
        mirror: below what images of others are pulled; None is from where they are made.
        gateway: the one door to the models in a cluster, or None.
        team: whose project it is in a cluster, or None where that is not said.
        addons: the controllers that are installed beside the models; None on `local`.
        observability: what models are watched by, or None.
        pipelines: several models behind one address, in the order of the project file.
    """

    name: str
    namespace: str
    stage: str
    platform: str
    pools: tuple[Pool, ...]
    models: tuple[Model, ...]
    environments: tuple[Environment, ...]
    processes: tuple[Process, ...]
    values: Mapping[tuple[str | int, ...], Value]
    cloud: Cloud | None = None
    overlays: Overlays | None = None
    serving: tuple[Serving, ...] = ()
    canaries: tuple[Canary, ...] = ()
    mirror: str | None = None
    gateway: Gateway | None = None
    team: Team | None = None
    addons: AddOns | None = None
    observability: Observability | None = None
    pipelines: tuple[Pipeline, ...] = ()

    @property
    def callable(self) -> tuple[Model, ...]:
        """Return all that can be asked: the models, and the pipelines, which are models to whoever calls them."""
        return (*self.models, *(each.model for each in self.pipelines))

    @property
    def released(self) -> tuple[Model, ...]:
        """Return what has pods of its own in a cluster; a pipeline that KServe's router runs has none of ours."""
        apart = (each for each in self.models if each.name not in self.held)
        return (*apart, *(each.model for each in self.pipelines if each.graph is None))

    @property
    def held(self) -> frozenset[str]:
        """Return the names of the models that are in a pipeline's pod, and have none of their own."""
        return frozenset(model.name for each in self.pipelines for model in each.held)

    def models_of(self, process: str) -> tuple[Model, ...]:
        """Return the models that one process serves; a paused one is served by none."""
        return tuple(model for model in self.models if model.process == process and not model.paused)
