"""Plan, apply and destroy on the local platform: what Terraform's state cannot see is looked at first."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable

from workaday.execute import probe
from workaday.execute import process as processes
from workaday.execute.failures import at_its_origin
from workaday.execute.saved import Planned, forget, take, tree_hash
from workaday.execute.terraform import Event, Terraform, TerraformFailure, find_binary
from workaday.execute.workspace import Folders, Workspace
from workaday.project.diagnostics import Diagnostic, ProjectError
from workaday.resources import bundle


def plan(workspace: Workspace) -> Planned:
    """Look at what runs, and save a plan for the tree on disk.

    Raises ProjectError (a taken port, no Terraform, what Terraform refuses).
    """
    dead = probe.dead_resources(workspace)
    check_ports(workspace)
    terraform = terraform_of(workspace)
    with at_its_origin(workspace):
        terraform.init()
        changes = terraform.plan(workspace.saved_plan, variables=variables(), replace=dead)
    return Planned(changes, tree_hash(workspace), dead)


def still_true(workspace: Workspace, planned: Planned) -> bool:
    """Return whether a saved plan still says what `plan` would say now: the same processes are dead."""
    return planned.dead == probe.dead_resources(workspace)


def apply(workspace: Workspace, on_event: Callable[[Event], None]) -> None:
    """Run the saved plan.

    Raises ProjectError when a resource failed; what succeeded stays, and the next plan goes on from there.
    """
    check_ports(workspace)
    try:
        with at_its_origin(workspace):
            terraform_of(workspace).apply(take(workspace), on_event)
    finally:
        forget(workspace)


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


def terraform_of(folders: Folders) -> Terraform:
    """Return the adapter for this environment's root."""
    binary = find_binary(folders.state / "bin")
    return Terraform(folders.terraform_root, folders.state / "terraform", binary)


def variables() -> dict[str, str]:
    """Return what the rendered root cannot know: this machine's interpreter and our own files."""
    return {"python": sys.executable, "server_source": str(bundle())}


def check_ports(workspace: Workspace) -> None:
    """Find ports that something other than our own servers holds, before anything is stopped for them.

    Raises ProjectError (L101) that names each owner.
    """
    states = [processes.live_state(run) for run in (workspace.state / "run").glob("*")]
    ours = {state.get(key) for state in states for key in ("port", "grpc_port")}
    taken = [
        Diagnostic(
            code="L101",
            message=f"port {port} is taken by {processes.port_owner(port)}",
            path=("platform", "port"),
            label=f"process `{process.name}` wants {process.host}:{port}",
            hints=("stop that process (`kill PID`), or set another `platform.port`",),
        )
        for process in workspace.blueprint.processes
        for port in (process.port, process.grpc_port)
        if port is not None and port not in ours and not processes.port_is_free(process.host, port)
    ]
    if taken:
        raise ProjectError(taken, workspace.loaded.sources)
