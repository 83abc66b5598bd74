"""Plan and apply one environment: render, then what its platform needs, one Workaday at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

from workaday.execute import saved
from workaday.execute.saved import Planned
from workaday.execute.workspace import Folders, Workspace
from workaday.project.diagnostics import Diagnostic, ProjectError, mistake


def platform_of(workspace: Workspace) -> ModuleType:
    """Return the room that plans and applies on this project's platform."""
    if workspace.blueprint.cloud:
        from workaday.execute import cloud

        return cloud
    if workspace.blueprint.platform == "existing":
        from workaday.execute import existing

        return existing
    from workaday.execute import local

    return local


def plan(workspace: Workspace, only: str | None = None) -> Planned:
    """Write the tree and save a plan for it, or for one stage or model of it.

    Raises ProjectError (a hand-edited tree, no Terraform, what Terraform or the cluster refuses; X196, no such stage).
    """
    room = platform_of(workspace)
    if only is not None and workspace.blueprint.platform == "local":
        raise mistake("X196", "on this machine there is one stage: it is planned as a whole", "leave `--only` out")
    write_tree(workspace)
    saved.forget(workspace)
    planned: Planned = room.plan(workspace, only) if only else room.plan(workspace)
    saved.remember(workspace, planned)
    return planned


def apply(workspace: Workspace, planned: Planned, on_event: Callable[[Any], None]) -> None:
    """Run a saved plan.

    Raises ProjectError: something failed; what was done stays, and the next run goes on from there.
    """
    room = platform_of(workspace)
    if workspace.blueprint.platform == "local":
        room.apply(workspace, on_event)
    else:
        room.apply(workspace, on_event, planned)


def write_tree(workspace: Workspace) -> None:
    """Write the tree that the project describes.

    Raises ProjectError: the tree was edited by hand (T101), or cannot be written.
    """
    from workaday.render import render
    from workaday.render.tree import write

    write(workspace.tree, render(workspace.blueprint))


def saved_plan(workspace: Workspace, only: str | None = None) -> Planned | None:
    """Return the saved plan if it still says what `plan` would say now, and is about `only`, where that is said."""
    from workaday.render import render
    from workaday.render.tree import compare

    planned = saved.remembered(workspace)
    if planned is None or (only and planned.only != only):
        return None
    if compare(workspace.tree, render(workspace.blueprint)).changed:
        return None
    return planned if platform_of(workspace).still_true(workspace, planned) else None


def hold(folders: Folders) -> None:
    """Be the only one that plans, applies or destroys in this project, until this process ends, however it ends.

    Raises ProjectError (X106) when another Workaday is at work there.
    """
    folder = os.open(folders.root, os.O_RDONLY)  # never closed: the kernel frees the lock with the process
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        hint = "wait until it has ended, then run `workaday plan` again"
        finding = Diagnostic(code="X106", message="another workaday is at work in this project", hints=(hint,))
        raise ProjectError([finding]) from None
