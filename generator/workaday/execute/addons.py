"""The add-ons that a tree wants and a cluster has, what leads from one to the other, and whether one works. Pure.

They are Helm releases as the models' are (execute/releases.py), but of others' charts, in namespaces of their own.
What one is made from, and so its digest, is the chart's name, source and version, and its values.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workaday.catalog.addons import pins
from workaday.execute.grading import Change
from workaday.execute.releases import BROKEN, KIND, Deployed, differences
from workaday.execute.rollout import Cause, conditions, event_causes, labels_of, name_of, pod_causes

Object = Mapping[str, Any]
ORDER = "addons/addons.json"
NAMESPACES = "addons/namespaces.json"
PREFIX = "addon/"
WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet")
WEBHOOKS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
SERVICE_NAME = "kubernetes.io/service-name"
RELEASE = "meta.helm.sh/release-name"
OWNER = "workaday.dev/owner"


@dataclass(frozen=True)
class Wanted:
    """An add-on as the tree describes it; see catalog/addons.py for what each key means.

    Attributes:
        path: its values' file, in the tree.
        digest: of all that it is made from.
    """

    name: str
    addon: str
    title: str
    chart: str
    source: str
    version: str
    sha256: str | None
    namespace: str
    groups: tuple[str, ...]
    kinds: tuple[str, ...]
    path: str
    values: Mapping[str, Any] = field(repr=False)
    digest: str = ""


@dataclass(frozen=True)
class Seen:
    """What a cluster holds at one moment, as far as one add-on is concerned: lists by kind."""

    objects: Mapping[str, Sequence[Object]]

    def of(self, kind: str) -> Sequence[Object]:
        """Return the objects of a kind."""
        return self.objects.get(kind, ())

    def get(self, kind: str, name: str) -> Object | None:
        """Return an object, or None."""
        return next((each for each in self.of(kind) if name_of(each) == name), None)


def wanted_of(tree: Path) -> tuple[Wanted, ...]:
    """Return the add-ons of a tree, in the order in which they are installed; none where it has none.

    Raises:
        OSError, ValueError: the tree is not as it was rendered.
    """
    order = tree / ORDER
    if not order.exists():
        return ()
    found = []
    for raw in json.loads(order.read_text("utf-8"))["addons"]:
        path = raw.pop("values")
        values = json.loads((tree / path).read_text("utf-8"))
        raw |= {"groups": tuple(raw["groups"]), "kinds": tuple(raw["kinds"])}
        found.append(Wanted(**raw, path=path, values=values, digest=digest_of(raw, values)))
    return tuple(found)


def digest_of(raw: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Return a digest of what an add-on is made from."""
    made_of = [raw["chart"], raw["source"], raw["version"], values]
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:16]


def address(name: str) -> str:
    """Return what a plan calls an add-on."""
    return f"{PREFIX}{name}"


def is_addon(change: Change) -> bool:
    """Return whether a change is one of an add-on."""
    return change.address.startswith(PREFIX)


def changes(
    wanted: Sequence[Wanted],
    deployed: Mapping[str, Deployed],
    unready: Mapping[str, str],
    owner: str,
    kept: Collection[str] = (),
) -> tuple[Change, ...]:
    """Return what leads from a cluster's add-ons to a tree's, in the order in which it is done.

    Args:
        wanted: the tree's.
        deployed: the cluster's, by name.
        unready: why one that is otherwise as it should be does not work, by name.
        owner: whose are removed where the tree has them no longer.
        kept: keys of `addons` that are `existing` now: what we installed of them is left alone.
    """
    found = [change for each in wanted if (change := _change(each, deployed.get(each.name), unready))]
    names = {each.name for each in wanted}
    gone = [each for each in reversed(pins()) if each.name in deployed and each.name not in names]
    mine = [each for each in gone if deployed[each.name].owner == owner and each.addon not in kept]
    return (*found, *(Change(address(each.name), KIND, each.chart, each.name, "delete") for each in mine))


def _change(wanted: Wanted, deployed: Deployed | None, unready: Mapping[str, str]) -> Change | None:
    name, chart = wanted.name, wanted.chart
    if deployed is None:
        return Change(address(name), KIND, chart, name, "create", changed=(wanted.version,))
    if deployed.status in BROKEN:
        return Change(address(name), KIND, chart, name, "update", changed=(f"it is {deployed.status}",))
    if deployed.digest != wanted.digest:
        moved = (f"{deployed.version} → {wanted.version}",) if deployed.version != wanted.version else ()
        differs = (*moved, *differences(deployed.values, wanted.values)) or ("(source)",)
        return Change(address(name), KIND, chart, name, "update", changed=differs)
    if name in unready:
        return Change(address(name), KIND, chart, name, "update", changed=(unready[name],))
    return None


def foreign(wanted: Wanted, deployed: Deployed | None, definitions: Sequence[Object], owner: str) -> str:
    """Return whose an add-on is that is there already and not ours, or "".

    Args:
        wanted: the add-on.
        deployed: the release of its name, if there is one.
        definitions: every definition of the cluster.
        owner: who we are.
    """
    if deployed is not None:
        ours = deployed.owner == owner or (not deployed.owner and deployed.status in BROKEN)
        return (
            "" if ours else f"of `{deployed.owner}`" if deployed.owner else "a Helm release that is none of workaday's"
        )
    for each in definitions:
        if each["spec"]["group"] in wanted.groups and labels_of(each).get(OWNER) != label(owner):
            annotations = each["metadata"].get("annotations") or {}
            by = annotations.get(RELEASE, "")
            if by == wanted.name:
                continue
            return f"of release `{by}`" if by else f"there without Helm (`{name_of(each)}`)"
    return ""


def label(owner: str) -> str:
    """Return a project and its environment as a label says them."""
    return owner.replace("/", ".")


def troubles(wanted: Wanted, objects: Sequence[Object], seen: Seen) -> list[Cause]:
    """Return why an add-on does not work yet; nothing where it does.

    Args:
        wanted: the add-on.
        objects: what its release consists of, as it was sent.
        seen: what there is.
    """
    found = list(definition_troubles(wanted, seen))
    for each in objects:
        kind, name = each.get("kind", ""), each["metadata"]["name"] if each.get("metadata") else ""
        if kind in WORKLOADS:
            found += workload_troubles(kind, seen.get(kind, name), name, seen)
        elif kind in WEBHOOKS:
            found += webhook_troubles(kind, seen.get(kind, name), name, seen)
        elif kind == "APIService":
            found += api_troubles(seen.get(kind, name), name)
    return found


def definition_troubles(wanted: Wanted, seen: Seen) -> Iterator[Cause]:
    """Yield definitions of an add-on that the API server does not serve yet."""
    for name in wanted.kinds:
        live = seen.get("CustomResourceDefinition", name)
        if live is None or not holds(live, "Established"):
            yield Cause(f"definition/{name}", "NotEstablished")


def workload_troubles(kind: str, live: Object | None, name: str, seen: Seen) -> Iterator[Cause]:
    """Yield why not all pods of a workload answer: their own causes, or how many are missing."""
    about = f"{kind.lower()}/{name}"
    if live is None:
        yield Cause(about, "NotFound")
        return
    spec, status = live["spec"], live.get("status") or {}
    seen_newest = status.get("observedGeneration", 0) >= live["metadata"].get("generation", 0)
    if kind == "DaemonSet":
        wanted, ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
        updated = status.get("updatedNumberScheduled", 0 if wanted else wanted)
    else:
        wanted, ready = spec.get("replicas", 1), status.get("readyReplicas", 0)
        updated = status.get("updatedReplicas", 0)
    if seen_newest and min(ready, updated) >= wanted:
        return
    chosen = (spec.get("selector") or {}).get("matchLabels") or {}
    pods = [each for each in seen.of("Pod") if chosen and chosen.items() <= labels_of(each).items()]
    causes = [cause for pod in pods for cause in pod_causes(pod, seen.of("Event"))]
    causes += [] if pods else list(event_causes("ReplicaSet", name, seen.of("Event")))
    yield from sorted(causes, key=lambda each: not each.hopeless)
    yield Cause(about, "NotReady", f"{ready} of {wanted} ready")


def webhook_troubles(kind: str, live: Object | None, name: str, seen: Seen) -> Iterator[Cause]:
    """Yield webhooks that could not answer yet: nobody is behind their Service, or vouches for their certificate."""
    if live is None:
        yield Cause(f"{kind.lower()}/{name}", "NotFound")
        return
    for each in live.get("webhooks") or ():
        client = each["clientConfig"]
        service = client.get("service")
        if service and not client.get("caBundle"):
            yield Cause(f"webhook/{each['name']}", "NoCertificate", "nobody has said yet who signs for it")
        elif service and not answered(service["name"], service["namespace"], seen):
            yield Cause(f"webhook/{each['name']}", "NoEndpoints", f"nobody answers behind `{service['name']}`")


def answered(service: str, namespace: str, seen: Seen) -> bool:
    """Return whether a Service has somebody behind it who is ready."""
    for each in seen.of("EndpointSlice"):
        if labels_of(each).get(SERVICE_NAME) == service and each["metadata"].get("namespace") == namespace:
            found = each.get("endpoints") or ()
            if any((it.get("conditions") or {}).get("ready") is not False for it in found):
                return True
    return False


def api_troubles(live: Object | None, name: str) -> Iterator[Cause]:
    """Yield why an extension of the API does not answer."""
    if live is None or not holds(live, "Available"):
        said = next((each.get("message", "") for each in conditions(live or {}) if each["type"] == "Available"), "")
        yield Cause(f"apiservice/{name}", "NotAvailable", said)


def holds(live: Object, condition: str) -> bool:
    """Return whether an object says that a condition is true."""
    return any(each["type"] == condition and each["status"] == "True" for each in conditions(live))
