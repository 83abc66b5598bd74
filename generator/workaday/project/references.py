"""Names and what refers to them (C1xx): one function, one code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from . import pipelines
from .diagnostics import Diagnostic, KeyPath, Label
from .limits import CLOUDS, HOST_LABEL, LABEL_VALUE, NAMESPACE, RELEASE, Rule, cluster_name
from .parts import Parts, dangling, items_of
from .sources import child

# What every server answers by itself: the protocols, and what it says of itself.
RESERVED = ("/v1", "/v2", "/metrics", "/openapi.json")


def check(parts: Parts) -> list[Diagnostic]:
    """Return what every check here finds."""
    return [found for each in CHECKS for found in each(parts)]


def duplicate_names(parts: Parts) -> Iterator[Diagnostic]:
    """C101: two pools, models, pipelines or steps of one name."""
    for kind in ("pools", "models", "pipelines"):
        yield from _repeated(parts.data.get(kind), (kind,))
    for index, pipeline in enumerate(items_of(parts.data.get("pipelines"))):
        yield from _repeated(child(pipeline, "steps"), ("pipelines", index, "steps"))
    models = parts.names("models")
    for name, index in parts.names("pipelines").items():
        if name in models:
            path: KeyPath = ("pipelines", index, "name")
            label = Label(("models", models[name], "name"), "a model has it")
            yield Diagnostic(
                "C101", f"`{name}` is a model's name already", path, "rename this pipeline", secondary=(label,)
            )


def _repeated(items: Any, path: KeyPath) -> Iterator[Diagnostic]:
    first: dict[str, int] = {}
    for index, item in enumerate(items_of(items)):
        name = child(item, "name")
        if not isinstance(name, str):
            continue
        if name in first:
            what = str(path[-1]).removesuffix("s")
            label = Label((*path, first[name], "name"), "first given here")
            message = f"two {path[-1]} are called `{name}`"
            yield Diagnostic("C101", message, (*path, index, "name"), f"rename this {what}", secondary=(label,))
        else:
            first[name] = index


def unknown_pools(parts: Parts) -> Iterator[Diagnostic]:
    """C102: a model asks for a pool that there is not."""
    pools = parts.names("pools")
    for index, model in parts.models.items():
        for place, name in enumerate(model.pools or ()):
            if name not in pools:
                path: KeyPath = ("models", index, "pools", place)
                yield dangling("C102", "pool", name, path, pools, parts.removed.get(("pools", name)))


def unknown_models(parts: Parts) -> Iterator[Diagnostic]:
    """C103: a step calls a model that there is not."""
    models = parts.names("models")
    for index, pipeline in parts.pipelines.items():
        for place, step in enumerate(pipeline.steps):
            if step.model not in models:
                path: KeyPath = ("pipelines", index, "steps", place, "model")
                yield dangling("C103", "model", step.model, path, models, parts.removed.get(("models", step.model)))


def long_names(parts: Parts) -> Iterator[Diagnostic]:
    """C106: names that are too long, most of them once they are prefixed; those that we may cut are not here."""
    kind = getattr(parts.platform, "kind", "local")
    if kind == "local":
        return
    namespace, name = parts.data.get("namespace"), parts.data.get("name")
    if isinstance(namespace, str) and len(namespace) > NAMESPACE.most:
        yield from _too_long(("namespace",), namespace, namespace, NAMESPACE)
    else:
        for index, model in parts.models.items():
            served = f"{model.name}-canary" if model.canary else model.name
            label = f"{served}-predictor-{parts.namespace}"
            yield from _too_long(("models", index, "name"), model.name, label, HOST_LABEL)
    for index, pipeline in parts.pipelines.items():
        yield from _too_long(("pipelines", index, "name"), pipeline.name, pipeline.name, RELEASE)
    for index, pool in parts.pools.items():
        yield from _too_long(("pools", index, "name"), pool.name, pool.name, LABEL_VALUE)
    if kind in CLOUDS and isinstance(name, str):
        yield from _too_long(("name",), name, cluster_name(name, parts.env), CLOUDS[kind]["cluster"])


def _too_long(path: KeyPath, name: str, made: str, rule: Rule) -> Iterator[Diagnostic]:
    over = len(made) - rule.most
    if over <= 0:
        return
    message = f"`{name}` is too long by {over} character{'s' if over > 1 else ''}"
    becomes = f"; it becomes `{made}` ({len(made)})" if made != name else ""
    hint = f"{rule.called} has at most {rule.most} characters{becomes}"
    label = f"at most {len(name) - over} here" if over < len(name) else "shorten what it is joined to"
    yield Diagnostic("C106", message, path, label, hints=(hint,))


def ranges(parts: Parts) -> Iterator[Diagnostic]:
    """C107: a least that is more than the most."""
    for index, pool in parts.pools.items():
        nodes = pool.nodes
        if nodes and nodes.min is not None and nodes.min > nodes.max:
            yield _backwards(("pools", index, "nodes"), nodes.min, nodes.max)
        if nodes and pool.spot and (pool.spot.on_demand_base or 0) > nodes.max:
            path: KeyPath = ("pools", index, "spot", "on_demand_base")
            label = Label(("pools", index, "nodes", "max"), "the most nodes of any kind")
            message = f"{pool.spot.on_demand_base} nodes on demand are more than the pool has"
            yield Diagnostic("C107", message, path, f"at most {nodes.max}", secondary=(label,))
    for index, model in parts.models.items():
        scale = model.scale
        if scale and scale.min is not None and scale.max is not None and scale.min > scale.max:
            yield _backwards(("models", index, "scale"), scale.min, scale.max)
        for place, each in enumerate(scale.schedule if scale else ()):
            if scale and scale.max is not None and each.min > scale.max:
                path = ("models", index, "scale", "schedule", place, "min")
                label = Label(("models", index, "scale", "max"), "the most replicas")
                message = f"the schedule's `min: {each.min}` is more than `max: {scale.max}`"
                yield Diagnostic("C107", message, path, f"at most {scale.max}", secondary=(label,))
        traffic = model.traffic
        if traffic and traffic.mean_rps and traffic.peak_rps and traffic.mean_rps > traffic.peak_rps:
            path = ("models", index, "traffic", "mean_rps")
            label = Label(("models", index, "traffic", "peak_rps"), "the busiest")
            message = f"the mean, {traffic.mean_rps:g}, is more than the peak, {traffic.peak_rps:g}"
            yield Diagnostic("C107", message, path, f"at most {traffic.peak_rps:g}", secondary=(label,))


def _backwards(path: KeyPath, low: int, high: int) -> Diagnostic:
    label = Label((*path, "max"), "the most")
    return Diagnostic(
        "C107", f"`min: {low}` is more than `max: {high}`", (*path, "min"), f"at most {high}", secondary=(label,)
    )


def shared_routes(parts: Parts) -> Iterator[Diagnostic]:
    """C111: two models or pipelines at one path."""
    taken: dict[str, KeyPath] = {}
    for kind in ("models", "pipelines"):
        for index, item in enumerate(items_of(parts.data.get(kind))):
            path = child(child(item, "route"), "path")
            if not isinstance(path, str):
                continue
            here: KeyPath = (kind, index, "route", "path")
            if path in taken:
                label = Label(taken[path], "first given here")
                yield Diagnostic(
                    "C111", f"two routes lead from `{path}`", here, "give it its own path", secondary=(label,)
                )
            taken.setdefault(path, here)


def reserved_routes(parts: Parts) -> Iterator[Diagnostic]:
    """C115: a model or pipeline, by its path or its name, where servers answer by themselves."""
    for kind in ("models", "pipelines"):
        for index, item in enumerate(items_of(parts.data.get(kind))):
            written, name = child(child(item, "route"), "path"), child(item, "name")
            path = written or f"/{name}"
            own = next((each for each in RESERVED if f"{path}/".startswith(f"{each}/")), None)
            if own:
                here: KeyPath = (kind, index, "route", "path") if written else (kind, index, "name")
                label = f"`{own}` and what is below it are the servers' own"
                yield Diagnostic("C115", f"`{path}` cannot lead to a {kind[:-1]}", here, label)


def shadowed_variables(parts: Parts) -> Iterator[Diagnostic]:
    """C112: an environment variable that is both written and taken from a Secret."""
    for index, model in parts.models.items():
        for name in sorted(set(model.env) & set(model.secrets)):
            label = Label(("models", index, "env", name), "also given here", "key")
            path: KeyPath = ("models", index, "secrets", name)
            yield Diagnostic("C112", f"`{name}` is given twice", path, "remove one of them", "key", secondary=(label,))


def foreign_zones(parts: Parts) -> Iterator[Diagnostic]:
    """C113: a zone of another region, or of another cloud."""
    region = getattr(parts.platform, "region", None)
    kind = getattr(parts.platform, "kind", "")
    if not isinstance(region, str):
        return
    # azure's zones are `1`, `2`, `3` in every region
    form = "[123]" if kind == "azure" else rf"{re.escape(region)}([a-z]|-[a-z0-9-]+)"
    example = {"azure": "1", "gcp": f"{region}-a"}.get(kind, f"{region}a")
    zones = getattr(parts.platform, "zones", None)
    places: list[tuple[KeyPath, str]] = []
    if isinstance(zones, tuple):
        places += [(("platform", "zones", place), zone) for place, zone in enumerate(zones)]
    for index, pool in parts.pools.items():
        places += [(("pools", index, "zones", place), zone) for place, zone in enumerate(pool.zones or ())]
    for path, zone in places:
        if not re.fullmatch(form, zone):
            label = Label(("platform", "region"), "the region")
            message = f"`{zone}` is no zone of `{region}`"
            yield Diagnostic("C113", message, path, f"for example `{example}`", secondary=(label,))


CHECKS: tuple[Callable[[Parts], Iterator[Diagnostic]], ...] = (
    duplicate_names,
    unknown_pools,
    unknown_models,
    pipelines.unknown_steps,
    pipelines.cycles,
    long_names,
    ranges,
    shared_routes,
    reserved_routes,
    shadowed_variables,
    foreign_zones,
    pipelines.conditions,
    pipelines.reserved_steps,
)
