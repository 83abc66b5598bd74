"""Pipelines: each a model to whoever calls it, with its steps' addresses and the pod or process that runs it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from workaday.blueprint import images, naming
from workaday.blueprint.graphs import Graph, fit
from workaday.blueprint.model import MAIN, Compute, Limits, Model, Pool, Process
from workaday.blueprint.runtimes import RUNTIMES
from workaday.blueprint.values import Values
from workaday.project import schema

if TYPE_CHECKING:
    from workaday.blueprint.cloud import Cloud
    from workaday.blueprint.inputs import Inputs
    from workaday.blueprint.serving import Container, Serving

MIB = 2**20
# A run waits most of its time: many share a replica, which costs a fraction of a core and no torch.
LIMITS = Limits(concurrency=32, queue=64, timeout_seconds=60.0, body_bytes=8 * MIB)
CORES, MEMORY = 0.5, 512 * MIB
GRAPH = "inference_graph"
PATHS = {"v1": "/v1/models/{name}:predict", "v2": "/v2/models/{name}/infer"}
CHAT = "/v1/chat/completions"
# As in a cluster, where the Service of a paused model has no pod: nothing listens at `discard`.
NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class Step:
    """One call; `url` None is in the pipeline's own process. The rest as in project.yaml, every default explicit."""

    name: str
    model: str
    url: str | None
    after: tuple[str, ...]
    when: str | None
    input: str | None
    optional: bool
    timeout_seconds: float | None
    retries: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One pipeline.

    Attributes:
        index: its place in the project.
        model: what it is to whoever calls it.
        steps: as written.
        output: what it answers, or None for every step's answer.
        graph: the InferenceGraph that runs it, or None for our server.
        held: the models in its own pod; none where they have pods of their own.
        serving: how it is served in a cluster, or None on this machine.
    """

    index: int
    model: Model
    steps: tuple[Step, ...]
    output: str | None
    graph: Graph | None = None
    held: tuple[Model, ...] = ()
    serving: Serving | None = None


def resolve_pipelines(
    project: schema.Project,
    inputs: Inputs,
    models: Sequence[Model],
    processes: Sequence[Process],
    serving: Sequence[Serving],
    pools: Sequence[Pool],
    cloud: Cloud | None,
) -> tuple[Pipeline, ...]:
    """Return the pipelines in the project's order; on this machine none where no model is awake."""
    if project.platform.kind == "local":
        return tuple(on_this_machine(project, models, processes, inputs))
    return tuple(in_a_cluster(project, models, serving, pools, cloud, inputs))


def on_this_machine(
    project: schema.Project, models: Sequence[Model], processes: Sequence[Process], inputs: Inputs
) -> Iterator[Pipeline]:
    """Yield the pipelines of the local platform; they run in the process that most models share."""
    if not processes:
        return
    by_process, by_name = {each.name: each for each in processes}, {each.name: each for each in models}
    home = MAIN if MAIN in by_process else processes[0].name

    def url(step: schema.Step) -> str | None:
        model = by_name[step.model]
        if model.paused:
            return f"{NOWHERE}{step.path or model.route}"
        if model.process == home or model.process not in by_process:
            return None
        process = by_process[model.process]
        host = "127.0.0.1" if process.host in ("0.0.0.0", "::") else process.host
        return f"http://{f'[{host}]' if ':' in host else host}:{process.port}{step.path or model.route}"

    for index, written in enumerate(project.pipelines):
        found = steps(written, {step.name: url(step) for step in written.steps})
        model = replace(as_model(written, by_name, inputs, local=True), process=home)
        yield Pipeline(index, revised(model, found, written.output), found, written.output)


def in_a_cluster(
    project: schema.Project,
    models: Sequence[Model],
    serving: Sequence[Serving],
    pools: Sequence[Pool],
    cloud: Cloud | None,
    inputs: Inputs,
) -> Iterator[Pipeline]:
    """Yield the pipelines of a cluster: a release each, beside those of the models or instead of them."""
    by_name = {each.name: each for each in models}
    served = {each.model: each for each in serving}
    holders = {step.model: each.name for each in project.pipelines if each.together for step in each.steps}
    namespace = project.namespace or project.name
    for index, written in enumerate(project.pipelines):

        def url(step: schema.Step, written: schema.Pipeline = written) -> str | None:
            holder = holders.get(step.model, step.model)
            if holder == written.name:
                return None
            return f"http://{holder}-predictor.{namespace}.svc{step.path or address(by_name[step.model])}"

        found = steps(written, {step.name: url(step) for step in written.steps})
        names = dict.fromkeys(step.model for step in written.steps) if written.together else {}
        held = tuple(by_name[name] for name in names)
        model = as_model(written, by_name, inputs, local=False, held=held)
        model = revised(replace(model, pools=common(model, held, pools)), found, written.output)
        released = serve(model, held, written, project, served, pools, cloud, inputs)
        graph = fit(written) if written.engine == GRAPH else None
        fits = graph if isinstance(graph, Graph) else None  # a check reports one that does not
        yield Pipeline(index, model, found, written.output, fits, held, released)


def common(model: Model, held: Sequence[Model], pools: Sequence[Pool]) -> tuple[str, ...]:
    """Return the pools that a pod may run on: those of every model in it."""
    return tuple(pool.name for pool in pools if all(pool.name in each.pools for each in held))


def address(model: Model) -> str:
    """Return where a model is asked, within its server."""
    if model.kind == "torch":
        return model.route
    if model.kind == "vllm":
        return CHAT
    return PATHS.get(RUNTIMES[model.kind].protocol or "", "/").format(name=model.name)


def steps(written: schema.Pipeline, urls: Mapping[str, str | None]) -> tuple[Step, ...]:
    """Return a pipeline's steps."""
    return tuple(
        Step(
            each.name,
            each.model,
            urls[each.name],
            each.after,
            each.when,
            each.input,
            each.optional,
            each.timeout,
            each.retries or 0,
        )
        for each in written.steps
    )


def as_model(
    written: schema.Pipeline, models: Mapping[str, Model], inputs: Inputs, *, local: bool, held: Sequence[Model] = ()
) -> Model:
    """Return what a pipeline is to whoever calls it; its example is that of its first step."""
    from workaday.blueprint.resolve import resolve_model  # which imports this

    given, wanted = written.limits, asdict(LIMITS)
    limits = schema.Limits.model_construct(
        concurrency=(given and given.concurrency) or wanted["concurrency"],
        queue=given.queue if given and given.queue is not None else wanted["queue"],
        timeout=(given and given.timeout) or wanted["timeout_seconds"],
        body=(given and given.body) or wanted["body_bytes"],
    )
    first = models[written.steps[0].model]
    made = resolve_model(meant(written, first, limits), inputs, Values(), local=local)
    example = None if written.steps[0].input else first.example
    return replace(made, compute=sized(written, held), example=example, requirements=None, process=MAIN)


def meant(written: schema.Pipeline, first: Model, limits: schema.Limits) -> schema.Model:
    """Return a pipeline as a model of our server, with its first step's predictor for whoever looks for examples."""
    server = schema.Torch.model_construct(kind="torch", predictor=first.predictor, image=written.image)
    return schema.Model.model_construct(
        name=written.name, server=server, limits=limits, scale=written.scale, route=written.route
    )


def sized(written: schema.Pipeline, held: Sequence[Model]) -> Compute:
    """Return what a replica gets: its own, and that of the models in its pod."""
    given = written.compute
    gpus = [each.compute for each in held if each.compute.gpu_count]
    return Compute(
        cpu_cores=((given and given.cpu) or CORES) + sum(each.compute.cpu_cores for each in held),
        memory_bytes=((given and given.memory) or MEMORY) + sum(each.compute.memory_bytes for each in held),
        shm_bytes=given.shm if given else None,
        gpu_type=gpus[0].gpu_type if gpus else None,
        gpu_count=sum(each.gpu_count for each in gpus),
        gpu_memory_bytes=sum(each.gpu_memory_bytes or 0 for each in gpus) or None,
    )


def revised(model: Model, found: Sequence[Step], output: str | None) -> Model:
    """Return a pipeline with a revision that changes when what it does changes."""
    from workaday.blueprint.resolve import digest

    what = {"steps": [asdict(each) for each in found], "output": output, "limits": asdict(model.limits)}
    return replace(model, revision=digest("pipeline", json.dumps([what, model.route], sort_keys=True)))


def serve(
    model: Model,
    held: Sequence[Model],
    written: schema.Pipeline,
    project: schema.Project,
    served: Mapping[str, Serving],
    pools: Sequence[Pool],
    cloud: Cloud | None,
    inputs: Inputs,
) -> Serving:
    """Return how a pipeline is served: by our server, in an image of its models' or in one that holds them all."""
    from workaday.blueprint import resolve_serving

    alone = meant(written, model, schema.Limits.model_construct())
    found = resolve_serving.serve(model, alone, project, inputs, pools, cloud, Values())
    container = found.container
    if held and written.image is None:
        prefix = resolve_serving.registry_prefix(project, cloud)
        built = together_image(prefix, model, held, inputs)
        container = replace(container, image=images.pinned(built, inputs.images), built=built)
    elif written.image is None:
        lent = borrowed(written, served)
        container = replace(container, image=lent.image, built=lent.built)
    secrets = {name: key for each in held for name, key in served[each.name].container.secrets.items()}
    weights = next((served[each.name].weights for each in held if served[each.name].weights), None)
    route = found.route
    if route is not None:
        beside = [served[each.name].route for each in held]
        paths = (*route.paths, *(path for each in beside if each for path in each.paths))
        exact = (*route.exact, *(path for each in beside if each for path in each.exact))
        route = replace(route, paths=paths, exact=exact)
    scaling = found.scaling
    if scaling.query:  # its own requests: those of the models beside it are part of them
        own = scaling.query.replace('{namespace="', f'{{model="{model.name}",namespace="')
        scaling = replace(scaling, query=own)
    return replace(
        found,
        release=naming.release(model.name),
        container=replace(container, secrets=secrets),
        weights=weights,
        route=route,
        scaling=scaling,
    )


def together_image(prefix: str, model: Model, held: Sequence[Model], inputs: Inputs) -> str:
    """Return the name of the image that holds the code of several models."""
    code = [inputs.digests.get(each.predictor) for each in held]
    requirements = [inputs.digests.get(each.requirements or "") for each in held]
    return images.reference(prefix, model.name, code, requirements, gpu=bool(model.compute.gpu_count))


def borrowed(written: schema.Pipeline, served: Mapping[str, Serving]) -> Container:
    """Return a step's model's container, whose image has our server in it, one without CUDA where there is a choice."""
    ours = [served[each.model] for each in written.steps if served[each.model].container.built]
    lean = [each for each in ours if each.scheduling.gpu_resource not in _asked(each)]
    return (lean or ours or list(served.values()))[0].container


def _asked(serving: Serving) -> tuple[str, ...]:
    return tuple(each.key for each in serving.scheduling.tolerations)


def server_entry(pipeline: Pipeline) -> dict[str, Any]:
    """Return what a server's configuration says of a pipeline (schemas/server.schema.json)."""
    model = pipeline.model
    return {
        "name": model.name,
        "revision": model.revision,
        "steps": [
            {
                "name": each.name,
                "model": each.model,
                "url": each.url,
                "after": list(each.after),
                "when": each.when,
                "input": each.input,
                "optional": each.optional,
                "timeout_seconds": each.timeout_seconds,
                "retries": each.retries,
            }
            for each in pipeline.steps
        ],
        "output": pipeline.output,
        "limits": asdict(model.limits),
        "route": model.route,
    }
