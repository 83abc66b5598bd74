"""What each model of a project does in a cluster: read from its release, its replicas and their nodes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from workaday.blueprint import naming
from workaday.blueprint.cloud import CAPACITY_LABEL, POOL_LABEL
from workaday.execute import existing, kube, releases
from workaday.execute.refusals import at_its_origin
from workaday.execute.rollout import Object, Seen, belongs, is_ready, labels_of, name_of, standing
from workaday.project.diagnostics import ProjectError

if TYPE_CHECKING:
    from workaday.execute.existing import Place
    from workaday.execute.releases import Deployed, Wanted
    from workaday.execute.workspace import Workspace

State = Literal["ready", "loading", "failed", "stopped", "outdated"]


@dataclass(frozen=True)
class ModelState:
    """What one model is doing.

    Attributes:
        name: the model.
        state: `ready`; `loading` while replicas are awaited; `failed` where waiting does not help; `outdated` where
            something else runs than the tree says; `stopped` where there is no release.
        ready: replicas that answer.
        wanted: replicas that there should be.
        nodes: kinds of nodes that its replicas are on, such as `gpu/spot`, with how many replicas each has.
        revision: Helm's number of the release, or None.
        url: where it answers inside the cluster, or None.
        error: what stands in its way, or None.
    """

    name: str
    state: State
    ready: int
    wanted: int
    nodes: dict[str, int]
    revision: int | None
    url: str | None
    error: str | None


def states(workspace: Workspace) -> list[ModelState]:
    """Return what each model is doing, in the project's order.

    Raises:
        ProjectError: the cluster cannot be reached or read.
    """
    with at_its_origin(workspace):
        place = existing.place_of(workspace)
        deployed, seen = existing.deployed_at(place), existing.look(place, deep=True)
        kinds = node_kinds(place)
    wanted = {each.name: each for each in wanted_of(workspace)}
    found = []
    for model in workspace.blueprint.models:
        release = naming.release(model.name)
        found.append(state_of(model.name, wanted.get(release), deployed.get(release), seen, kinds))
    return found


def wanted_of(workspace: Workspace) -> tuple[Wanted, ...]:
    """Return the releases of the tree on disk; none where there is no sound one."""
    try:
        return releases.wanted_of(workspace.tree)
    except (OSError, ValueError):
        return ()


def state_of(
    name: str, wanted: Wanted | None, deployed: Deployed | None, seen: Seen, kinds: dict[str, str]
) -> ModelState:
    """Return what one model is doing.

    Args:
        name: the model.
        wanted: its release as the tree has it.
        deployed: its release as the cluster has it.
        seen: what the namespace holds.
        kinds: the kind of each node, by name.
    """
    if deployed is None:
        return ModelState(name, "stopped", 0, 0, {}, None, None, None)
    found = standing(deployed.objects, seen)
    hopeless = next((str(each) for each in found.causes if each.hopeless), None)
    state: State = "ready" if found.state == "ready" else "failed" if hopeless else "loading"
    if deployed.status in releases.BROKEN:
        state, hopeless = "failed", f"the release is {deployed.status}"
    elif state == "ready" and wanted is not None and wanted.digest != deployed.digest:
        state = "outdated"
    error = hopeless or (str(found.causes[0]) if found.causes else None)
    names = [name_of(each) for each in deployed.objects if each.get("kind") == "InferenceService"]
    pods = [each for each in seen.pods if is_ready(each) and belongs(each, names, own_deployments(deployed, seen))]
    nodes = Counter(kinds.get(each["spec"].get("nodeName", ""), "?") for each in pods)
    services = {name_of(each): each for each in seen.services}
    urls = [((services.get(each) or {}).get("status") or {}).get("address", {}).get("url") for each in names]
    url = next(filter(None, urls), None)
    return ModelState(name, state, found.ready, found.wanted, dict(nodes), deployed.revision, url, error)


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
