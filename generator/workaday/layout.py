"""Where an environment's files lie, relative to project.yaml: rendered by one room, opened by another."""

from __future__ import annotations

TREES = "deploy"
DEFAULT_STAGE = "default"  # project.yaml alone


def tree_dir(stage: str) -> str:
    """Return the folder of the rendered tree: reviewable, perhaps committed."""
    return f"{TREES}/{stage}"


def state_dir(stage: str) -> str:
    """Return the folder of run-time state: never rendered, never committed."""
    return f".workaday/{stage}"
