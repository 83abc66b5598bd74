"""Pipelines in a cluster (C702 to C704): what KServe's graphs cannot say, what shares no pod, what has no image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workaday.blueprint.graphs import Misfit, fit
from workaday.blueprint.pipelines import GRAPH
from workaday.project.diagnostics import Diagnostic, Label

if TYPE_CHECKING:
    from workaday.blueprint.model import Blueprint
    from workaday.project import Loaded


def check(loaded: Loaded, blueprint: Blueprint) -> list[Diagnostic]:
    """Return what every check here finds."""
    return [*graphs(loaded), *pods(loaded), *images(loaded)]


def graphs(loaded: Loaded) -> Iterator[Diagnostic]:
    """C702: `engine: inference_graph` of a pipeline that is none."""
    for index, pipeline in enumerate(loaded.project.pipelines):
        found = fit(pipeline) if pipeline.engine == GRAPH else None
        if isinstance(found, Misfit):
            message = f"`{pipeline.name}` is no InferenceGraph: {found.why}"
            engine = Label(("pipelines", index, "engine"), "asked for here")
            hint = "leave `engine` out: our server runs every pipeline"
            yield Diagnostic("C702", message, ("pipelines", index, *found.path), secondary=(engine,), hints=(hint,))


def pods(loaded: Loaded) -> Iterator[Diagnostic]:
    """C703: models that cannot share a pipeline's pod."""
    models = {each.name: each for each in loaded.project.models}
    holders: dict[str, int] = {}
    for index, pipeline in enumerate(loaded.project.pipelines):
        if not pipeline.together:
            continue
        heavy: str | None = None
        for place, step in enumerate(pipeline.steps):
            model, why = models[step.model], None
            if model.server.kind != "torch":
                why = f"is served by {model.server.kind}, which is another server"
            elif model.canary:
                why = "has a canary, which needs a release of its own"
            elif getattr(model.server, "image", None):
                why = "has an image of its own"
            elif holders.setdefault(model.name, index) != index:
                why = f"is in the pod of `{loaded.project.pipelines[holders[model.name]].name}` already"
            elif model.weights and heavy not in (None, model.name):
                why = f"has weights to fetch, as `{heavy}` has: one address a pod"
            heavy = model.name if model.weights and heavy is None else heavy
            if why:
                together = Label(("pipelines", index, "together"), "the models share one pod")
                message = f"`{model.name}` {why}"
                path = ("pipelines", index, "steps", place, "model")
                yield Diagnostic("C703", message, path, secondary=(together,), hints=("leave `together` out",))


def images(loaded: Loaded) -> Iterator[Diagnostic]:
    """C704: a pipeline none of whose models has an image with our server in it."""
    kinds = {each.name: each.server.kind for each in loaded.project.models}
    for index, pipeline in enumerate(loaded.project.pipelines):
        ours = any(kinds[step.model] == "torch" for step in pipeline.steps)
        if not ours and pipeline.image is None and pipeline.engine != GRAPH:
            message = f"no model of `{pipeline.name}` is `kind: torch`, whose image has the server that runs pipelines"
            hint = "name an image with `workaday-server[pipelines]` in it: `image: registry.example/server:1`"
            yield Diagnostic("C704", message, ("pipelines", index, "name"), hints=(hint,))
