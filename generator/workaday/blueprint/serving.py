"""How each model is served in a cluster: what the charts need, every default explicit. Frozen, plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from workaday.blueprint.model import Model

# Where an image that we build holds the project's files, under the paths that project.yaml calls them by.
IMAGE_ROOT = "/workaday"
# Where KServe's storage initializer puts what a weights' address leads to.
WEIGHTS = "/mnt/models"
CONFIG = "/etc/workaday/server.json"
# What pods that only hold a place run.
PAUSE = "registry.k8s.io/pause:3.10"
# Weights that are an image, which is mounted as a volume.
OCI = "oci://"
# The Gateway that routes attach to, and the Prometheus that KEDA asks.
GATEWAY = ("workaday", "workaday-system")
# What binds a service account to an identity on azure, which names one only when it makes it.
CLIENT_ID = "azure.workload.identity/client-id"
# Where Envoy Gateway runs the Envoys of every Gateway: from there requests come.
PROXIES = "envoy-gateway-system"
PROMETHEUS = "http://prometheus-operated.monitoring.svc:9090"
MONITORING_NAMESPACE = "monitoring"


class Place(NamedTuple):
    """A Service of another namespace, and its port."""

    service: str
    namespace: str
    port: int


# KEDA's HTTP add-on: where requests go in, and who tells KEDA of them.
INTERCEPTOR = Place("keda-add-ons-http-interceptor-proxy", "keda", 8080)
SCALER = "keda-add-ons-http-external-scaler.keda.svc:9090"


@dataclass(frozen=True, slots=True)
class Probe:
    """How a container is asked: an HTTP GET of `path`, or with None whether the port takes connections."""

    path: str | None
    period_seconds: int
    timeout_seconds: int
    failures: int


@dataclass(frozen=True, slots=True)
class Container:
    """The one container of a model's pods.

    Attributes:
        command, args: empty means the image's own.
        port: of HTTP.
        grpc_port: None without gRPC.
        metrics_port, metrics_path: None where it says no metrics.
        protocol: what it speaks: `v1`, `v2`, or None for an API of its own.
        env: environment variables; a torch model's are in its server's configuration.
        secrets: environment variable → (Secret, key).
        user: the number of the user that it runs as, never root.
        read_only: it writes nowhere but to /tmp.
        built: what `image` is called by its tag, where `workaday image` builds it, or None.
    """

    image: str
    pull_secret: str | None
    command: tuple[str, ...]
    args: tuple[str, ...]
    port: int
    grpc_port: int | None
    metrics_port: int | None
    metrics_path: str | None
    protocol: str | None
    env: Mapping[str, str]
    secrets: Mapping[str, tuple[str, str]]
    user: int
    read_only: bool
    startup: Probe
    ready: Probe
    live: Probe
    built: str | None = None


@dataclass(frozen=True, slots=True)
class Toleration:
    """A taint that pods stand; `value` None is any."""

    key: str
    value: str | None
    effect: str = "NoSchedule"


@dataclass(frozen=True, slots=True)
class Preference:
    """A label of nodes that pods rather go to, 1 to 100."""

    label: str
    value: str
    weight: int


@dataclass(frozen=True, slots=True)
class Scheduling:
    """Where pods go.

    Attributes:
        pools: the pools that may hold them; none is anywhere.
        spread: labels of nodes over which replicas are spread, where that is possible.
        gpu_resource: what a GPU, or a part of one, is called in a container's limits.
    """

    pools: tuple[str, ...]
    tolerations: tuple[Toleration, ...]
    preferences: tuple[Preference, ...]
    spread: tuple[str, ...]
    gpu_resource: str


@dataclass(frozen=True, slots=True)
class Ending:
    """How a pod ends, in seconds.

    Attributes:
        drain: how long it still takes requests, until every proxy has heard that it is leaving.
        server_drains: the server does that itself; otherwise the container sleeps before it is told to stop.
        grace: from the first word of its end to the last; on spot nodes no longer than the cloud's notice.
    """

    drain: int
    server_drains: bool
    grace: int


@dataclass(frozen=True, slots=True)
class Window:
    """A time with a floor of replicas, as KEDA reads it: two crons and a time zone."""

    start: str
    end: str
    timezone: str
    replicas: int


@dataclass(frozen=True, slots=True)
class Wake:
    """How a request wakes a model that has no replicas: KEDA's HTTP add-on holds it meanwhile.

    Attributes:
        target: requests, held or in work, that one replica carries.
        wait_seconds: how long a request is held.
        answer_seconds: how long its answer may then take.
    """

    target: int
    wait_seconds: int
    answer_seconds: int


@dataclass(frozen=True, slots=True)
class Scaling:
    """What a ScaledObject says.

    Attributes:
        query: what Prometheus is asked, a total over all replicas; None scales on CPU.
        threshold: of the total, what one replica carries; percent of the request for CPU.
        activation: above which a model that sleeps wakes.
        empty_is_zero: an empty answer is no load; otherwise it is a failure, and the fallback holds.
        polling_seconds: how often it is asked.
        cooldown_seconds: how long it is idle before the last replica goes, where `min` is 0.
        fallback: the replicas to hold at least when there is no answer; None where KEDA cannot.
        up_pods, up_percent, up_period_seconds: how fast replicas are added: the larger of the two in each period.
        down_after_seconds: how long less must suffice.
        down_pods, down_percent, down_period_seconds: how fast they go then.
        windows: times with a floor.
        wake: how a request brings the first replica back, where `min` is 0; else None.
    """

    min: int
    max: int
    query: str | None
    threshold: float
    activation: float
    empty_is_zero: bool
    polling_seconds: int
    cooldown_seconds: int
    fallback: int | None
    up_pods: int
    up_percent: int
    up_period_seconds: int
    down_after_seconds: int
    down_pods: int
    down_percent: int
    down_period_seconds: int
    windows: tuple[Window, ...]
    wake: Wake | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """A model's address at the gateway.

    Attributes:
        host: None is any.
        paths: path prefixes that lead to it.
        exact: paths that lead to it as they are.
        strip: take the prefix off before the server sees it.
        openai: OpenAI's addresses lead to it: `named`, where a header names it; `alone`, without one too; None is not.
        timeout_seconds: later than the server's own, which says more.
        canary: the model that gets `percent` of the requests, or with `shadow` copies of them; None without.
    """

    host: str | None
    paths: tuple[str, ...]
    exact: tuple[str, ...]
    strip: bool
    timeout_seconds: int
    canary: str | None = None
    percent: float = 0.0
    shadow: bool = False
    openai: str | None = None


@dataclass(frozen=True, slots=True)
class Serving:
    """One model in a cluster.

    Attributes:
        release: its Helm release.
        weights: where the cluster finds its weights, or None.
        shm_bytes: memory at /dev/shm, or None for the container runtime's 64 MiB.
        workload_identity: pods carry azure's label, without which they are nobody to Entra.
        disruptions: how many replicas an eviction may take at once: a number or a percentage.
        route: None without a gateway.
        fetches: its server fetches the model itself, over HTTPS.
        callers: namespaces that may call it beside its own: a gateway's, for a canary.
        account: the service account that it shares with another model, None for one of its own.
        metadata_addresses: where pods ask the cloud who they are, as `address/bits:port`.
        pause_image: of the pods that keep nodes free (`scale.headroom`).
    """

    model: str
    release: str
    container: Container
    weights: str | None
    shm_bytes: int | None
    scheduling: Scheduling
    ending: Ending
    scaling: Scaling
    disruptions: int | str
    route: Route | None
    workload_identity: bool
    metadata_addresses: tuple[tuple[str, int], ...]
    fetches: bool = False
    callers: tuple[str, ...] = ()
    account: str | None = None
    pause_image: str = PAUSE


@dataclass(frozen=True, slots=True)
class Promise:
    """What a model's `slo` says.

    Attributes:
        availability: percent of the requests that succeed, or None.
        quantiles: share of the requests → seconds that they take at most.
    """

    availability: float | None
    quantiles: tuple[tuple[float, float], ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is promised."""
        return self.availability is not None or bool(self.quantiles)


@dataclass(frozen=True, slots=True)
class Canary:
    """A second revision of a model, with a release of its own.

    Attributes:
        of: the model's name; the canary is it to whoever calls.
        index: the model's place in the project.
        model: what the canary is, its overrides applied.
        serving: how it is served.
        percent: of the requests, or of copies of them, that it gets.
        bake_seconds: how long `apply` watches whether it keeps the promise.
        promise: its model's.
    """

    of: str
    index: int
    model: Model
    serving: Serving
    percent: float
    bake_seconds: float
    promise: Promise
