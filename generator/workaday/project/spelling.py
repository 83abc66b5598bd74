"""What a misspelt word was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable

# what other tools call the same thing
ALSO_CALLED = {
    "type": "kind",
    "provider": "kind",
    "cloud": "kind",
    "replicas": "scale",
    "autoscaling": "scale",
    "min_replicas": "min",
    "max_replicas": "max",
    "min_instances": "min",
    "max_instances": "max",
    "load_timeout": "startup_timeout",
    "initial_delay": "startup_timeout",
    "target_in_flight": "target",
    "max_concurrency": "concurrency",
    "max_queue_length": "queue",
    "node_groups": "pools",
    "node_pools": "pools",
    "instance_type": "instances",
    "instance_types": "instances",
    "resources": "compute",
    "mem": "memory",
    "ram": "memory",
    "vcpu": "cpu",
    "cpus": "cpu",
    "gpus": "gpu",
    "path": "predictor",
    "endpoint": "route",
    "url": "uri",
    "apis": "models",
    "services": "models",
    "location": "region",
    "project_id": "project",
    "subscription_id": "subscription",
    "max_batch_size": "max_size",
    "batch_interval": "max_wait",
    "depends_on": "after",
    "needs": "after",
    "environment": "env",
    "tz": "timezone",
    "time_zone": "timezone",
}


def meant(word: str, choices: Iterable[str], otherwise: str = "") -> str:
    """Return the question whether the closest choice was meant, or what to say where none is close."""
    guess = closest(word, choices)
    return f"did you mean `{guess}`?" if guess else otherwise


def closest(word: str, choices: Iterable[str], likeness: float = 0.6) -> str:
    """Return the choice that was probably meant, or an empty text; a `likeness` of 1 is the same word."""
    from difflib import get_close_matches

    known = list(choices)
    folded = {choice.lower().replace("-", "_"): choice for choice in known}
    wanted = word.lower().replace("-", "_")
    if wanted in folded:
        return folded[wanted]
    if ALSO_CALLED.get(wanted) in known:
        return ALSO_CALLED[wanted]
    matches = get_close_matches(wanted, folded, n=1, cutoff=likeness)
    return folded[matches[0]] if matches else ""
