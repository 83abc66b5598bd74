"""What each model of a project does in a cluster: read from its release, its replicas and their nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from workaday.blueprint import naming
from workaday.blueprint.cloud import CAPACITY_LABEL, POOL_LABEL
from workaday.execute import existing, identities, kube, prometheus, releases
from workaday.execute.model_state import ModelState, State
from workaday.execute.refusals import at_its_origin
from workaday.execute.rollout import Object, Seen, belongs, is_ready, labels_of, name_of, standing
from workaday.project.diagnostics import ProjectError

if TYPE_CHECKING:
    from workaday.execute.existing import Place
    from workaday.execute.releases import Deployed, Wanted
    from workaday.execute.rollout import Standing
    from workaday.execute.workspace import Workspace

STALLED_SECONDS = 15 * 60.0


def states(workspace: Workspace) -> list[ModelState]:
    """Return what each model is doing, in the project's order.

    Raises:
        ProjectError: the cluster cannot be reached or read.
    """
    with at_its_origin(workspace):
        place = existing.place_of(workspace)
        deployed, seen = existing.deployed_at(place), existing.look(place, deep=True)
        kinds, latencies = node_kinds(place), p99_by_model(place)
    wanted, now = {each.name: each for each in wanted_of(workspace)}, datetime.now(UTC)
    found = []
    for model in workspace.blueprint.released:
        release = naming.release(model.name)
        found.append(state_of(model.name, wanted.get(release), deployed.get(release), seen, kinds, now))
    return [replace(each, p99_seconds=latencies.get(each.name)) for each in found]


def p99_by_model(place: Place) -> Mapping[str, float]:
    """Return each model's latency as Prometheus has it; nothing where it cannot be asked: `doctor` says why."""
    try:
        return prometheus.p99_by_model(place.cluster, place.namespace)
    except (kube.Unreachable, ProjectError):
        return {}


def wanted_of(workspace: Workspace) -> tuple[Wanted, ...]:
    """Return the releases of the tree on disk; none where there is no sound one."""
    try:
        return identities.wanted_of(workspace)
    except (OSError, ValueError):
        return ()


def state_of(
    name: str, wanted: Wanted | None, deployed: Deployed | None, seen: Seen, kinds: dict[str, str], now: datetime
) -> ModelState:
    """Return what one model is doing.

    Args:
        name: the model.
        wanted: its release as the tree has it.
        deployed: its release as the cluster has it.
        seen: what the namespace holds.
        kinds: the kind of each node, by name.
        now: the time, with a zone.
    """
    if deployed is None:
        return ModelState(name=name, state="stopped")
    found = standing(deployed.objects, seen)
    names = [name_of(each) for each in deployed.objects if each.get("kind") == "InferenceService"]
    own = own_deployments(deployed, seen)
    pods = [each for each in seen.pods if belongs(each, names, own)]
    state, error = word_of(found, pods, now)
    if deployed.status in releases.BROKEN:
        state, error = "failed", f"the release is {deployed.status}"
    elif found.state == "ready" and wanted is not None and wanted.digest != deployed.digest:
        state = "outdated"
    services = {name_of(each): each for each in seen.services}
    urls = [((services.get(each) or {}).get("status") or {}).get("address", {}).get("url") for each in names]
    return ModelState(
        name=name,
        state=state,
        ready=found.ready,
        wanted=found.wanted,
        nodes=dict(Counter(kinds.get(each["spec"].get("nodeName", ""), "?") for each in pods if is_ready(each))),
        revision=str(deployed.revision),
        url=next(filter(None, urls), None),
        error=error,
    )


def word_of(found: Standing, pods: Sequence[Object], now: datetime) -> tuple[State, str | None]:
    """Return the one word for how far a release is, and what stands in its way.

    Args:
        found: how far it is.
        pods: its replicas.
        now: the time, with a zone.
    """
    if found.state == "ready":
        return ("paused" if found.paused else "ready"), None
    hopeless = next((str(each) for each in found.causes if each.hopeless), None)
    if hopeless:
        return "failed", hopeless
    error = str(found.causes[0]) if found.causes else None
    waiting = [(now - made_at(each)).total_seconds() for each in pods if not is_ready(each)]
    if max(waiting, default=0.0) > STALLED_SECONDS:
        return "stalled", error
    without_room = any(each.reason == "Unschedulable" for each in found.causes)
    return ("pending" if without_room else "loading"), error


def made_at(live: Object) -> datetime:
    """Return when an object was created."""
    written = live["metadata"].get("creationTimestamp")
    return datetime.fromisoformat(written) if written else datetime.now(UTC)


def own_deployments(deployed: Deployed, seen: Seen) -> list[Object]:
    """Return the Deployments that a release consists of itself."""
    names = {name_of(each) for each in deployed.objects if each.get("kind") == "Deployment"}
    return [each for each in seen.deployments if name_of(each) in names]


def node_kinds(place: Place) -> dict[str, str]:
    """Return the kind of each node, by name: its pool and capacity; nothing where nodes may not be seen."""
    try:
        nodes = place.cluster.every(kube.NODE)
    except ProjectError as error:
        if error.diagnostics[0].code != "X183":
            raise
        return {}
    return {name_of(each): kind_of(each) for each in nodes}


def kind_of(node: Object) -> str:
    """Return what kind a node is: `gpu/spot`; of a node that we did not make, its instance type."""
    labels = labels_of(node)
    if POOL_LABEL in labels:
        return f"{labels[POOL_LABEL]}/{labels.get(CAPACITY_LABEL, '?')}"
    return labels.get("node.kubernetes.io/instance-type", "node")


def pod_logs(workspace: Workspace, release: str, lines: int) -> list[tuple[str, list[str]]]:
    """Return the last lines of each replica's server, by the pod's name; an empty list where there is no pod.

    Raises:
        ProjectError: the cluster cannot be reached, or pods and their logs may not be read.
    """
    with at_its_origin(workspace):
        place = existing.place_of(workspace)
        deployed = existing.deployed_at(place).get(release)
        if deployed is None:
            return []
        seen = Seen(deployments=place.cluster.every(kube.DEPLOYMENT, place.namespace))
        names = [name_of(each) for each in deployed.objects if each.get("kind") == "InferenceService"]
        pods = place.cluster.every(kube.POD, place.namespace)
        own = [each for each in pods if belongs(each, names, own_deployments(deployed, seen))]
        return [
            (name_of(each), place.cluster.log(name_of(each), place.namespace, container=server_of(each), lines=lines))
            for each in sorted(own, key=name_of)
        ]


def server_of(pod: Object) -> str:
    """Return the container that serves: KServe's name for it, or the first one."""
    names = [each["name"] for each in pod["spec"]["containers"]]
    return "kserve-container" if "kserve-container" in names else str(names[0])
