"""Two projects on one cluster: what a group may do, where it may do it, and that a quota holds."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helmet import template
from plane import controllers
from plane.kubectl import Kubectl, KubectlError
from plane.plane import Plane
from plane.processes import until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
CHART = Path(__file__).parents[2] / "charts" / "team"
As = Callable[..., str]


@pytest.fixture(scope="module")
def teams(plane: Plane) -> Iterator[dict[str, str]]:
    """Return the namespaces of two teams, each with its groups and a quota."""
    spaces = {name: f"{name}-{secrets.token_hex(3)}" for name in ("red", "blue")}
    for name, namespace in spaces.items():
        controllers.make_namespace(plane, namespace)
        quota = {"cpu": "2", "memory": "2Gi", "gpus": 0, "pods": 5}
        values = {"project": name, "viewers": [f"{name}-look"], "deployers": [name], "quota": quota}
        plane.kubectl.apply(template(CHART, values, namespace))
    yield spaces
    plane.kubectl("delete", "namespace", *spaces.values(), "--wait=false")


@pytest.fixture
def as_group(kubectl: Kubectl) -> As:
    """Run kubectl as somebody of a group."""
    return lambda group, *arguments, **more: kubectl(*arguments, "--as=ann", f"--as-group={group}", **more)


def may(as_group: As, group: str, verb: str, what: str, namespace: str) -> bool:
    try:
        return as_group(group, "auth", "can-i", verb, what, f"--namespace={namespace}").strip() == "yes"
    except KubectlError:
        return False


def pod(name: str, **requests: str) -> dict[str, Any]:
    container = {"name": "main", "image": "registry.example/main:1"}
    if requests:
        container |= {"resources": {"requests": requests}}  # type: ignore[dict-item]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}}


def test_a_group_deploys_in_its_own_namespace_and_touches_no_other(teams: dict[str, str], as_group: As) -> None:
    red, blue = teams["red"], teams["blue"]
    for what in ("inferenceservices.serving.kserve.io", "httproutes.gateway.networking.k8s.io", "secrets"):
        assert may(as_group, "red", "create", what, red)
        assert not may(as_group, "red", "create", what, blue)
        assert not may(as_group, "red", "get", what, blue)
    as_group("red", "create", "secret", "generic", "mine", "--from-literal=a=b", f"--namespace={red}")
    with pytest.raises(KubectlError, match="forbidden"):
        as_group("red", "create", "secret", "generic", "mine", "--from-literal=a=b", f"--namespace={blue}")
    with pytest.raises(KubectlError, match="forbidden"):
        as_group("red", "get", "pods", f"--namespace={blue}")


def test_nobody_widens_their_own_rights_or_quota(teams: dict[str, str], as_group: As) -> None:
    red = teams["red"]
    for what in (
        "resourcequotas",
        "limitranges",
        "roles.rbac.authorization.k8s.io",
        "rolebindings.rbac.authorization.k8s.io",
    ):
        for verb in ("create", "update", "patch", "delete"):
            assert not may(as_group, "red", verb, what, red), (verb, what)
    assert not may(as_group, "red", "update", "gateways.gateway.networking.k8s.io", "workaday-system")
    assert not may(as_group, "red", "create", "securitypolicies.gateway.envoyproxy.io", "workaday-system")


def test_who_may_look_sees_no_secret_and_changes_nothing(teams: dict[str, str], as_group: As) -> None:
    red = teams["red"]
    for what in ("pods", "pods/log", "inferenceservices.serving.kserve.io", "resourcequotas"):
        assert may(as_group, "red-look", "get", what, red)
    assert not may(as_group, "red-look", "get", "secrets", red)
    assert not may(as_group, "red-look", "delete", "inferenceservices.serving.kserve.io", red)


def test_a_quota_holds(teams: dict[str, str], kubectl: Kubectl) -> None:
    blue = teams["blue"]

    def counted() -> bool:
        return bool(kubectl.get("resourcequota", "workaday", blue).get("status", {}).get("hard"))

    until("the quota is counted", counted)
    until("the namespace has its account", lambda: kubectl.get("serviceaccount", "default", blue))
    kubectl.apply([pod("fits", cpu="1500m", memory="1Gi")], namespace=blue)
    with pytest.raises(KubectlError, match="exceeded quota"):
        kubectl.apply([pod("second", cpu="1500m", memory="256Mi")], namespace=blue)
    gpu = pod("gpu", cpu="100m", memory="128Mi", **{"nvidia.com/gpu": "1"})
    gpu["spec"]["containers"][0]["resources"]["limits"] = {"nvidia.com/gpu": "1"}
    with pytest.raises(KubectlError, match="exceeded quota"):
        kubectl.apply([gpu], namespace=blue)
    # what asks for nothing gets the defaults; without them the quota would let nothing such in
    kubectl.apply([pod("small")], namespace=blue)
    asked = kubectl.get("pod", "small", blue)["spec"]["containers"][0]["resources"]["requests"]
    assert asked == {"cpu": "100m", "memory": "128Mi"}
