"""A cluster against the models that run in it: what they need there, and whether it works. Only questions are asked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from workaday.blueprint.serving import GATEWAY, PROMETHEUS
from workaday.catalog.addons import bringer
from workaday.checks.clouds import KUBERNETES
from workaday.execute import existing, kube, prometheus
from workaday.execute.doctor.findings import FAILED, OK, UNKNOWN, WARNING, Check, Finding, State
from workaday.execute.kube import Kind, Unreachable
from workaday.execute.rollout import conditions, name_of

if TYPE_CHECKING:
    from workaday.execute.existing import Place
    from workaday.execute.workspace import Workspace

CERTIFICATE = Kind("cert-manager.io", "v1", "Certificate", "certificates")
NAME, SYSTEM = GATEWAY
ENDS_SOON = timedelta(days=14)
# Who brings the kinds that releases are made of, and the Deployment whose image says its version; the table of pins has
# the namespace.
BRINGERS = {
    "serving.kserve.io": ("kserve", "kserve-controller-manager"),
    "keda.sh": ("keda", "keda-operator"),
    "http.keda.sh": ("keda http add-on", "keda-add-ons-http-operator"),
    "gateway.networking.k8s.io": ("gateway api", "envoy-gateway"),
    "gateway.envoyproxy.io": ("envoy gateway", "envoy-gateway"),
    "monitoring.coreos.com": ("prometheus operator", ""),
    "cert-manager.io": ("cert-manager", "cert-manager"),
    "karpenter.sh": ("karpenter", "karpenter"),
    "externaldns.k8s.io": ("external-dns", "external-dns"),
}


def checks(workspace: Workspace, now: datetime, place: Place | None = None) -> Mapping[str, Check]:
    """Return what is asked of a cluster.

    Args:
        workspace: the project in one environment.
        now: the time, with a zone.
        place: where its releases are; by default as the project says.
    """

    def there(check: Callable[[Place], Finding | Sequence[Finding]]) -> Check:
        def do() -> Finding | Sequence[Finding]:
            try:
                return check(place or existing.place_of(workspace))
            except Unreachable as error:
                return Finding("cluster", FAILED, str(error), "is it up, and this machine in its network (VPN)?")

        return do

    return {
        "cluster": there(version),
        "add-ons": there(lambda found: add_ons(workspace, found)),
        "gateway": there(lambda found: gateway(workspace, found)),
        "keys": there(lambda found: keys(workspace, found)),
        "certificates": there(lambda found: certificates(workspace, found, now)),
        "metrics": there(lambda found: metrics(workspace, found)),
    }


def version(place: Place) -> Finding:
    """Return whether the cluster answers, with a version that the charts are checked against."""
    said = json.loads(place.cluster.read("/version") or b"{}").get("gitVersion", "?")
    found = re.match(r"v(\d+\.\d+)", said)
    about = f"{said} at {place.cluster.server}"
    if not found or found[1] in KUBERNETES:
        return Finding("cluster", OK if found else UNKNOWN, about)
    fix = f"Kubernetes {KUBERNETES[0]} to {KUBERNETES[-1]} are what the charts are checked against"
    return Finding("cluster", WARNING, about, fix)


def add_ons(workspace: Workspace, place: Place) -> Sequence[Finding]:
    """Return whether the cluster knows every kind that the releases are made of, and whose they are."""
    known = {each["spec"]["group"] for each in place.cluster.every(kube.DEFINITION)}
    found = []
    for group in sorted(groups(workspace)):
        who, deployment = BRINGERS[group]
        if group not in known:
            fix = f"install {who}: `workaday apply`, unless it is `existing` in `addons`"
            found.append(Finding(who, FAILED, f"the cluster knows no {group}", fix))
            continue
        found.append(controller(place, who, bringer(group).namespace, deployment))
    return found


def controller(place: Place, who: str, namespace: str, deployment: str) -> Finding:
    """Return whether a controller runs, and in which version."""
    live = place.cluster.get(kube.DEPLOYMENT, deployment, namespace) if deployment else None
    if live is None:
        where = f"; no deployment `{deployment}` in {namespace}, so its version is not seen" if deployment else ""
        return Finding(who, OK, f"its kinds are there{where}")
    image = live["spec"]["template"]["spec"]["containers"][0]["image"].rpartition("/")[2]
    ready, wanted = (live.get("status") or {}).get("readyReplicas", 0), live["spec"].get("replicas", 1)
    said = f"{image}, {ready} of {wanted} ready"
    if ready:
        return Finding(who, OK, said)
    return Finding(who, FAILED, said, f"`kubectl --namespace {namespace} describe deployment {deployment}` says why")


def groups(workspace: Workspace) -> set[str]:
    """Return the API groups that need an add-on, of what the releases make."""
    blueprint, door = workspace.blueprint, workspace.blueprint.gateway
    needed = {"serving.kserve.io", "keda.sh"}
    if any(each.kind == "torch" for each in blueprint.models):
        needed.add("monitoring.coreos.com")
    if any(each.scaling.wake for each in blueprint.serving):
        needed.add("http.keda.sh")
    if door is not None:
        needed |= {"gateway.networking.k8s.io", "gateway.envoyproxy.io"}
        needed |= {"cert-manager.io"} if door.door is not None and door.door.issuer is not None else set()
    if blueprint.cloud is not None and blueprint.cloud.provisioner == "karpenter":
        needed.add("karpenter.sh")
    if blueprint.cloud is not None and blueprint.cloud.kind == "aws" and blueprint.cloud.dns:
        needed.add("externaldns.k8s.io")
    return needed


def gateway(workspace: Workspace, place: Place) -> Sequence[Finding]:
    """Return whether the gateway has an address, where the project has one."""
    if workspace.loaded.project.gateway is None:
        return []
    live = place.cluster.get(kube.GATEWAY, NAME, SYSTEM)
    if live is None:
        return [Finding("gateway", FAILED, f"no Gateway `{NAME}` in {SYSTEM}", "`workaday apply` makes it")]
    wrong = [
        each for each in conditions(live) if each["type"] in ("Accepted", "Programmed") and each["status"] != "True"
    ]
    if wrong:
        said = f"not {wrong[0]['type'].lower()}: {wrong[0].get('message') or wrong[0].get('reason', '')}"
        return [Finding("gateway", FAILED, said, f"`kubectl --namespace {SYSTEM} describe gateway {NAME}`")]
    addresses = ", ".join(each["value"] for each in (live.get("status") or {}).get("addresses") or ())
    return [Finding("gateway", OK if addresses else WARNING, addresses or "it has no address yet")]


def keys(workspace: Workspace, place: Place) -> Sequence[Finding]:
    """Return whether there is a key to call with, where calling takes one."""
    gateway = workspace.blueprint.gateway
    name = gateway.keys if gateway is not None else None
    if name is None:
        return []
    live = place.cluster.get(kube.SECRET, name, place.namespace)
    count = len((live or {}).get("data") or {})
    fix = "`workaday keys add NAME` makes one and shows it once"
    if not count:
        return [Finding("keys", WARNING, f"no key in Secret `{name}`: nobody may call", fix)]
    return [Finding("keys", OK, f"{count} in Secret `{name}`")]


def certificates(workspace: Workspace, place: Place, now: datetime) -> Sequence[Finding]:
    """Return how long certificates hold, where cert-manager makes them."""
    places = (place.namespace, SYSTEM)
    return [certificate(live, now) for where in places for live in place.cluster.every(CERTIFICATE, where)]


def certificate(live: Mapping[str, Any], now: datetime) -> Finding:
    """Return how long one certificate holds."""
    what, until = f"certificate {name_of(dict(live))}", (live.get("status") or {}).get("notAfter")
    fix = (
        f"`kubectl --namespace {live['metadata'].get('namespace', SYSTEM)} describe certificate {name_of(dict(live))}`"
    )
    if until is None:
        told = next((each.get("message", "") for each in conditions(dict(live)) if each["status"] != "True"), "")
        return Finding(what, FAILED, f"not issued: {told}" if told else "not issued yet", fix)
    left = datetime.fromisoformat(until) - now
    state: State = FAILED if left <= timedelta() else WARNING if left < ENDS_SOON else OK
    said = f"until {until[:10]}" if left > timedelta() else f"ended on {until[:10]}"
    return Finding(what, state, said, "" if state == OK else f"it is not renewed: {fix} says why")


def metrics(workspace: Workspace, place: Place) -> Sequence[Finding]:
    """Return whether the models' metrics reach Prometheus: without them nothing scales."""
    measured = [each.name for each in workspace.blueprint.models if each.kind == "torch"]
    if not measured:
        return []
    try:
        said = prometheus.ask(place.cluster, f'count by (model) (workaday_in_flight{{namespace="{place.namespace}"}})')
    except Unreachable as error:
        fix = f"it is looked for at {PROMETHEUS}; without it replicas do not follow the load"
        return [Finding("metrics", FAILED, str(error), fix)]
    seen = {labels.get("model") for labels, _ in said}
    silent = [each for each in measured if each not in seen]
    if silent:
        fix = "is it running (`workaday status`), and does Prometheus select PodMonitors of this namespace?"
        return [Finding("metrics", FAILED, f"none of {', '.join(silent)} reach Prometheus", fix)]
    return [Finding("metrics", OK, f"of {', '.join(measured)} reach Prometheus")]
