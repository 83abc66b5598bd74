"""Version 0 to 1. Version 0 was never released: it speaks Cortex's words, and proves that migrations work."""

from __future__ import annotations

from .edits import Edit, Gather, Rename, Replace

EDITS: tuple[Edit, ...] = (
    Replace(("version",), {"0": "1"}),
    Rename(("apis",), "models"),
    Rename(("node_groups",), "pools"),
    Rename(("models", "*", "autoscaling"), "scale"),
    Rename(("models", "*", "scale", "min_replicas"), "min"),
    Rename(("models", "*", "scale", "max_replicas"), "max"),
    Rename(("models", "*", "scale", "target_in_flight"), "target"),
    Rename(("models", "*", "compute", "mem"), "memory"),
    Rename(("models", "*", "node_groups"), "pools"),
    Replace(("models", "*", "server", "kind"), {"python": "torch"}),
    Gather(("pools", "*"), {"min_instances": "min", "max_instances": "max"}, "nodes"),
)
