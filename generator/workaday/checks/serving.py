"""What a cluster would refuse, or take though it is dead afterwards (C6xx): each function is one code and one model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from workaday.blueprint.model import Blueprint, Pool
from workaday.blueprint.model import Model as Resolved
from workaday.blueprint.node_groups import GPU_TAINT
from workaday.blueprint.placement import gib
from workaday.blueprint.resolve_serving import gpu_resource, possible_pools
from workaday.blueprint.runtimes import RUNTIMES, signals
from workaday.blueprint.schedule import windows
from workaday.blueprint.serving import INTERCEPTOR
from workaday.project.diagnostics import Diagnostic, KeyPath, Label
from workaday.project.schema import Model
from workaday.project.spelling import closest
from workaday.project.units import format_duration

if TYPE_CHECKING:
    from workaday.project import Loaded

# KServe refuses the first; the others are the pod's own, and would be there twice.
TAKEN = {
    "PYTHONPATH": "KServe refuses it: a model's modules lie beside its predictor",
    "STORAGE_URI": "it says where the weights are: `weights.uri` does",
    "PROTOCOL": "the kind of the server says it",
    "HOME": "the only folder that can be written to is /tmp, and is the home already",
    "INFERENCE_SERVICE_NAME": "KServe sets it to the model's name",
}
# The longest that Kubernetes' autoscaler looks back.
MOST_DOWN_AFTER = 3600
# The first that mounts an image as a volume unasked.
IMAGE_VOLUMES = "1.35"
# A time zone of every machine that knows any.
ALWAYS = "Etc/UTC"
# What other releases of a tree are called, and whose they are.
RELEASES = {"pools": "the nodes'", "team": "the team's", "gateway": "the gateway's", "observability": "the dashboards'"}


class Case(NamedTuple):
    """One model, as it is written and as it is meant, where it stands, and the pools that it may run on.

    `kubernetes` is the cluster's version, None where it is not known.
    """

    written: Model
    model: Resolved
    here: KeyPath
    pools: list[Pool]
    blueprint: Blueprint
    kubernetes: str | None


def check(loaded: Loaded, blueprint: Blueprint) -> list[Diagnostic]:
    """Return what the rules find in a project for a cluster."""
    found = []
    version = blueprint.cloud.kubernetes if blueprint.cloud else getattr(loaded.project.platform, "kubernetes", None)
    for index, (model, written) in enumerate(zip(blueprint.models, loaded.project.models, strict=True)):
        pools = possible_pools(model, blueprint.pools, loaded.project, named=written.pools is not None)
        case = Case(written, model, ("models", index), pools, blueprint, version)
        found += [each for rule in RULES for each in rule(case)]
    registry = loaded.project.registry
    found += reserved_for_pipelines(loaded, blueprint)
    return found + ([] if registry or blueprint.cloud else list(nowhere_to_pull_from(loaded)))


def unsaid_metric(case: Case) -> Iterator[Diagnostic]:
    """C601: a metric that the server does not have: KEDA would ask in vain, and nothing ever scale."""
    kind, metric = case.model.kind, case.model.scale.metric
    known = signals(kind)
    if metric not in known:
        yield Diagnostic(
            "C601",
            f"`{kind}` does not say `{metric}`: nothing would ever scale",
            (*case.here, "scale", "metric"),
            f"it says {', '.join(f'`{each}`' for each in known)}",
            secondary=(Label((*case.here, "server", "kind"), "the server"),),
        )


def taken_variables(case: Case) -> Iterator[Diagnostic]:
    """C602: environment variables that KServe refuses, or that the pod has already."""
    for part in ("env", "secrets"):
        for name in getattr(case.written, part):
            if name in TAKEN:
                path = (*case.here, part, name)
                yield Diagnostic("C602", f"`{name}` cannot be set", path, TAKEN[name], "key")


def nothing_to_serve(case: Case) -> Iterator[Diagnostic]:
    """C603: a ready-made server without a model."""
    runtime, kind = RUNTIMES[case.model.kind], case.model.kind
    args: Any = getattr(case.written.server, "args", None) or {}
    own = {each.partition("=")[0].removeprefix("--") for each in runtime.args if "{weights}" in each}
    if runtime.needs_weights and not case.written.weights and not own & set(args):
        yield Diagnostic(
            "C603",
            f"`{case.model.name}` has a server and no model: `{kind}` never becomes ready",
            (*case.here, "server", "kind"),
            hints=('say where it is: `weights: {uri: "s3://bucket/model"}`',),
        )


def never_wakes(case: Case) -> Iterator[Diagnostic]:
    """C604: a warning: replicas that go to none, and no address whose requests bring one back."""
    scale = case.model.scale
    routed = any(each.route for each in case.blueprint.serving if each.model == case.model.name)
    if scale.min or scale.schedule or routed:
        return
    address = f"{case.model.name}-predictor.{case.blueprint.namespace}"
    yield Diagnostic(
        "C604",
        f"`{case.model.name}` sleeps until somebody asks the interceptor for it, and no gateway leads there",
        (*case.here, "scale", "min"),
        f"callers go to {INTERCEPTOR.service}.{INTERCEPTOR.namespace}:{INTERCEPTOR.port} with `Host: {address}`",
        hints=("or a `gateway`, a `schedule` that wakes it, or at least 1",),
        severity="warning",
    )


def unspeakable_schedule(case: Case) -> Iterator[Diagnostic]:
    """C605: a schedule that no pair of crons says."""
    for place, each in enumerate(case.model.scale.schedule):
        try:
            windows(each.cron, each.for_seconds)
        except ValueError as error:
            path = (*case.here, "scale", "schedule", place)
            yield Diagnostic("C605", f"`{each.cron}` for {format_duration(each.for_seconds)}: {error}", path)


def nowhere_to_pull_from(loaded: Loaded) -> Iterator[Diagnostic]:
    """C606: images that we build, and no registry to keep them in."""
    for index, model in enumerate(loaded.project.models):
        if model.server.kind == "torch" and not model.server.image:
            yield Diagnostic(
                "C606",
                f"`{model.name}` gets an image of its own, and there is no registry to keep it in",
                ("models", index, "server", "kind"),
                hints=("`registry: {prefix: ghcr.io/team}`, or an image made elsewhere: `server.image`",),
            )


def weights_left_here(case: Case) -> Iterator[Diagnostic]:
    """C607: weights that only this machine has, and no bucket of ours to push them to."""
    weights = case.written.weights
    if weights and not weights.uri and case.blueprint.cloud is None:
        yield Diagnostic(
            "C607",
            f"the weights of `{case.model.name}` are on this machine alone",
            (*case.here, "weights", "local"),
            hints=("say where the cluster finds them: `uri: s3://...`, `pvc://CLAIM/...`, `oci://...`",),
        )


def shared_memory_above_memory(case: Case) -> Iterator[Diagnostic]:
    """C608: shared memory that counts against a smaller limit: filling it kills the replica."""
    compute = case.written.compute
    if compute and compute.shm and compute.shm >= case.model.compute.memory_bytes:
        label = (Label((*case.here, "compute", "memory"), "the replica's memory, /dev/shm included"),)
        yield Diagnostic(
            "C608",
            "/dev/shm counts as memory, and has more than the replica may use",
            (*case.here, "compute", "shm"),
            "less than `memory`",
            secondary=label if compute.memory else (),
        )


def parts_and_wholes(case: Case) -> Iterator[Diagnostic]:
    """C609: pools whose GPUs have different names: a replica asks for one of them, and never runs on the other."""
    if not case.model.compute.gpu_count:
        return
    names = {pool.name: gpu_resource([pool], case.blueprint.platform) for pool in case.pools}
    if len(set(names.values())) > 1:
        said = ", ".join(f"`{pool}` has {each}" for pool, each in names.items())
        yield Diagnostic(
            "C609",
            f"`{case.model.name}` cannot run on all of its pools: {said}",
            (*case.here, "pools") if case.written.pools else (*case.here, "compute", "gpu"),
            hints=(f"name pools with whole GPUs ({GPU_TAINT.key}), or with parts of one size",),
        )


def parts_too_small(case: Case) -> Iterator[Diagnostic]:
    """C202: parts of a card (MIG) that together have less memory than a replica needs; the card itself may have it."""
    compute, written = case.model.compute, case.written.compute
    needed = compute.gpu_memory_bytes
    if not needed:
        return
    stated = bool(written and written.gpu and written.gpu.memory)
    for pool in case.pools:
        has = part_bytes(pool)
        if has is not None and has * compute.gpu_count < needed:
            parts = f"{compute.gpu_count} part{'s' * (compute.gpu_count > 1)} of {pool.partition}"
            yield Diagnostic(
                "C202",
                f"`{case.model.name}` cannot fit on pool `{pool.name}`: a replica needs {gib(needed)} of GPU memory",
                (*case.here, *(("compute", "gpu", "memory") if stated else ("weights", "size"))),
                f"{parts} {'have' if compute.gpu_count > 1 else 'has'} {gib(has * compute.gpu_count)}",
                hints=("a larger `accelerator.partition`, or whole GPUs",),
            )


def part_bytes(pool: Pool) -> int | None:
    """Return the memory of a part of a pool's GPUs, as its name says it (`1g.10gb`), or None where they are whole."""
    size = re.fullmatch(r"\d+g\.(\d+)gb(\+.*)?", pool.partition or "") if pool.share == "mig" else None
    return int(size[1]) * 2**30 if size else None


def looks_back_too_far(case: Case) -> Iterator[Diagnostic]:
    """C610: a wait before scaling down that Kubernetes' autoscaler refuses."""
    after = case.model.scale.down_after_seconds
    if after > MOST_DOWN_AFTER:
        yield Diagnostic(
            "C610",
            f"Kubernetes looks back an hour at most, not {format_duration(after)}",
            (*case.here, "scale", "down_after"),
            "at most 1h",
            hints=("a floor for a time of day is a `schedule`",),
        )


def reserved_release(case: Case) -> Iterator[Diagnostic]:
    """C611: a model that would bear the name of a release that all models share, or of another's canary."""
    canaries = {canary.model.name: canary.index for canary in case.blueprint.canaries}
    if case.model.name in canaries:
        message = f"no model can be called `{case.model.name}`"
        other = Label(("models", canaries[case.model.name], "canary"), "this canary is")
        yield Diagnostic("C611", message, (*case.here, "name"), "a canary's name", secondary=(other,))
    if case.model.name in RELEASES:
        message, label = f"no model can be called `{case.model.name}`", f"{RELEASES[case.model.name]} release"
        yield Diagnostic("C611", message, (*case.here, "name"), label)


def reserved_for_pipelines(loaded: Loaded, blueprint: Blueprint) -> Iterator[Diagnostic]:
    """C611: a pipeline that would bear the name of a release that all share, or of a canary."""
    canaries = dict.fromkeys((each.model.name for each in blueprint.canaries), "a canary's")
    for index, each in enumerate(loaded.project.pipelines):
        if owner := (RELEASES | canaries).get(each.name):
            message = f"no pipeline can be called `{each.name}`"
            yield Diagnostic("C611", message, ("pipelines", index, "name"), f"{owner} release")


def unknown_timezone(case: Case) -> Iterator[Diagnostic]:
    """C612: a time zone that there is not: KEDA refuses all of the model's scaling for it."""
    for place, each in enumerate(case.model.scale.schedule):
        if not is_timezone(each.timezone) and is_timezone(ALWAYS):  # else this machine knows none
            from zoneinfo import available_timezones

            guess = closest(each.timezone, sorted(available_timezones()))
            path = (*case.here, "scale", "schedule", place, "timezone")
            label = f"did you mean `{guess}`?" if guess else "such as `Europe/Berlin`"
            yield Diagnostic("C612", f"there is no time zone `{each.timezone}`", path, label)


@cache
def is_timezone(name: str) -> bool:
    """Return whether this machine knows a time zone."""
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return False
    return True


def no_image_volumes(case: Case) -> Iterator[Diagnostic]:
    """C613: weights as an image, on a Kubernetes that drops such a volume without a word."""
    uri = case.written.weights.uri if case.written.weights else None
    if uri and uri.startswith("oci://") and case.kubernetes and minor(case.kubernetes) < minor(IMAGE_VOLUMES):
        yield Diagnostic(
            "C613",
            f"Kubernetes {case.kubernetes} mounts no image: the weights would not be there",
            (*case.here, "weights", "uri"),
            f"from {IMAGE_VOLUMES}",
            secondary=(Label(("platform", "kubernetes"), "the cluster"),),
        )


def minor(version: str) -> int:
    """Return the second number of a version such as `1.35`."""
    return int(version.split(".")[1])


RULES: tuple[Callable[[Case], Iterator[Diagnostic]], ...] = (
    unsaid_metric,
    taken_variables,
    nothing_to_serve,
    never_wakes,
    unspeakable_schedule,
    weights_left_here,
    shared_memory_above_memory,
    parts_and_wholes,
    parts_too_small,
    looks_back_too_far,
    reserved_release,
    unknown_timezone,
    no_image_volumes,
)
