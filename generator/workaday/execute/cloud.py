"""Plan, apply and destroy on a cloud: the bucket that keeps the state first, then everything else in one saved plan."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from workaday.execute.failures import at_its_origin
from workaday.execute.grading import Change
from workaday.execute.offline.tree import copied
from workaday.execute.saved import Planned, forget, take, tree_hash
from workaday.execute.terraform import Event, Terraform, TerraformFailure, find_binary
from workaday.execute.workspace import Folders, Workspace
from workaday.project.diagnostics import Diagnostic, ProjectError

# What `terraform init` says of a bucket that is not there: aws, gcp, azure (its account, then its container).
NO_BUCKET = re.compile(
    r"S3 bucket \S+ does not exist|NoSuchBucket|bucket doesn't exist"
    r"|ContainerNotFound|ResourceNotFound|StorageAccountNotFound|ResourceGroupNotFound|no such host",
)
# A new bucket is not seen everywhere at once.
BUCKET_SEEN_SECONDS = 60.0


def plan(workspace: Workspace) -> Planned:
    """Save a plan for the tree on disk; before there is a bucket for the state, a preview of it.

    Raises ProjectError: what Terraform refuses, at the lines that it comes from.
    """
    with at_its_origin(workspace):
        cluster = cluster_root(workspace)
        if initialised(cluster):
            return Planned(cluster.plan(workspace.saved_plan), tree_hash(workspace))
        bootstrap = bootstrap_root(workspace)
        bootstrap.init()
        changes = bootstrap.plan(workspace.saved_plan)
        return Planned((*changes, *previewed(workspace)), tree_hash(workspace), preview=True)


def still_true(workspace: Workspace, planned: Planned) -> bool:
    """Return whether a saved plan may still be applied: Terraform itself refuses one that the state has left behind."""
    return True


def apply(workspace: Workspace, on_event: Callable[[Event], None]) -> None:
    """Run the saved plan of the cluster root, or of the bootstrap root where that is what was saved.

    Raises ProjectError when a resource failed; what succeeded stays, and the next plan goes on from there.
    """
    with at_its_origin(workspace):
        try:
            cluster_root(workspace).apply(take(workspace), on_event)
        finally:
            forget(workspace)


def make_bucket(workspace: Workspace, on_event: Callable[[Event], None]) -> tuple[Change, ...]:
    """Apply a preview's first half, the state's bucket; save and return the plan of all else, which can be made now.

    Raises ProjectError when the bucket could not be made, or is not seen a minute later.
    """
    with at_its_origin(workspace):
        try:
            bootstrap_root(workspace).apply(take(workspace), on_event)
        finally:
            forget(workspace)
        cluster = cluster_root(workspace)
        end = time.monotonic() + BUCKET_SEEN_SECONDS
        while not initialised(cluster):
            if time.monotonic() > end:
                message = f"the state's bucket was made, but {BUCKET_SEEN_SECONDS:.0f} s later it is not seen"
                raise ProjectError([Diagnostic("X114", message, hints=("run `workaday plan` again in a minute",))])
            time.sleep(2.0)
        return cluster.plan(workspace.saved_plan)


def plan_destroy(folders: Folders) -> tuple[Change, ...]:
    """Save a plan that removes everything but the state's bucket; nothing where there is no such bucket."""
    cluster = cluster_root(folders)
    return cluster.plan(folders.saved_plan, destroy=True) if initialised(cluster) else ()


def destroy(folders: Folders, on_event: Callable[[Event], None]) -> None:
    """Run the plan that `plan_destroy` saved."""
    try:
        cluster_root(folders).apply(take(folders), on_event)
    finally:
        forget(folders)


def previewed(workspace: Workspace) -> tuple[Change, ...]:
    """Return what the cluster root would make from nothing, with a state that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="workaday-preview-") as name:
        folder = Path(name).resolve()
        root = copied(workspace.terraform_root, folder / "tree", folder / "terraform.tfstate")
        preview = Terraform(root, folder / "data", find_binary(workspace.state / "bin"))
        preview.init()
        return preview.plan(folder / "plan")


def initialised(cluster: Terraform) -> bool:
    """Prepare the cluster's root; return whether the bucket that keeps its state is there.

    Raises TerraformFailure: anything else that is wrong.
    """
    try:
        cluster.init()
    except TerraformFailure as failure:
        if not NO_BUCKET.search(failure.output):
            raise
        return False
    return True


def cluster_root(folders: Folders) -> Terraform:
    """Return the adapter for the root of everything but the state's bucket."""
    return Terraform(folders.terraform_root, folders.state / "terraform", find_binary(folders.state / "bin"))


def bootstrap_root(folders: Folders) -> Terraform:
    """Return the adapter for the root of the state's bucket; its own state is a file of this machine."""
    root = folders.tree / "terraform" / "bootstrap"
    return Terraform(root, folders.state / "bootstrap", find_binary(folders.state / "bin"))


def is_cloud(folders: Folders) -> bool:
    """Return whether the tree on disk is a cloud's, without reading the project file."""
    return (folders.tree / "terraform" / "bootstrap").is_dir()
