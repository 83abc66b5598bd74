"""What a cluster has of add-ons: asked, compared with the tree, and told apart from what is others'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workaday.catalog.addons import pins
from workaday.execute import addons, kube, releases
from workaday.execute.addons import Seen, Wanted
from workaday.execute.rollout import name_of
from workaday.project.diagnostics import Diagnostic, KeyPath, ProjectError

if TYPE_CHECKING:
    from workaday.execute.existing import Place
    from workaday.execute.grading import Change
    from workaday.execute.kube import Cluster
    from workaday.execute.releases import Deployed
    from workaday.execute.workspace import Workspace

# What one kind of object's manifests are looked at for.
LISTS = {
    "Deployment": kube.DEPLOYMENT, "DaemonSet": kube.DAEMONS, "StatefulSet": kube.STATEFUL, "Pod": kube.POD,
    "Event": kube.EVENT, "EndpointSlice": kube.SLICE,
}  # fmt: skip
CLUSTER_WIDE = {
    "ValidatingWebhookConfiguration": kube.VALIDATING, "MutatingWebhookConfiguration": kube.MUTATING,
    "APIService": kube.API_SERVICE,
}  # fmt: skip


def look(cluster: Cluster, wanted: Wanted, objects: Sequence[Any]) -> Seen:
    """Return what a cluster holds, as far as one add-on is concerned."""
    kinds = {each.get("kind") for each in objects}
    found: dict[str, Sequence[Any]] = {name: cluster.every(kind, wanted.namespace) for name, kind in LISTS.items()}
    found |= {name: cluster.every(kind) for name, kind in CLUSTER_WIDE.items() if name in kinds}
    if wanted.kinds:
        found["CustomResourceDefinition"] = cluster.every(kube.DEFINITION)
    return Seen(found)


def deployed_at(cluster: Cluster) -> dict[str, Deployed]:
    """Return the cluster's releases that have an add-on's name and namespace, by name.

    Raises:
        ProjectError: the Secrets of all namespaces may not be read.
    """
    from lightkube.operators import not_equal

    where = {pin.name: pin.namespace for pin in pins()}
    labels = {"owner": "helm", "status": not_equal("superseded"), "name": list(where)}
    secrets = cluster.every(kube.SECRET, kube.EVERYWHERE, labels)
    missing = releases.earlier(secrets)
    for each in missing:
        name = each.removeprefix("sh.helm.release.v1.").rpartition(".v")[0]
        secrets += filter(None, [cluster.get(kube.SECRET, each, where[name])])
    found = releases.deployed_of(secrets)
    return {name: each for name, each in found.items() if each.namespace == where[name]}


def changes(workspace: Workspace, place: Place) -> tuple[Change, ...]:
    """Return what leads from the cluster's add-ons to the tree's.

    Raises:
        ProjectError: X192, one is there already and not ours; X183, they may not be read.
    """
    wanted = addons.wanted_of(workspace.tree)
    if not wanted:
        return removed(workspace, place)
    deployed = deployed_at(place.cluster)
    refuse_foreign(wanted, deployed, place)
    unready = {}
    for each in wanted:
        have = deployed.get(each.name)
        if have and have.digest == each.digest:
            causes = addons.troubles(each, have.objects, look(place.cluster, each, have.objects))
            if causes:
                unready[each.name] = str(causes[0])
    return addons.changes(wanted, deployed, unready, place.owner, kept(workspace))


def removed(workspace: Workspace, place: Place) -> tuple[Change, ...]:
    """Return the removal of add-ons where the project has none any more; nothing where it may not be asked."""
    try:
        deployed = deployed_at(place.cluster)
    except ProjectError as error:
        if error.diagnostics[0].code != "X183":
            raise
        return ()  # somebody who may only work inside of a namespace has installed none
    return addons.changes((), deployed, {}, place.owner, kept(workspace))


def kept(workspace: Workspace) -> set[str]:
    """Return the keys of `addons` that are `existing`."""
    written = workspace.loaded.project.addons
    found = {pin.addon: getattr(written, pin.addon, None) for pin in pins()}
    return {name for name, each in found.items() if each is not None and each.existing}


def refuse_foreign(wanted: Sequence[Wanted], deployed: Mapping[str, Deployed], place: Place) -> None:
    """Find add-ons that are there already and not ours.

    Raises:
        ProjectError: X192 for each.
    """
    definitions = place.cluster.every(kube.DEFINITION)
    found = {}
    for each in wanted:
        whose = addons.foreign(each, deployed.get(each.name), definitions, place.owner)
        if whose and each.addon not in found:
            hint = f"leave it to whoever has it: `addons: {{{each.addon}: existing}}`"
            message = f"already in the cluster: {each.title}, {whose}"
            found[each.addon] = Diagnostic("X192", message, key_of(each), hints=(hint,))
    if found:
        raise ProjectError(list(found.values()))


def own(workspace: Workspace, place: Place) -> list[Deployed]:
    """Return the add-ons that this project installed; none where they may not be asked for, and it has none."""
    try:
        found = deployed_at(place.cluster)
    except ProjectError as error:
        if error.diagnostics[0].code != "X183" or addons.wanted_of(workspace.tree):
            raise
        return []
    return [each for each in found.values() if each.owner == place.owner]


def has_left(workspace: Workspace, place: Place) -> bool:
    """Return whether an earlier run removed add-ons, and was cut off before it removed what is around them."""
    if not addons.wanted_of(workspace.tree):
        return False
    labels = {addons.OWNER: addons.label(place.owner)}
    return bool(
        place.cluster.every(kube.DEFINITION, labels=labels) or place.cluster.every(kube.NAMESPACE, labels=labels)
    )


def refuse_used(found: Sequence[Deployed], place: Place) -> None:
    """Find what others use of add-ons that are about to be removed.

    Raises:
        ProjectError: X193, with who they are.
    """
    names = {each.name for each in found}
    mine = {place.namespace, "workaday-system", *(pin.namespace for pin in pins())}
    findings = []
    for pin in pins():
        for name in pin.kinds if pin.name in names else ():
            users = [each for each in objects_of(place.cluster, name) if each.partition("/")[0] not in mine]
            if users:
                said = ", ".join(users[:3]) + (f" and {len(users) - 3} more" if len(users) > 3 else "")
                hint = "`workaday destroy --only models` leaves the add-ons"
                message = f"{pin.title} works for others too: {said} ({name})"
                findings.append(Diagnostic("X193", message, ("addons", pin.addon), hints=(hint,)))
    if findings:
        raise ProjectError(findings)


def refuse_left(cluster: Cluster) -> None:
    """Find what a cluster made outside of itself, which would stay, or hold the network, when it is gone.

    Raises:
        ProjectError: X195, with what it is.
    """
    found = [
        f"Service {each['metadata']['namespace']}/{name_of(each)}"
        for each in cluster.every(kube.CORE_SERVICE, kube.EVERYWHERE)
        if each["spec"].get("type") == "LoadBalancer"
    ]
    for kind in (kube.CLAIM, kube.NODE_CLAIM):
        every = cluster.every(kind, kube.EVERYWHERE if kind.namespaced else None)
        found += [
            f"{kind.kind} {each['metadata'].get('namespace', '')}/{name_of(each)}".replace(" /", " ") for each in every
        ]
    if found:
        message = f"load balancers, disks or nodes would stay behind: {', '.join(found[:5])}"
        hints = ("delete them in the cluster, then run `workaday destroy` again",)
        raise ProjectError([Diagnostic("X195", message, hints=hints)])


def objects_of(cluster: Cluster, definition: str) -> list[str]:
    """Return the objects of a kind, as `NAMESPACE/NAME`; none where there is no such kind."""
    live = cluster.get(kube.DEFINITION, definition)
    if live is None:
        return []
    spec = live["spec"]
    version = next(each["name"] for each in spec["versions"] if each["served"])
    namespaced = spec["scope"] == "Namespaced"
    names = spec["names"]
    kind = kube.Kind(spec["group"], version, names["kind"], names["plural"], namespaced)
    found = cluster.every(kind, kube.EVERYWHERE if namespaced else None)
    return [f"{each['metadata'].get('namespace', '')}/{name_of(each)}".lstrip("/") for each in found]


def key_of(wanted: Wanted) -> KeyPath:
    """Return the key path of an add-on."""
    return ("addons", wanted.addon)
