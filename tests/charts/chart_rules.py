"""What every rendered model keeps to: each rule yields what is wrong with a release's manifests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

Manifest = dict[str, Any]
Rule = Callable[[Sequence[Manifest]], Iterator[str]]


def of(manifests: Sequence[Manifest], kind: str) -> list[Manifest]:
    """Return the manifests of a kind."""
    return [each for each in manifests if each["kind"] == kind]


def pods(manifests: Sequence[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Yield each pod's specification, with what it belongs to."""
    for each in of(manifests, "InferenceService"):
        yield each["metadata"]["name"], each["spec"]["predictor"]
    for each in of(manifests, "Deployment"):
        yield each["metadata"]["name"], each["spec"]["template"]["spec"]


def containers(manifests: Sequence[Manifest]) -> Iterator[tuple[str, Manifest, Manifest]]:
    """Yield each container with its pod."""
    for name, pod in pods(manifests):
        yield from ((name, pod, each) for each in pod["containers"])


def restricted(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Yield what Pod Security `restricted` refuses."""
    for name, pod, container in containers(manifests):
        security, of_pod = container.get("securityContext", {}), pod.get("securityContext", {})
        if security.get("allowPrivilegeEscalation") is not False:
            yield f"{name}: may gain privileges"
        if security.get("capabilities", {}).get("drop") != ["ALL"]:
            yield f"{name}: keeps capabilities"
        if not (security.get("runAsNonRoot") and of_pod.get("runAsNonRoot") and of_pod.get("runAsUser")):
            yield f"{name}: may be root"
        if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{name}: no seccomp profile"
        if any("hostPath" in each for each in pod.get("volumes", ())):
            yield f"{name}: sees the node's files"


def no_token(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Yield pods that hold a key to the API server."""
    yield from (name for name, pod in pods(manifests) if pod.get("automountServiceAccountToken") is not False)


def gpus(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Yield pods whose GPUs are not limits as they are requests, or that no node with GPUs takes."""
    for name, pod, container in containers(manifests):
        resources = container.get("resources", {})
        asked, limits = resources.get("requests", {}), resources.get("limits", {})
        names = {each for each in (*asked, *limits) if each.startswith("nvidia.com/")}
        if any(asked.get(each) != limits.get(each) for each in names):
            yield f"{name}: GPU requests differ from limits"
        if names and "nvidia.com/gpu" not in {each["key"] for each in pod.get("tolerations", ())}:
            yield f"{name}: asks for GPUs and stands no node with one"


def bounded(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Yield containers without bounds on CPU or memory."""
    for name, _, container in containers(manifests):
        limits = container.get("resources", {}).get("limits", {})
        yield from (f"{name}: no limit of {each}" for each in ("cpu", "memory") if each not in limits)


def tolerations(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Yield tolerations that the API server takes, and no taint matches or the scheduler refuses."""
    for name, pod in pods(manifests):
        for each in pod.get("tolerations", ()):
            if each["operator"] == "Exists" and "value" in each:
                yield f"{name}: a value beside Exists"
            if each.get("effect") not in ("NoSchedule", "PreferNoSchedule", "NoExecute"):
                yield f"{name}: an effect that there is not"


def disruptions(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Yield models of several replicas that a drain may take at once, or that no drain ever may."""
    budgets = {each["metadata"]["name"]: each["spec"] for each in of(manifests, "PodDisruptionBudget")}
    for each in of(manifests, "ScaledObject"):
        name = each["metadata"]["name"]
        if each["spec"]["maxReplicaCount"] > 1 and name not in budgets:
            yield f"{name}: no budget"
    for name, budget in budgets.items():
        if budget.get("maxUnavailable") in (None, 0, "0%", "100%"):
            yield f"{name}: a budget of {budget.get('maxUnavailable')}"
        if budget["selector"]["matchLabels"] != {"app": f"isvc.{name}"}:
            yield f"{name}: selects other pods"


def endings(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Yield pods that are killed before they can have drained."""
    for each in of(manifests, "InferenceService"):
        pod = each["spec"]["predictor"]
        sleep = [
            c.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0) for c in pod["containers"]
        ]
        if pod.get("terminationGracePeriodSeconds", 30) <= max(sleep):
            yield f"{each['metadata']['name']}: sleeps through its end"


def within_notice(manifests: Sequence[Manifest], notice: float) -> Iterator[str]:
    """Yield pods on spot nodes that want longer than the cloud gives."""
    for name, pod in pods(of(manifests, "InferenceService")):
        spot = any("spot" in f"{each['key']}={each.get('value')}" for each in pod.get("tolerations", ()))
        if spot and pod["terminationGracePeriodSeconds"] > notice:
            yield f"{name}: wants {pod['terminationGracePeriodSeconds']} s"


def scaling(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Yield models without a ScaledObject of theirs, or whose ScaledObject KEDA refuses or would be misled by."""
    objects = {each["spec"]["scaleTargetRef"]["name"]: each["spec"] for each in of(manifests, "ScaledObject")}
    for each in of(manifests, "InferenceService"):
        if f"{each['metadata']['name']}-predictor" not in objects:
            yield f"{each['metadata']['name']}: nothing scales it"
    for name, spec in objects.items():
        queries = [each for each in spec["triggers"] if each["type"] == "prometheus"]
        if queries and not spec.get("fallback"):
            yield f"{name}: no fallback when metrics vanish"
        if spec.get("fallback") and not any(each.get("metricType") == "AverageValue" for each in queries):
            yield f"{name}: a fallback that KEDA refuses"
        if not any(each["type"] in ("prometheus", "cpu") for each in spec["triggers"]):
            yield f"{name}: only the clock scales it"
        yield from (
            f"{name}: a query that is no total"
            for each in queries
            if not any(f"{word}(" in each["metadata"]["query"] for word in ("sum", "count"))
        )


def modes(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Yield models whose mode or autoscaler KServe would choose by its own configuration."""
    wanted = {"serving.kserve.io/deploymentMode": "Standard", "serving.kserve.io/autoscalerClass": "external"}
    for each in of(manifests, "InferenceService"):
        if each["metadata"].get("annotations", {}).items() < wanted.items():
            yield each["metadata"]["name"]
        if [c["name"] for c in each["spec"]["predictor"]["containers"]] != ["kserve-container"]:
            yield f"{each['metadata']['name']}: no kserve-container"


def fenced(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Yield models that anyone may call, or that may call anyone."""
    policies = {each["metadata"]["name"]: each["spec"] for each in of(manifests, "NetworkPolicy")}
    for each in of(manifests, "InferenceService"):
        policy = policies.get(f"{each['metadata']['name']}-predictor", {})
        if sorted(policy.get("policyTypes", ())) != ["Egress", "Ingress"]:
            yield f"{each['metadata']['name']}: not fenced"
        if any(not rule.get("from") for rule in policy.get("ingress", ())):
            yield f"{each['metadata']['name']}: anyone may call it"


def configured(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Yield pods that a change of their configuration does not roll."""
    for each in of(manifests, "InferenceService"):
        pod = each["spec"]["predictor"]
        mounted = any("configMap" in volume for volume in pod.get("volumes", ()))
        if mounted and "workaday.dev/config" not in pod.get("annotations", {}):
            yield each["metadata"]["name"]


RULES: tuple[Rule, ...] = (
    restricted, no_token, gpus, bounded, tolerations, disruptions, endings, scaling, modes, fenced, configured,
)  # fmt: skip
