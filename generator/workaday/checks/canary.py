"""Canaries that get no request, differ in nothing, or are watched in vain (C307 to C310)."""

from __future__ import annotations

from collections.abc import Iterator

from workaday.project.diagnostics import Diagnostic, KeyPath
from workaday.project.schema import Canary, Model, Project
from workaday.project.units import format_duration

# Whoever applies waits for it, and so does everybody else who wants to apply.
MOST_BAKE = 86400.0


def check(project: Project) -> list[Diagnostic]:
    """Return what the rules find in the models' canaries."""
    found = []
    for index, model in enumerate(project.models):
        if model.canary is not None:
            found += list(rules(project, model, model.canary, ("models", index, "canary")))
    return found


def rules(project: Project, model: Model, canary: Canary, here: KeyPath) -> Iterator[Diagnostic]:
    """Yield what every rule finds in one canary; on this machine none runs."""
    if project.gateway is None and project.platform.kind != "local":
        yield from without_requests(canary, here)
    if not any(value for _, value in canary.overrides):
        message = f"the canary of `{model.name}` is the model itself: nothing is otherwise"
        hints = ("say what: `config`, `env`, `weights` or `server`",)
        yield Diagnostic("C308", message, (*here, "overrides"), "empty", hints=hints)
    if canary.bake is not None:
        yield from watched(model, canary.bake, (*here, "bake"))


def without_requests(canary: Canary, here: KeyPath) -> Iterator[Diagnostic]:
    """C307: a share of requests that nothing deals out."""
    key = "shadow" if canary.shadow else "percent"
    if canary.shadow or canary.percent:
        message = f"`{key}` sends nothing to the canary: only a gateway shares requests out"
        hints = ("add a `gateway`, or leave it out: the canary then has an address of its own",)
        yield Diagnostic("C307", message, (*here, key), "there is no `gateway`", "key", hints=hints)


def watched(model: Model, bake: float, here: KeyPath) -> Iterator[Diagnostic]:
    """C309, a warning: a time to watch, and no promise to watch for. C310: a time that nobody waits for."""
    if model.slo is None:
        message, hint = "`bake` watches for what `slo` promises, and there is none", "for example `slo: {p95: 500ms}`"
        yield Diagnostic("C309", message, here, "nobody watches", "key", hints=(hint,), severity="warning")
    if bake > MOST_BAKE:
        message = f"`apply` would wait {format_duration(bake)} for the canary"
        yield Diagnostic("C310", message, here, f"at most {format_duration(MOST_BAKE)}")
