"""Turn a model's `scale` into what KEDA asks Prometheus, and how fast replicas come and go. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator

from workaday.blueprint.model import Model
from workaday.blueprint.runtimes import CPU, RUNTIMES, UNIT_TARGET
from workaday.blueprint.schedule import windows
from workaday.blueprint.serving import Scaling, Wake, Window

# As often as the replicas are scraped: asked more often, the answer is the same.
POLLING_SECONDS = 15
# A burst doubles the replicas at once, or adds four where that is more.
UP_PODS, UP_PERCENT, UP_PERIOD_SECONDS = 4, 100, 15
# Replicas go slowly: one that is missed takes minutes to come back, with its node.
DOWN_PODS, DOWN_PERCENT, DOWN_PERIOD_SECONDS = 1, 10, 60
# A model that sleeps wakes for any load at all.
ACTIVATION = 0.0
# Later than the server's own limit, so that its answer is the one that callers see.
GATEWAY_SLACK_SECONDS = 5


def resolve_scaling(model: Model, namespace: str) -> Scaling:
    """Return what a model's ScaledObject says."""
    scale = model.scale
    query = query_of(model, namespace)
    down_after = math.ceil(scale.down_after_seconds)
    return Scaling(
        min=scale.min,
        max=scale.max,
        query=query,
        threshold=UNIT_TARGET if scale.metric == "latency" and query else scale.target,
        activation=ACTIVATION,
        # with no replica there are no samples, and that is no failure
        empty_is_zero=scale.min == 0,
        polling_seconds=POLLING_SECONDS,
        cooldown_seconds=down_after,
        # what runs goes on running, and at least the fewest: more would start before the first replica has been scraped
        fallback=max(1, scale.min) if query else None,
        up_pods=UP_PODS,
        up_percent=UP_PERCENT,
        up_period_seconds=UP_PERIOD_SECONDS,
        down_after_seconds=min(down_after, 3600),
        down_pods=DOWN_PODS,
        down_percent=DOWN_PERCENT,
        down_period_seconds=DOWN_PERIOD_SECONDS,
        windows=tuple(schedule(model)),
        wake=None if scale.min else wake(model),
    )


def wake(model: Model) -> Wake:
    """Return how a request wakes a model: it is held for as long as loading may take."""
    limits = model.limits
    answer = math.ceil(limits.timeout_seconds) + GATEWAY_SLACK_SECONDS
    return Wake(limits.concurrency, math.ceil(model.load_timeout_seconds), answer)


def query_of(model: Model, namespace: str) -> str | None:
    """Return what Prometheus is asked, or None where a model is scaled on CPU, or on what its server does not say."""
    template = (RUNTIMES[model.kind].signals or {}).get(model.scale.metric)
    if model.scale.metric == CPU or template is None:
        return None
    return template.format(
        of=f'namespace="{namespace}",pod=~"{model.name}-predictor-[a-z0-9]+-[a-z0-9]{{5}}"',
        window=f"{math.ceil(model.scale.window_seconds)}s",
        target=f"{model.scale.target:g}",
    )


def schedule(model: Model) -> Iterator[Window]:
    """Yield a model's floors; those that no crons can say are left out, and a check reports them."""
    for each in model.scale.schedule:
        try:
            found = windows(each.cron, each.for_seconds)
        except ValueError:
            continue
        yield from (Window(start, end, each.timezone, each.min) for start, end in found)
