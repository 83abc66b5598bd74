"""What a cluster has of a project: objects, events, and the ends of its servers' logs. Never a Secret's content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from workaday.execute import existing, kube
from workaday.execute.debug import scrub
from workaday.execute.kube import Kind
from workaday.execute.rollout import Object, name_of

if TYPE_CHECKING:
    from workaday.execute.existing import Place
    from workaday.execute.workspace import Workspace

LINES = 500
KINDS = (
    kube.SERVICE,
    kube.DEPLOYMENT,
    kube.POD,
    kube.EVENT,
    kube.SCALER,
    Kind("http.keda.sh", "v1alpha1", "HTTPScaledObject", "httpscaledobjects"),
    Kind("apps", "v1", "ReplicaSet", "replicasets"),
    Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
    Kind("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
    Kind("gateway.envoyproxy.io", "v1alpha1", "SecurityPolicy", "securitypolicies"),
    Kind("gateway.envoyproxy.io", "v1alpha1", "BackendTrafficPolicy", "backendtrafficpolicies"),
    Kind("monitoring.coreos.com", "v1", "PodMonitor", "podmonitors"),
    Kind("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules"),
    kube.CORE_SERVICE,
    Kind("", "v1", "ConfigMap", "configmaps"),
    kube.CLAIM,
)
WHOLE = (
    kube.NODE,
    Kind("karpenter.sh", "v1", "NodePool", "nodepools", namespaced=False),
    kube.NODE_CLAIM,
    kube.GATEWAY,
)


def files(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Yield a project's objects by kind, its releases and its pods' logs; what may not be seen says so in its place."""
    place = existing.place_of(workspace)
    for kind in (*KINDS, *WHOLE):
        found = attempt(place, kind, None if kind in WHOLE else place.namespace)
        yield f"cluster/{kind.plural}.json", scrub.as_json(found)
    yield "cluster/releases.json", scrub.as_json(summaries(place))
    for pod in place.cluster.every(kube.POD, place.namespace):
        yield from logs_of(place, pod)


def attempt(place: Place, kind: Kind, namespace: str | None) -> Sequence[Object] | str:
    """Return the objects of a kind, or why they cannot be seen."""
    try:
        return place.cluster.every(kind, namespace)
    except Exception as error:
        return str(error)


def summaries(place: Place) -> list[dict[str, object]]:
    """Return Helm's releases without their values, which users fill."""
    found = existing.deployed_at(place).values()
    return [
        {"name": each.name, "status": each.status, "revision": each.revision, "chart": each.chart, "of": each.owner}
        for each in found
    ]


def logs_of(place: Place, pod: Object) -> Iterator[tuple[str, str]]:
    """Yield the end of each container's log of a pod."""
    spec = pod.get("spec") or {}
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        name = container["name"]
        try:
            said = place.cluster.log(name_of(pod), place.namespace, container=name, lines=LINES)
        except Exception as error:
            said = [str(error)]
        yield f"cluster/logs/{name_of(pod)}/{name}.log", "\n".join(said) + "\n"
