"""Watch a canary once requests reach it, and send none to it any more where it breaks its model's `slo`."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workaday.execute import existing, identities, judging, kube, prometheus, releases
from workaday.execute.edits import changed
from workaday.execute.judging import Tally
from workaday.project.diagnostics import Diagnostic, ProjectError

if TYPE_CHECKING:
    from workaday.blueprint.runtimes import Outcomes
    from workaday.blueprint.serving import Canary
    from workaday.execute.existing import OnEvent, Place
    from workaday.execute.releases import Deployed, Wanted
    from workaday.execute.workspace import Workspace

ASK_SECONDS = 5.0  # requests are scraped every 15 s, by pods at different moments
LOST_SECONDS = 60.0  # how long Prometheus may be away
SCRAPED_SECONDS = 60.0  # how far back of the beginning a pod's last sample may be
NOWHERE = 0.0


def unwatched(canary: Canary) -> str:
    """Return why nobody watches a canary, or ""."""
    from workaday.blueprint.runtimes import RUNTIMES

    if not canary.promise:
        return f"`{canary.of}` has no `slo` to keep"
    if RUNTIMES[canary.model.kind].outcomes is None:
        return f"`{canary.model.kind}` says nothing of its requests"
    return ""


async def watch(canary: Canary, place: Place, on_event: OnEvent) -> str | None:
    """Watch a canary for as long as it is to be watched; return how it broke its model's promise, or None."""
    from workaday.blueprint.runtimes import RUNTIMES

    name, began = canary.serving.release, time.monotonic()
    outcomes = RUNTIMES[canary.model.kind].outcomes
    if (why := unwatched(canary)) or outcomes is None:
        on_event(existing.Event(name, "unwatched", said=why))
        return None
    on_event(existing.Event(name, "watched", said=f"for {canary.bake_seconds:g} s"))
    answered, tally = began, None
    error: Exception | None = None
    while (passed := time.monotonic() - began) < canary.bake_seconds:
        await asyncio.sleep(min(ASK_SECONDS, canary.bake_seconds - passed))
        try:
            tally = await asyncio.to_thread(count, place, canary, outcomes, passed + SCRAPED_SECONDS)
        except (kube.Unreachable, ProjectError) as refusal:
            error = refusal
            if isinstance(error, ProjectError) or time.monotonic() - answered >= LOST_SECONDS:
                break
            continue
        answered, error = time.monotonic(), None
        if broken := judging.broken(canary.promise, tally):
            return broken
    seconds = time.monotonic() - began
    if error or tally is None:
        on_event(existing.Event(name, "unwatched", seconds, said=f"Prometheus does not answer: {said_by(error)}"))
        return None
    said = f"{tally.requests:.0f} requests, as promised" if tally.requests else "no request came: nothing is known"
    on_event(existing.Event(name, "kept", seconds, said=said))
    return None


def said_by(error: Exception | None) -> str:
    """Return an error's words."""
    return error.diagnostics[0].message if isinstance(error, ProjectError) else str(error)


def count(place: Place, canary: Canary, outcomes: Outcomes, window_seconds: float) -> Tally:
    """Return how the requests of a canary's newest revision ended.

    Raises:
        kube.Unreachable: there is no Prometheus, or it does not answer.
        ProjectError: X183, it may not be asked.
    """
    selector = judging.selector(place.namespace, pattern(place, canary))
    asked = judging.queries(outcomes, selector, window_seconds)
    found = {name: prometheus.ask(place.cluster, query) for name, query in asked.items()}
    numbers = {name: sum(value for _, value in samples) for name, samples in found.items()}
    buckets = {float(labels["le"]): value for labels, value in found.get("buckets", ())}
    return Tally(numbers["requests"], numbers.get("failed"), buckets)


def pattern(place: Place, canary: Canary) -> str:
    """Return what the names of a canary's pods match, those of its earlier revisions left out."""
    deployment = f"{canary.model.name}-predictor"
    pods = place.cluster.every(kube.POD, place.namespace, {"app": f"isvc.{deployment}"})
    stay = [each["metadata"]["name"] for each in pods if not each["metadata"].get("deletionTimestamp")]
    sets = sorted({name.rpartition("-")[0] for name in stay}) or [deployment]
    return f"({'|'.join(sets)})-[a-z0-9]+"


def withdrawn(workspace: Workspace, canary: Canary, wanted: Wanted) -> tuple[Wanted, str]:
    """Have the project file send no request to a canary, and render it; return its model's release, and what was done.

    Where the file cannot say so, the release is changed alone.
    """
    from workaday.execute.deploy import write_tree
    from workaday.execute.workspace import open_workspace
    from workaday.layout import DEFAULT_STAGE
    from workaday.project.rewriting import rewritten

    places = workspace.loaded.sources.written(("models", canary.index, "canary"))
    try:
        ((document, own),) = places
        text = rewritten(document, {(*own, "percent"): 0})
        stage = None if workspace.stage == DEFAULT_STAGE else workspace.stage
        with changed(document, text):
            edited = open_workspace(workspace.loaded.sources.base.path, stage)
            write_tree(edited)
            (again,) = (each for each in identities.wanted_of(edited) if each.name == wanted.name)
            if weight(again) != NOWHERE:
                raise ValueError("something else says the percentage")
    except (ProjectError, OSError, ValueError):
        return without(wanted), "project.yaml still has its percentage: set `canary.percent` to 0 before the next apply"
    return again, f"{document.file} has `percent: 0` now"


def routed(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a release's values say of the requests to a canary."""
    model: Mapping[str, Any] = next(iter(values.get("models") or ()), {})
    return (model.get("route") or {}).get("canary") or {}


def sends_anew(wanted: Wanted, deployed: Deployed | None) -> bool:
    """Return whether a release makes a canary new, or what is sent to one: a model's own change is not watched."""
    if deployed is None or not routed(wanted.values):
        return True
    return routed(wanted.values) != routed(deployed.values)


def weight(wanted: Wanted) -> float:
    """Return the percentage that a model's release sends to its canary."""
    return float(routed(wanted.values).get("percent", NOWHERE))


def without(wanted: Wanted) -> Wanted:
    """Return a model's release that sends nothing to its canary."""
    values: dict[str, Any] = copy.deepcopy(dict(wanted.values))
    route = values["models"][0]["route"]
    if "canary" in route:
        route["canary"]["percent"] = NOWHERE
    return replace(wanted, values=values, digest=releases.digest_of(values, wanted.chart))


def finding(canary: Canary, broken: str, done: str) -> Diagnostic:
    """Return that a canary broke its model's promise, and what was done."""
    message = f"the canary of `{canary.of}` breaks its `slo`: {broken}; it gets no requests any more"
    hints = (
        done,
        f"its replicas are still there: `kubectl logs -l app=isvc.{canary.model.name}-predictor`",
        f"with a better one, take `percent: 0` out; to be rid of it, remove `canary` from `{canary.of}`",
    )
    return Diagnostic("X189", message, ("models", canary.index, "canary"), hints=hints)
