"""Plan, apply and destroy on a cloud: the bucket that keeps the state first, then all of Terraform in one saved plan.

Then what is in the cluster, as in one that was there already (execute/existing.py): add-ons, then models. What it runs
is asked once there is a cluster; before, all of that is new.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from workaday.execute import existing, stages
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
CLUSTERS = ("aws_eks_cluster", "google_container_cluster", "azurerm_kubernetes_cluster")
# A new bucket is not seen everywhere at once.
BUCKET_SEEN_SECONDS = 60.0


def plan(workspace: Workspace, only: str | None = None) -> Planned:
    """Save a plan for the tree on disk, of all or of one stage; before there is a bucket for the state, a preview.

    Raises ProjectError: what Terraform or the cluster refuses, at the lines that it comes from.
    """
    if only not in (None, stages.INFRA):
        return existing.plan(at_its_cluster(workspace), only)
    with at_its_origin(workspace):
        cluster = cluster_root(workspace)
        if initialised(cluster):
            made = cluster.plan(workspace.saved_plan)
            found = stages.chosen((*made, *afterwards(workspace, made, only)), only, workspace)
            return Planned(found, tree_hash(workspace), only=only)
        bootstrap = bootstrap_root(workspace)
        bootstrap.init()
        changes = (*bootstrap.plan(workspace.saved_plan), *previewed(workspace), *from_nothing(workspace))
        return Planned(stages.chosen(changes, only, workspace), tree_hash(workspace), preview=True, only=only)


def still_true(workspace: Workspace, planned: Planned) -> bool:
    """Return whether a saved plan may still be applied: Terraform itself refuses one that the state has left behind.

    What is in the cluster is compared again when it is its turn.
    """
    return True


def apply(workspace: Workspace, on_event: Callable[[Any], None], planned: Planned | None = None) -> None:
    """Run the saved plan of the cluster root; then make the cluster run what the tree says.

    Raises ProjectError when something failed; what succeeded stays, and the next plan goes on from there.
    """
    only = planned.only if planned else None
    if planned is None or any(stages.is_infra(each) for each in planned.changes):
        with at_its_origin(workspace):
            try:
                cluster_root(workspace).apply(take(workspace), on_event)
            finally:
                forget(workspace)
    forget(workspace)
    if only != stages.INFRA:
        at_its_cluster(workspace)
        existing.save(workspace, ())
        existing.apply(workspace, on_event, planned)


def at_its_cluster(workspace: Workspace) -> Workspace:
    """Have this run's own kubeconfig, whatever the shell's is, and models' identities; return the workspace.

    Raises ProjectError: X152, there is no cluster; or as the cloud or Terraform says.
    """
    from workaday.execute import identities, kubeconfig

    kubeconfig.own(workspace)
    if workspace.blueprint.platform == "azure":
        with at_its_origin(workspace):
            cluster = cluster_root(workspace)
            if initialised(cluster):
                identities.learn(workspace, cluster)
    return workspace


def afterwards(workspace: Workspace, made: Sequence[Change], only: str | None) -> tuple[Change, ...]:
    """Return what is done in the cluster after Terraform: what differs there, or all where there is none yet.

    Raises ProjectError: X194, the cluster would skip a version; or as `existing.plan`.
    """
    if only == stages.INFRA:
        return ()
    if any(each.kind in CLUSTERS and each.action in ("create", "replace") for each in made):
        return from_nothing(workspace)
    from workaday.execute import refusals, upgrading

    with refusals.at_its_origin(workspace):
        place = existing.place_of(at_its_cluster(workspace))
        upgrading.refuse_skipped(workspace, place)
        return existing.changes(workspace, place)


def from_nothing(workspace: Workspace) -> tuple[Change, ...]:
    """Return what is done in a new cluster."""
    from workaday.execute import addons, identities, releases

    beside = addons.changes(addons.wanted_of(workspace.tree), {}, {}, "")
    return (*beside, *releases.changes(identities.wanted_of(workspace), {}, {}, ""))


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
        return (*cluster.plan(workspace.saved_plan), *from_nothing(workspace))


def plan_destroy(folders: Folders) -> tuple[Change, ...]:
    """Save a plan that removes everything but the state's bucket; nothing where there is no such bucket."""
    cluster = cluster_root(folders)
    return cluster.plan(folders.saved_plan, destroy=True) if initialised(cluster) else ()


def empty(workspace: Workspace, on_event: Callable[[Any], None], only: str | None = None) -> None:
    """Remove what is in the cluster: models, then add-ons, with the nodes, load balancers and disks that they had.

    Raises ProjectError: X195, something is left that Terraform would trip over; or as `existing.destroy`.
    """
    from workaday.execute import installed, kubeconfig, refusals

    try:
        kubeconfig.own(workspace)
    except ProjectError as error:
        if error.diagnostics[0].code == "X152":  # there is no cluster, or none any more
            return
        raise
    existing.destroy(workspace, on_event, only)
    if only is None:
        with refusals.at_its_origin(workspace):
            installed.refuse_left(existing.place_of(workspace).cluster)


def destroy(folders: Folders, on_event: Callable[[Any], None]) -> None:
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
