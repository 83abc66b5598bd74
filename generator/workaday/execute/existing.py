"""Plan, apply and destroy in a cluster that is already there: a Helm release for each add-on and model, no Terraform.

The cluster itself is the only state. What it runs is read from the releases (execute/releases.py), how far a release is
from its objects (execute/rollout.py); so a run that was killed is gone on with by the next one, on any machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workaday.catalog.addons import pins
from workaday.execute import identities, kube, releases, stages
from workaday.execute.grading import Change
from workaday.execute.releases import Deployed, Wanted
from workaday.execute.rollout import Seen, Standing, standing
from workaday.execute.saved import Planned, forget, take, tree_hash
from workaday.project.diagnostics import Diagnostic, KeyPath, ProjectError

if TYPE_CHECKING:
    from workaday.execute.workspace import Folders, Workspace

KIND: KeyPath = ("platform", "kind")


@dataclass(frozen=True)
class Event:
    """Something that happened to a release.

    Attributes:
        release: its name.
        what: `sent`, `waiting`, `ready`, `failed`, `rolled back` or `removed`; of a canary `watched`, `kept` or
            `unwatched`.
        seconds: since it was begun.
        standing: how far it is, or None where there is nothing to wait for.
        said: more words, or "".
    """

    release: str
    what: str
    seconds: float = 0.0
    standing: Standing | None = None
    said: str = ""


OnEvent = Callable[[Event], None]


@dataclass(frozen=True)
class Place:
    """Where a project's releases are.

    Attributes:
        cluster: its API server.
        namespace: the project's.
        owner: the project and its environment, by which releases are told from others'.
    """

    cluster: kube.Cluster
    namespace: str
    owner: str


def place_of(workspace: Workspace) -> Place:
    """Return where a project's releases are; nothing is asked of the cluster yet.

    Raises:
        ProjectError: X181, there is no such context.
    """
    blueprint = workspace.blueprint
    owner = f"{blueprint.name}/{blueprint.stage}"
    cloud = blueprint.cloud
    if cloud is not None:
        cluster = kube.opened(str(workspace.state / "kubeconfig"), cloud.name, KIND)
        return Place(cluster, blueprint.namespace, owner)
    platform = workspace.loaded.project.platform
    assert platform.kind == "existing"
    named = platform.kubeconfig
    path = str(workspace.root / Path(named).expanduser()) if named else None
    return Place(kube.opened(path, platform.context), blueprint.namespace, owner)


def plan(workspace: Workspace, only: str | None = None) -> Planned:
    """Compare the tree on disk with what the cluster runs, and save what differs, of all or of one stage.

    Raises:
        ProjectError: the cluster cannot be reached (X181, X182), may not be read (X183), or holds a release of the same
            name that is somebody else's (X186).
    """
    from workaday.execute.refusals import at_its_origin

    with at_its_origin(workspace):
        found = stages.chosen(changes(workspace, place_of(workspace)), only, workspace)
    save(workspace, found)
    return Planned(found, tree_hash(workspace), only=only)


def save(workspace: Workspace, found: Sequence[Change]) -> None:
    """Write a plan of releases: there is nothing in it but what it says."""
    workspace.saved_plan.parent.mkdir(parents=True, exist_ok=True)
    workspace.saved_plan.write_text("".join(f"{each.action} {each.address}\n" for each in found))


def still_true(workspace: Workspace, planned: Planned) -> bool:
    """Return whether a saved plan still says what `plan` would say now."""
    from workaday.execute.refusals import at_its_origin

    with at_its_origin(workspace):
        found = changes(workspace, place_of(workspace))
        return stages.chosen(found, planned.only, workspace) == planned.changes


def apply(workspace: Workspace, on_event: OnEvent, planned: Planned | None = None) -> None:
    """Make the cluster run what the tree says, and wait until every add-on works and every model is ready.

    Args:
        workspace: the project.
        on_event: is told what happens.
        planned: what was agreed to; None is all that differs.

    Raises:
        ProjectError: some releases failed, each with its reason; those are as they were before, the others are done.
    """
    from workaday.execute.refusals import at_its_origin

    only = planned.only if planned else None
    take(workspace)
    try:
        with at_its_origin(workspace):
            place = place_of(workspace)
            found = stages.chosen(changes(workspace, place), only, workspace)
            asyncio.run(run(workspace, place, on_event, agreed(found, planned)))
    finally:
        forget(workspace)


def agreed(found: Sequence[Change], planned: Planned | None) -> list[Change]:
    """Return the changes without removals that the plan did not show."""
    shown = {each.address for each in planned.changes if each.action == "delete"} if planned else None
    return [each for each in found if each.action != "delete" or shown is None or each.address in shown]


async def run(workspace: Workspace, place: Place, on_event: OnEvent, found: Sequence[Change]) -> None:
    """Do what is planned, a stage after the other: add-ons, models; then what of both is gone.

    Raises:
        ProjectError: see `apply`.
    """
    from workaday.execute import addons, installed
    from workaday.execute.installing import Installing
    from workaday.execute.rolling import Rolling

    beside = [each for each in found if addons.is_addon(each)]
    if beside:
        await Installing(workspace, place, on_event).run(beside)
    if models := [each for each in found if not addons.is_addon(each)]:
        await Rolling(workspace, place, on_event).run(models)
    if gone := {each.key for each in beside if each.action == "delete"}:
        deployed = installed.deployed_at(place.cluster)
        await Installing(workspace, place, on_event).remove([deployed[name] for name in gone if name in deployed])


def changes(workspace: Workspace, place: Place) -> tuple[Change, ...]:
    """Return what leads from what the cluster runs to what the tree on disk says, in the order in which it is done.

    Raises:
        ProjectError: see `plan`.
    """
    from workaday.execute import installed

    return (*installed.changes(workspace, place), *model_changes(workspace, place))


def model_changes(workspace: Workspace, place: Place) -> tuple[Change, ...]:
    """Return what leads from the cluster's releases of this project to those of the tree.

    Raises:
        ProjectError: see `plan`.
    """
    wanted = identities.wanted_of(workspace)
    deployed = deployed_at(place)
    foreign(workspace, wanted, deployed, place)
    same = [each for each in wanted if each.name in deployed and deployed[each.name].digest == each.digest]
    unready = {}
    if same:
        seen = look(place)
        for each in same:
            found = standing(deployed[each.name].objects, seen)
            if found.state != "ready":
                unready[each.name] = f"{found.ready} of {found.wanted} ready"
    return releases.changes(wanted, deployed, unready, place.owner)


def deployed_at(place: Place) -> dict[str, Deployed]:
    """Return every Helm release of the namespace, by name.

    Raises:
        ProjectError: the Secrets may not be read.
    """
    from lightkube.operators import not_equal

    labels = {"owner": "helm", "status": not_equal("superseded")}
    secrets = place.cluster.every(kube.SECRET, place.namespace, labels)
    missing = releases.earlier(secrets)
    while missing:
        found = [place.cluster.get(kube.SECRET, each, place.namespace) for each in missing]
        secrets += [each for each in found if each]
        missing = releases.earlier(secrets) if all(found) else []
    beside = {pin.name for pin in pins() if pin.namespace == place.namespace}  # somebody's project may be called `keda`
    return {name: each for name, each in releases.deployed_of(secrets).items() if name not in beside}


def foreign(workspace: Workspace, wanted: Sequence[Wanted], deployed: Mapping[str, Deployed], place: Place) -> None:
    """Find releases of ours whose names somebody else has.

    Raises:
        ProjectError: X186 for each.
    """
    taken = [
        Diagnostic(
            code="X186",
            message=f"release `{each.name}` in namespace `{place.namespace}` is {whose(deployed[each.name])}",
            path=key_of(workspace, each.name),
            hints=("give one of them another name, or this project another `namespace`",),
        )
        for each in wanted
        if each.name in deployed and not is_ours(deployed[each.name], each, place.owner)
    ]
    if taken:
        raise ProjectError(taken)


def is_ours(deployed: Deployed, wanted: Wanted, owner: str) -> bool:
    """Return whether a release is ours: it says so, or was cut off before it could, or was made of our tree by hand."""
    if deployed.owner or deployed.chart != wanted.chart.name:
        return deployed.owner == owner
    by_hand = releases.project_of(deployed.values) == owner.partition("/")[0]
    return by_hand or deployed.status in releases.BROKEN


def whose(deployed: Deployed) -> str:
    """Return whose release it is."""
    return f"of `{deployed.owner}`" if deployed.owner else f"none of workaday's (its chart is `{deployed.chart}`)"


def key_of(workspace: Workspace, release: str) -> KeyPath:
    """Return the key path of the model or canary that a release is made of; empty for a shared one."""
    from workaday.blueprint import naming

    for canary in workspace.blueprint.canaries:
        if canary.serving.release == release:
            return ("models", canary.index, "canary")
    for pipeline in workspace.blueprint.pipelines:
        if naming.release(pipeline.model.name) == release:
            return ("pipelines", pipeline.index)
    names = [naming.release(each.name) for each in workspace.blueprint.models]
    return ("models", names.index(release)) if release in names else ()


def look(place: Place, *, deep: bool = False) -> Seen:
    """Return what the namespace holds.

    Args:
        place: where.
        deep: pods and events too, which say why something is not ready.

    Raises:
        kube.Unreachable: no answer, for now.
    """
    read = place.cluster.every
    return Seen(
        services=read(kube.SERVICE, place.namespace),
        deployments=read(kube.DEPLOYMENT, place.namespace),
        scalers=read(kube.SCALER, place.namespace),
        pods=read(kube.POD, place.namespace) if deep else (),
        events=read(kube.EVENT, place.namespace) if deep else (),
    )


def ours(folders: Folders, place: Place) -> list[Deployed]:
    """Return the releases that are this project's, in the order in which they go: shared ones last, backwards."""
    try:
        wanted = {each.name: each for each in identities.wanted_of(folders)}
    except (OSError, ValueError):
        wanted = {}
    found = [
        each
        for each in deployed_at(place).values()
        if each.owner == place.owner or (each.name in wanted and is_ours(each, wanted[each.name], place.owner))
    ]
    return sorted(found, key=lambda each: (-releases.rank(each.name), each.name))


def destroy(workspace: Workspace, on_event: OnEvent, only: str | None = None) -> None:
    """Remove this project's releases: models, what they share, the add-ons that we installed; the namespace stays.

    Args:
        workspace: the project.
        on_event: is told what happens.
        only: `models` leaves the add-ons, `addons` the models; None is all.

    Raises:
        ProjectError: one could not be removed, or an add-on works for others too (X193): then nothing is.
    """
    from workaday.execute.refusals import at_its_origin

    with at_its_origin(workspace):
        place = place_of(workspace)
        asyncio.run(take_away(workspace, place, on_event, only))
    forget(workspace)


async def take_away(workspace: Workspace, place: Place, on_event: OnEvent, only: str | None) -> None:
    """Remove models, then add-ons, but nothing before it is known that nobody else needs these."""
    from workaday.execute import installed
    from workaday.execute.installing import Installing
    from workaday.execute.rolling import Rolling

    beside = installed.own(workspace, place) if only != "models" else []
    installed.refuse_used(beside, place)
    if only != "addons":
        await Rolling(workspace, place, on_event).remove(ours(workspace, place))
    if beside or (only != "models" and installed.has_left(workspace, place)):
        await Installing(workspace, place, on_event).remove(beside)


def is_existing(folders: Folders) -> bool:
    """Return whether the tree on disk is one of releases alone, without reading the project file."""
    return (folders.tree / releases.RELEASES).is_dir() and not (folders.tree / "terraform").is_dir()
