"""Plan, apply and destroy one environment: render, probe, Terraform, in that order."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from workaday.execute import probe
from workaday.execute import process as processes
from workaday.execute.failures import at_its_origin
from workaday.execute.terraform import Event, ResourceChange, Terraform, TerraformFailure, find_binary
from workaday.execute.workspace import Folders, Workspace
from workaday.project.diagnostics import Diagnostic, ProjectError
from workaday.resources import bundle


@dataclass(frozen=True)
class Planned:
    """A saved plan.

    Attributes:
        changes: what it does, by address.
        tree: hash of the rendered tree that it was made from.
        dead: addresses that were found dead and will be replaced.
    """

    changes: tuple[ResourceChange, ...]
    tree: str
    dead: tuple[str, ...]


def plan(workspace: Workspace) -> Planned:
    """Render the tree, look at what runs, and save a plan.

    Raises ProjectError (a hand-edited tree, a taken port, no Terraform) and TerraformFailure.
    """
    from workaday.render import render
    from workaday.render.tree import write

    write(workspace.tree, render(workspace.blueprint))
    dead = probe.dead_resources(workspace)
    check_ports(workspace)
    terraform = terraform_of(workspace)
    with at_its_origin(workspace):
        terraform.init()
        changes = terraform.plan(workspace.saved_plan, variables=variables(), replace=dead)
    planned = Planned(changes, tree_hash(workspace), dead)
    description(workspace).write_text(json.dumps(asdict(planned), indent=2) + "\n")
    return planned


def saved_plan(workspace: Workspace) -> Planned | None:
    """Return the saved plan if it still says what `plan` would say now: same tree, same dead processes."""
    from workaday.render import render
    from workaday.render.tree import compare

    try:
        raw = json.loads(description(workspace).read_text())
        changes = tuple(ResourceChange(**each) for each in raw["changes"])
        planned = Planned(changes, raw["tree"], tuple(raw["dead"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    if not workspace.saved_plan.exists() or compare(workspace.tree, render(workspace.blueprint)).changed:
        return None
    fresh = planned.tree == tree_hash(workspace) and planned.dead == probe.dead_resources(workspace)
    return planned if fresh else None


def apply(workspace: Workspace, on_event: Callable[[Event], None]) -> None:
    """Run the saved plan; each plan runs once.

    Raises TerraformFailure when a resource failed; what succeeded stays, and the next plan goes on from there.
    """
    check_ports(workspace)
    terraform = terraform_of(workspace)
    try:
        with at_its_origin(workspace):
            terraform.apply(workspace.saved_plan, on_event)
    finally:
        forget_plan(workspace)


def destroy(folders: Folders, on_event: Callable[[Event], None]) -> None:
    """Stop and remove all that `apply` made, then sweep what a killed run may have left outside of Terraform's state.

    It needs no readable project file and no sound tree: what runs is known from Terraform's state and the run folders,
    and where Terraform cannot go on, the sweep alone leaves nothing.
    """
    if probe.resources_in_state(folders) and folders.terraform_root.is_dir():
        with contextlib.suppress(TerraformFailure):
            terraform = terraform_of(folders)
            terraform.init()
            terraform.plan(folders.saved_plan, variables=variables(), destroy=True)
            terraform.apply(folders.saved_plan, on_event)
    probe.stop_leftovers(folders)
    shutil.rmtree(folders.state, ignore_errors=True)
    if folders.state.parent.is_dir() and not any(folders.state.parent.iterdir()):
        folders.state.parent.rmdir()


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


def terraform_of(folders: Folders) -> Terraform:
    """Return the adapter for this environment's cluster root."""
    binary = find_binary(folders.state / "bin")
    return Terraform(folders.terraform_root, folders.state / "terraform", binary)


def variables() -> dict[str, str]:
    """Return what the rendered root cannot know: this machine's interpreter and our own files."""
    return {"python": sys.executable, "server_source": str(bundle())}


def check_ports(workspace: Workspace) -> None:
    """Find ports that something other than our own servers holds, before anything is stopped for them.

    Raises ProjectError (L101) that names each owner.
    """
    ours = {processes.live_state(run).get("port") for run in (workspace.state / "run").glob("*")}
    taken = [
        Diagnostic(
            code="L101",
            message=f"port {process.port} is taken by {processes.port_owner(process.port)}",
            path=("platform", "port"),
            label=f"process `{process.name}` wants {process.host}:{process.port}",
            hints=("stop that process (`kill PID`), or set another `platform.port`",),
        )
        for process in workspace.blueprint.processes
        if process.port not in ours and not processes.port_is_free(process.host, process.port)
    ]
    if taken:
        raise ProjectError(taken, workspace.loaded.sources)


def description(folders: Folders) -> Path:
    """Return the file beside the saved plan that says what it was made from."""
    return folders.saved_plan.with_suffix(".json")


def forget_plan(folders: Folders) -> None:
    """Remove the saved plan: a plan runs once."""
    folders.saved_plan.unlink(missing_ok=True)
    description(folders).unlink(missing_ok=True)


def tree_hash(folders: Folders) -> str:
    """Return a hash of all that was rendered: the lock lists every file's own."""
    return hashlib.sha256((folders.tree / "tree.lock").read_bytes()).hexdigest()
