"""Resolve how each model is served in a cluster: pure, every default in one place."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workaday.blueprint import images, naming, scaling
from workaday.blueprint.canary import canary_name, share
from workaday.blueprint.cloud import (
    AUTO_PROVISIONING,
    CAPACITY_LABEL,
    KARPENTER,
    ON_DEMAND,
    POOL_LABEL,
    RESERVED,
    SPOT,
    Cloud,
)
from workaday.blueprint.model import Model, Pool
from workaday.blueprint.node_groups import GPU_TAINT, SPOT_TAINTS, capacities
from workaday.blueprint.placement import place
from workaday.blueprint.runtimes import GRPC, HTTP, RUNTIMES, Runtime
from workaday.blueprint.serving import (
    CONFIG,
    OCI,
    PAUSE,
    WEIGHTS,
    Container,
    Ending,
    Preference,
    Probe,
    Route,
    Scheduling,
    Serving,
    Toleration,
)
from workaday.blueprint.values import Values
from workaday.catalog import read
from workaday.catalog.clouds import TERMS

if TYPE_CHECKING:
    from workaday.blueprint.inputs import Inputs
    from workaday.project import schema

GIB = 2**30
# How long a stopping replica goes on answering, until every proxy has heard that it is leaving.
DRAIN_SECONDS = 15
# Of a short notice, what draining may take: the rest is for what is in work.
DRAIN_SHARE = 3
# After the last answer, until the process is gone.
EXIT_SECONDS = 5
USER = 1000
# Kinds of servers that answer OpenAI's protocol at `/v1`.
OPENAI = ("torch", "vllm")
ZONE_LABEL, NODE_LABEL = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
# A replica goes first to what is paid for anyway, then to what is cheap; a later pool comes after an earlier one.
CAPACITY_WEIGHTS = {RESERVED: 100, SPOT: 80}
POOL_WEIGHT = 40
NAP = ("azure", AUTO_PROVISIONING)  # AKS' own Karpenter
# A quarter may be evicted at once: one where there are few, and several when a zone's spot nodes go together.
DISRUPTIONS = "25%"
# Where pods ask who they are: EKS' Pod Identity agent; GKE's metadata server, by its own port and as it is redirected.
METADATA: Mapping[str, tuple[tuple[str, int], ...]] = {
    "aws": (("169.254.170.23/32", 80),),
    "gcp": (("169.254.169.254/32", 80), ("169.254.169.252/32", 988)),
}


def resolve_serving(
    project: schema.Project,
    inputs: Inputs,
    models: Sequence[Model],
    pools: Sequence[Pool],
    cloud: Cloud | None,
    values: Values,
) -> tuple[Serving, ...]:
    """Return how each model is served, in the project's order."""
    return tuple(
        serve(model, written, project, inputs, pools, cloud, values.under("models", index))
        for index, (model, written) in enumerate(zip(models, project.models, strict=True))
    )


def serve(
    model: Model,
    written: schema.Model,
    project: schema.Project,
    inputs: Inputs,
    pools: Sequence[Pool],
    cloud: Cloud | None,
    values: Values,
) -> Serving:
    """Return how one model is served."""
    namespace, platform = project.namespace or project.name, project.platform.kind
    mine = possible_pools(model, pools, project, named=written.pools is not None)
    return Serving(
        model=model.name,
        release=naming.release(model.name),
        container=resolve_container(model, written, project, inputs, cloud, values),
        weights=weights_address(model, written, project, cloud),
        shm_bytes=resolve_shm(model, written, values.under("compute")),
        scheduling=resolve_scheduling(model, mine, platform, cloud, written_pools=bool(project.pools)),
        ending=resolve_ending(model, mine, platform),
        scaling=scaling.resolve_scaling(model, namespace),
        disruptions=DISRUPTIONS,
        route=resolve_route(model, written, project),
        workload_identity=platform == "azure",
        metadata_addresses=METADATA.get(platform, ()),
        fetches=RUNTIMES[model.kind].needs_weights and written.weights is None,
        pause_image=images.mirrored(PAUSE, project.registry),
    )


def possible_pools(model: Model, pools: Sequence[Pool], project: schema.Project, *, named: bool) -> list[Pool]:
    """Return the pools that a model can run on, in its order."""
    region = getattr(project.platform, "region", None)
    placed = place(model, pools, read(project.platform.kind), region=region, named=named)
    by_name = {pool.name: pool for pool in pools}
    return [by_name[each.pool] for each in placed if each.possible]


def resolve_container(
    model: Model, written: schema.Model, project: schema.Project, inputs: Inputs, cloud: Cloud | None, values: Values
) -> Container:
    """Return the container that serves a model."""
    server: Any = written.server
    runtime, of_server = RUNTIMES[model.kind], values.under("server")
    port = runtime.port
    if model.kind == "container":
        port = of_server.choose("port", server, HTTP, "the default")
    ready = of_server.choose("ready", server, runtime.ready, "what this kind of server has")
    startup = max(1, math.ceil(model.load_timeout_seconds / 5))
    default, because = default_image(model, runtime, project, inputs, cloud)
    named_image = of_server.choose("image", server, default, because)
    built = named_image if model.kind == "torch" and server.image is None else None
    image = images.pinned(built, inputs.images) if built else images.mirrored(named_image, project.registry)
    return Container(
        image=image,
        pull_secret=project.registry.pull_secret if project.registry else None,
        command=tuple(getattr(server, "command", None) or runtime.command),
        args=tuple(arguments(model, server, runtime)),
        port=port,
        grpc_port=GRPC if model.grpc else None,
        metrics_port=runtime.metrics[0] if runtime.metrics else None,
        metrics_path=runtime.metrics[1] if runtime.metrics else None,
        protocol=runtime.protocol,
        env={} if model.kind == "torch" else dict(model.env),
        secrets={name: (each.secret, each.key) for name, each in written.secrets.items()},
        user=USER,
        read_only=model.kind == "torch",  # what others write, and where, is not known
        startup=Probe(named(ready, model), 5, 3, startup),
        ready=Probe(named(ready, model), 5, 3, 2),
        # patient: a server that is busy must not be restarted for it
        live=Probe(named(runtime.live if model.kind != "container" else None, model), 10, 5, 6),
        built=built,
    )


def named(path: str | None, model: Model) -> str | None:
    """Return a path with the model's name in its place."""
    return path and path.replace("{name}", model.name)


def default_image(
    model: Model, runtime: Runtime, project: schema.Project, inputs: Inputs, cloud: Cloud | None
) -> tuple[str, str]:
    """Return the image where none is written, and why it is that."""
    if model.kind == "torch":
        code, requirements = inputs.digests.get(model.predictor), inputs.digests.get(model.requirements or "")
        prefix, gpu = registry_prefix(project, cloud), bool(model.compute.gpu_count)
        return images.reference(prefix, model.name, code, requirements, gpu=gpu), "built from the predictor"
    image = runtime.gpu_image if model.compute.gpu_count else runtime.image
    return image, "the version that this kind is tested with"


def registry_prefix(project: schema.Project, cloud: Cloud | None) -> str:
    """Return what stands before an image's name: as written, or the registry that we make on a cloud."""
    if project.registry:
        return project.registry.prefix
    if cloud is None:
        return project.name  # a check refuses it: no cluster pulls from nowhere
    return {
        "aws": f"{cloud.account}.dkr.ecr.{cloud.region}.amazonaws.com/{cloud.registry}",
        "gcp": f"{cloud.region}-docker.pkg.dev/{cloud.account}/{cloud.registry}",
        "azure": f"{cloud.registry}.azurecr.io",
    }[cloud.kind]


def arguments(model: Model, server: Any, runtime: Runtime) -> Iterator[str]:
    """Yield a server's arguments: its kind's, then those that the file writes, which win where they come last."""
    if model.kind == "torch":
        yield CONFIG
        return
    given = getattr(server, "args", None) or {}
    if not isinstance(given, Mapping):
        yield from given
        return
    own = [each for each in runtime.args if each.partition("=")[0].removeprefix("--") not in given]
    yield from (each.format(name=model.name, weights=WEIGHTS) for each in own)
    if task := getattr(server, "task", None):
        yield f"--task={task}"
    for key, value in given.items():
        yield f"--{key}={str(value).lower() if isinstance(value, bool) else value}"


def weights_address(model: Model, written: schema.Model, project: schema.Project, cloud: Cloud | None) -> str | None:
    """Return where a cluster finds a model's weights; those that are only here are pushed to our own bucket."""
    if written.weights is None:
        return None
    if written.weights.uri and written.weights.uri.startswith(OCI):
        return OCI + images.mirrored(written.weights.uri.removeprefix(OCI), project.registry)
    if written.weights.uri or cloud is None:
        return written.weights.uri
    if cloud.kind == "azure":
        return f"https://{cloud.weights_bucket}.blob.core.windows.net/weights/{model.name}"
    return f"{'s3' if cloud.kind == 'aws' else 'gs'}://{cloud.weights_bucket}/{model.name}"


def resolve_shm(model: Model, written: schema.Model, values: Values) -> int | None:
    """Return how much memory /dev/shm has."""
    several = model.compute.gpu_count > 1
    why = "processes of several GPUs meet there" if several else "the container runtime's own 64 MiB"
    return values.choose("shm", written.compute, GIB if several else None, why)


def resolve_scheduling(
    model: Model, pools: Sequence[Pool], platform: str, cloud: Cloud | None, *, written_pools: bool
) -> Scheduling:
    """Return where a model's pods go; on a cluster that is there already its nodes' labels are known if pools are.

    Karpenter takes what pods prefer for what they need, and rents it: there, the weights of its NodePools say it alone.
    """
    labelled = platform in TERMS or written_pools
    rents = cloud is not None and (cloud.provisioner == KARPENTER or (platform, cloud.provisioner) == NAP)
    kinds = {capacity for pool in pools for capacity, _, _ in capacities(pool)} if labelled and not rents else set()
    return Scheduling(
        pools=tuple(pool.name for pool in pools) if labelled else (),
        tolerations=tuple(tolerations(model, pools, platform)),
        preferences=tuple(preferences(pools, kinds)) if labelled else (),
        spread=(ZONE_LABEL, NODE_LABEL, *((CAPACITY_LABEL,) if {SPOT, ON_DEMAND} <= kinds and based(pools) else ())),
        gpu_resource=gpu_resource(pools, platform),
    )


def based(pools: Sequence[Pool]) -> bool:
    """Say whether some nodes stay on demand beside spot: replicas on both outlive either."""
    return any(pool.spot and pool.spot.on_demand_base for pool in pools)


def tolerations(model: Model, pools: Sequence[Pool], platform: str) -> Iterator[Toleration]:
    """Yield the taints that pods stand: those of nodes with GPUs, and of spot nodes where a pool has some."""
    if model.compute.gpu_count:
        yield Toleration(GPU_TAINT.key, None)
    if any(pool.spot for pool in pools):
        taint = SPOT_TAINTS.get(platform, SPOT_TAINTS["aws"])
        yield Toleration(taint.key, taint.value, taint.effect)


def preferences(pools: Sequence[Pool], kinds: set[str]) -> Iterator[Preference]:
    """Yield what pods rather go to, where there is a choice: what is paid for, what is cheap, an earlier pool."""
    for capacity, weight in CAPACITY_WEIGHTS.items():
        if capacity in kinds and len(kinds) > 1:
            yield Preference(CAPACITY_LABEL, capacity, weight)
    for place_, pool in enumerate(pools[:-1]):
        yield Preference(POOL_LABEL, pool.name, max(1, POOL_WEIGHT - 10 * place_))


def gpu_resource(pools: Sequence[Pool], platform: str) -> str:
    """Return what a GPU is called: a part by its size where the device plugin names parts, as GKE and AKS do not."""
    partition = next((pool.partition for pool in pools if pool.share == "mig" and pool.partition), None)
    if partition is None or platform in ("gcp", "azure"):
        return GPU_TAINT.key
    return f"nvidia.com/mig-{partition}"


def resolve_ending(model: Model, pools: Sequence[Pool], platform: str) -> Ending:
    """Return how a pod ends: it drains, then finishes what is in work; on spot nodes within the cloud's notice."""
    drain = DRAIN_SECONDS
    grace = DRAIN_SECONDS + math.ceil(model.limits.timeout_seconds) + EXIT_SECONDS
    if any(pool.spot for pool in pools) and platform in TERMS:
        notice = math.floor(TERMS[platform].usable_notice_seconds)
        drain = min(drain, notice // DRAIN_SHARE)
        grace = min(drain + math.ceil(model.limits.timeout_seconds) + EXIT_SECONDS, notice)
    return Ending(drain, RUNTIMES[model.kind].drains, grace)


def resolve_route(model: Model, written: schema.Model, project: schema.Project) -> Route | None:
    """Return a model's address at the gateway, or None where there is no gateway."""
    gateway = project.gateway
    if gateway is None:
        return None
    paths, exact, woken = [model.route], [], scaling.wake(model)
    if model.kind == "torch":
        paths.append(f"/v2/models/{model.name}")
        exact += [f"/v1/models/{model.name}", f"/v1/models/{model.name}:predict"]
    return Route(
        host=gateway.host,
        paths=tuple(paths),
        exact=tuple(exact),
        strip=model.kind != "torch",
        # a request that wakes the model waits for it at the gateway, too
        timeout_seconds=woken.wait_seconds * (model.scale.min == 0) + woken.answer_seconds,
        canary=canary_name(model.name) if written.canary else None,
        percent=share(written.canary) if written.canary else 0.0,
        shadow=bool(written.canary and written.canary.shadow),
        openai=resolve_openai(model, project),
    )


def resolve_openai(model: Model, project: schema.Project) -> str | None:
    """Return whether OpenAI's addresses, which name the model in the body, lead to it: the gateway reads no bodies."""
    speak = [each.name for each in project.models if each.server.kind in OPENAI]
    if model.name not in speak:
        return None
    return "alone" if len(speak) == 1 else "named"
