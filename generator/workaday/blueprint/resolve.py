"""Resolve a Project into a Blueprint: pure, every default in one place."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from workaday.blueprint.inputs import PREDICTOR_CLASS, Inputs
from workaday.blueprint.model import (
    BASE,
    MAIN,
    Batching,
    Blueprint,
    Compute,
    Environment,
    Generation,
    Limits,
    Model,
    Pool,
    Process,
    Rollout,
    Scale,
    Schedule,
)
from workaday.blueprint.pools import resolve_pools
from workaday.blueprint.runtimes import RUNTIMES
from workaday.blueprint.values import Values

if TYPE_CHECKING:
    from workaday.blueprint.addons import AddOns
    from workaday.blueprint.cloud import Cloud
    from workaday.blueprint.gateway import Gateway, Team
    from workaday.blueprint.observability import Observability
    from workaday.blueprint.pipelines import Pipeline
    from workaday.blueprint.serving import Canary, Serving
    from workaday.project import schema

MIB = 2**20
GIB = 2**30
# Of a replica's concurrency: at 0.6 the queue stays short while a new replica starts; at 1.0 it grows first.
TARGET_SHARE = 0.6
# Of a latency that is promised: more replicas must be there before it is broken.
PROMISE_SHARE = 0.8
LOCAL_PORT = 8080
GRPC_OFFSET, MAX_PORT = 1000, 65535
# The CLI's version is no part of it: a fingerprint must not change where nothing that runs does.
SERVER_GENERATION = "1"


def resolve(project: schema.Project, inputs: Inputs, stage: str) -> Blueprint:
    """Return what a project means in one environment."""
    values = Values()
    local = project.platform.kind == "local"
    models = tuple(
        resolve_model(model, inputs, values.under("models", index), local=local)
        for index, model in enumerate(project.models)
    )
    pools = () if local else resolve_pools(project, models, values)
    every_pool = tuple(pool.name for pool in pools)
    models = tuple(
        replace(
            model,
            pools=values.under("models", index).choose(
                "pools", written, every_pool, "every pool of the project; placement leaves out what does not fit"
            ),
        )
        for index, (model, written) in enumerate(zip(models, project.models, strict=True))
    )
    awake = [model for model in models if not model.paused]
    environments, processes = resolve_local(project, awake, inputs, values) if local else ((), ())
    cloud, serving, canaries = (None, (), ()) if local else in_cluster(project, inputs, stage, models, pools, values)
    pipelines: tuple[Pipeline, ...] = ()
    if project.pipelines:
        from workaday.blueprint.pipelines import resolve_pipelines

        pipelines = resolve_pipelines(project, inputs, models, processes, serving, pools, cloud)
    gateway, team, addons = (
        (None, None, None) if local else beside(project, models, pools, serving, pipelines, cloud, values)
    )
    return Blueprint(
        name=project.name,
        namespace=values.choose("namespace", project, project.name, "the project's name"),
        stage=stage,
        platform=project.platform.kind,
        pools=pools,
        models=models,
        environments=environments,
        processes=processes,
        cloud=cloud,
        serving=serving,
        canaries=canaries,
        overlays=inputs.overlays,
        mirror=project.registry.mirror if project.registry else None,
        gateway=gateway,
        team=team,
        addons=addons,
        observability=watched(project, models, pools, cloud, gateway, addons, values),
        pipelines=pipelines,
        values=values.frozen(),
    )


def in_cluster(
    project: schema.Project,
    inputs: Inputs,
    stage: str,
    models: Sequence[Model],
    pools: Sequence[Pool],
    values: Values,
) -> tuple[Cloud | None, tuple[Serving, ...], tuple[Canary, ...]]:
    """Return what Terraform makes on a cloud, how each model is served in a cluster, and models' second revisions."""
    # most commands of a local project never need these
    from workaday.blueprint.canary import canaries
    from workaday.blueprint.resolve_cloud import resolve_cloud
    from workaday.blueprint.resolve_serving import resolve_serving

    cloud = resolve_cloud(project, stage, models, pools, values)
    serving = resolve_serving(project, inputs, models, pools, cloud, values)
    return cloud, serving, tuple(canaries(project, inputs, models, pools, cloud))


def beside(
    project: schema.Project,
    models: Sequence[Model],
    pools: Sequence[Pool],
    serving: Sequence[Serving],
    pipelines: Sequence[Pipeline],
    cloud: Cloud | None,
    values: Values,
) -> tuple[Gateway | None, Team | None, AddOns]:
    """Return what a cluster has beside the models: the door to them, whose project it is, the controllers."""
    from workaday.blueprint.addons import resolve_addons
    from workaday.blueprint.gateway import resolve_gateway, resolve_team

    gateway = resolve_gateway(project, models, pipelines, cloud, values.under("gateway"))
    return gateway, resolve_team(project), resolve_addons(project, models, pools, serving, cloud)


def watched(
    project: schema.Project,
    models: Sequence[Model],
    pools: Sequence[Pool],
    cloud: Cloud | None,
    gateway: Gateway | None,
    addons: AddOns | None,
    values: Values,
) -> Observability | None:
    """Return what models in a cluster are watched by."""
    if addons is None or project.observability is None:
        return None
    from workaday.blueprint.observability import resolve_observability

    return resolve_observability(project, models, pools, cloud, gateway, addons, values.under("observability"))


def resolve_model(written: schema.Model, inputs: Inputs, values: Values, *, local: bool) -> Model:
    """Return one model with every default explicit; its pools are filled in once they are known."""
    server = written.server
    predictor: str = getattr(server, "predictor", None) or ""
    requirements: str | None = getattr(server, "requirements", None)
    batching = resolve_batching(written, values.under("batching"))
    generation = resolve_generation(written, values.under("generation"))
    limits = resolve_limits(written, batching, generation, values.under("limits"))
    route = values.under("route")
    model = Model(
        name=written.name,
        kind=server.kind,
        predictor=predictor,
        class_name=values.under("server").choose("class", server, PREDICTOR_CLASS, "the contract's name"),
        config=written.config,
        weights=written.weights.local if local and written.weights else None,
        env=written.env,
        requirements=requirements,
        compute=resolve_compute(written, values.under("compute")),
        pools=(),
        scale=resolve_scale(written, limits, values.under("scale")),
        rollout=resolve_rollout(written, values.under("rollout")),
        limits=limits,
        batching=batching,
        generation=generation,
        route=route.choose("path", written.route, f"/{written.name}", "the model's name"),
        process=written.name if requirements else MAIN,
        load_timeout_seconds=values.under("limits").choose("startup_timeout", written.limits, 600.0, "the default"),
        revision="",
        example=inputs.examples.get(predictor),
        grpc=values.under("server").choose("grpc", server, False, "HTTP is enough for most callers"),
        paused=written.paused,
    )
    return replace(model, revision=revision_of(model, inputs))


def resolve_limits(
    written: schema.Model, batching: Batching | None, generation: Generation | None, values: Values
) -> Limits:
    """Return what one replica takes on."""
    given = written.limits
    together, why = 1, "one prediction fills the processor"
    if batching:
        together, why = batching.max_size, f"one batch of `batching.max_size` {batching.max_size}"
    if generation:
        together, why = generation.max_batch, f"`generation.max_batch` {generation.max_batch}"
    return Limits(
        concurrency=values.choose("concurrency", given, together, why),
        queue=values.choose("queue", given, 64, "the default"),
        timeout_seconds=values.choose("timeout", given, 60.0, "the default"),
        body_bytes=values.choose("body", given, 8 * MIB, "the default: a photograph fits"),
    )


def resolve_batching(written: schema.Model, values: Values) -> Batching | None:
    """Return how requests are predicted together, or None."""
    given = written.batching
    if given is None:
        return None
    return Batching(given.max_size, values.choose("max_wait", given, 0.005, "the default"))


def resolve_generation(written: schema.Model, values: Values) -> Generation | None:
    """Return how a text generator shares its model among requests, or None."""
    given = written.generation
    if given is None:
        return None
    return Generation(given.kv_cache, values.choose("max_batch", given, 16, "the default"), given.prefill_tokens)


def resolve_compute(written: schema.Model, values: Values) -> Compute:
    """Return what each replica gets."""
    given = written.compute
    gpu = given.gpu if given else None
    return Compute(
        cpu_cores=values.choose("cpu", given, 1.0, "the default"),
        memory_bytes=values.choose("memory", given, 2 * GIB, "the default"),
        shm_bytes=given.shm if given else None,
        gpu_type=gpu.type if gpu else None,
        gpu_count=values.under("gpu").choose("count", gpu, 1, "a GPU is asked for") if gpu else 0,
        gpu_memory_bytes=values.under("gpu").choose(
            "memory", gpu, written.weights.size if written.weights else None, "`weights.size`"
        )
        if gpu
        else None,
    )


def resolve_scale(written: schema.Model, limits: Limits, values: Values) -> Scale:
    """Return how many replicas, and what decides."""
    given = written.scale
    least = values.choose("min", given, 1, "the default: one replica is always there")
    metric = values.choose("metric", given, *default_metric(written.server.kind))
    share = round(TARGET_SHARE * limits.concurrency, 2)
    defaults = {
        "in_flight": (share, f"{TARGET_SHARE} of `limits.concurrency` {limits.concurrency}"),
        "queue": (1.0, "the default: one waiting request a replica"),
        "tokens": (1000.0, "the default: tokens a second a replica"),
        "latency": latency_target(written.slo, limits),
        "cpu": (60.0, "the default: percent of the request"),
    }
    return Scale(
        min=least,
        max=values.choose("max", given, max(least, 1), "`min`: more replicas cost more, so the file says so"),
        metric=metric,
        target=values.choose("target", given, *defaults[metric]),
        window_seconds=values.choose("window", given, 60.0, "the default"),
        down_after_seconds=values.choose("down_after", given, 300.0, "the default"),
        headroom=values.choose("headroom", given, 0, "the default: no node is kept free"),
        schedule=tuple(
            Schedule(each.cron, each.for_, each.min, each.timezone or "Etc/UTC")
            for each in (given.schedule if given else ())
        ),
    )


def latency_target(slo: schema.Slo | None, limits: Limits) -> tuple[float, str]:
    """Return the latency at which replicas are added, and why: before a promise is broken."""
    if slo and (promised := slo.p95 or slo.p99):
        return round(PROMISE_SHARE * promised, 3), f"{PROMISE_SHARE} of `slo.{'p95' if slo.p95 else 'p99'}`"
    return limits.timeout_seconds / 4, "a quarter of `limits.timeout`"


def default_metric(kind: str) -> tuple[str, str]:
    """Return what a kind of server is scaled on, and why."""
    metric = RUNTIMES[kind].default
    if metric == "in_flight":
        return metric, "requests in work say what memory cannot"
    if metric == "cpu":
        return metric, f"`{kind}` says nothing of its requests"
    return metric, f"of what `{kind}` says, the nearest to its requests"


def resolve_rollout(written: schema.Model, values: Values) -> Rollout:
    """Return how a new revision replaces the old."""
    given = written.rollout
    return Rollout(
        max_surge=values.choose("max_surge", given, 1, "the default: one at a time"),
        max_unavailable=values.choose("max_unavailable", given, 0, "the default: none is missing"),
    )


def resolve_local(
    project: schema.Project, models: Sequence[Model], inputs: Inputs, values: Values
) -> tuple[tuple[Environment, ...], tuple[Process, ...]]:
    """Return the local platform's environments and processes: one for all, and one for each model with requirements."""
    platform = values.under("platform")
    host = platform.choose("host", project.platform, "127.0.0.1", "reachable from this machine only")
    port = platform.choose("port", project.platform, LOCAL_PORT, "the default")
    alone = [model for model in models if model.requirements]
    environments = [Environment(BASE, None, digest("base", SERVER_GENERATION))]
    environments += [
        Environment(model.name, model.requirements, digest("layer", inputs.digests.get(model.requirements or "")))
        for model in alone
    ]
    names = [(MAIN, BASE)] if len(alone) < len(models) else []
    names += [(model.name, model.name) for model in alone]
    with_grpc = {model.process for model in models if model.grpc}
    processes = []
    for offset, (name, environment) in enumerate(names):
        ports = [port + offset, grpc_port(port + offset)][: 2 if name in with_grpc else 1]
        process = Process(
            name=name,
            host=host,
            port=ports[0],
            environment=environment,
            drain_seconds=0.0,  # nothing stands between the client and this process that would have to notice first
            fingerprint=digest("process", host, *ports, *overlaid(inputs, name)),
            grpc_port=ports[1] if name in with_grpc else None,
        )
        processes.append(process)
    return tuple(environments), tuple(processes)


def grpc_port(port: int) -> int:
    """Return where a server listens for gRPC: a thousand above its port, or below it where there is none above."""
    return port + GRPC_OFFSET if port + GRPC_OFFSET <= MAX_PORT else port - GRPC_OFFSET


def overlaid(inputs: Inputs, process: str) -> list[str]:
    """Return what overlays write over a process's configuration: the server reads it only when it starts."""
    return [each.text for each in inputs.overlays.values_of(f"local/{process}")] if inputs.overlays else []


def revision_of(model: Model, inputs: Inputs) -> str:
    """Return a name for exactly this model: its settings and the code behind it."""
    keys = ("kind", "class_name", "config", "weights", "env", "limits", "batching", "route", "predictor")
    served = {key: getattr(model, key) for key in keys}
    served["limits"] = asdict(model.limits)
    served["batching"] = model.batching and asdict(model.batching)
    if model.generation:
        served["generation"] = asdict(model.generation)
    return digest(json.dumps(served, sort_keys=True, default=str), inputs.digests.get(model.predictor))


def digest(*parts: object) -> str:
    """Return twelve hexadecimal digits that change when any part does."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:12]
