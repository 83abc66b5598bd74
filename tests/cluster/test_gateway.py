"""The real controller of Envoy Gateway takes every object of the door, lets in what it should and nothing else."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from door.project import CHARTS, keys, manifests, services, tree
from plane import controllers, envoy_gateway, kwok, network, programs
from plane.kubectl import Kubectl, KubectlError
from plane.plane import Plane
from plane.processes import until
from plane.testing import LeftOut, Need

Object = dict[str, Any]
Project = Callable[..., str]
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
MANAGED = {"app.kubernetes.io/managed-by": "workaday"}
SYSTEM = "workaday-system"
EXISTING = "\naddons: {gateway: existing}\n"


@pytest.fixture(scope="module")
def controller(plane: Plane, need: Need, left_out: LeftOut) -> Iterator[None]:
    """Envoy Gateway's controller, running; KWOK's stand-in for one, which writes the same statuses, is not."""
    need(*envoy_gateway.PROGRAMS)
    if not network.isolated():
        left_out("Envoy Gateway's ports are fixed: it needs a network of its own")
    stood_in = plane.processes.alive("kwok")
    if stood_in:
        plane.processes.stop("kwok")
        kwok.start(plane, gateways=False)
    envoy_gateway.start(plane)
    yield
    plane.processes.stop("envoy-gateway")
    if stood_in:
        plane.processes.stop("kwok")
        kwok.start(plane)


@pytest.fixture
def project(plane: Plane, kubectl: Kubectl, tmp_path: Path) -> Iterator[Project]:
    """Return what applies a project's door to a namespace of its own, which is labelled as ours unless told."""
    made: list[tuple[str, list[Object]]] = []

    def apply(name: str, labels: dict[str, str] | None = None, **edits: str) -> str:
        namespace = f"{name}-{secrets.token_hex(3)}"
        rendered = tree(tmp_path / name, **edits)
        found = manifests(rendered, namespace)
        controllers.make_namespace(plane, namespace)
        kubectl(
            "label", "namespace", namespace, *(f"{k}={v}" for k, v in (MANAGED if labels is None else labels).items())
        )
        whole = [*found, *services(found), keys(namespace=namespace)]
        for each in whole:
            if each["kind"] == "Service":
                each["spec"].pop("clusterIP")
        made.append((namespace, whole))
        first = [each for each in whole if each["kind"] == "Namespace"]
        kubectl.apply(first) if first else None
        kubectl.apply([each for each in whole if each not in first])
        return namespace

    yield apply
    for namespace, whole in reversed(made):
        for each in whole:
            metadata = each["metadata"]
            where = [f"--namespace={metadata['namespace']}"] if "namespace" in metadata else []
            kubectl("delete", each["kind"], metadata["name"], "--ignore-not-found", "--wait=false", *where)
        kubectl("delete", "namespace", namespace, "--wait=false")
    # the next project makes it anew, which takes that it is gone
    kubectl("wait", "--for=delete", f"namespace/{SYSTEM}", "--timeout=240s")


def accepted(live: Object) -> dict[str, str]:
    """Return what Envoy Gateway's controller says of an object: a condition to its status."""
    status = live.get("status", {})
    mine = [
        each
        for each in [*status.get("parents", ()), *status.get("ancestors", ())]
        if each["controllerName"] == CONTROLLER
    ]
    return {it["type"]: it["status"] for each in mine for it in each["conditions"]}


def says(kubectl: Kubectl, kind: str, name: str, namespace: str, **wanted: str) -> None:
    """Wait until Envoy Gateway says so of an object."""

    def holds() -> bool:
        found = accepted(kubectl.get(kind, name, namespace))
        assert found.items() >= wanted.items(), f"{kind}/{name}: {found}"
        return True

    until(f"{kind}/{name} is {wanted}", holds, 120)


def test_every_object_of_the_door_is_accepted(controller: None, kubectl: Kubectl, project: Project) -> None:
    namespace = project("dungeon")
    for name in ("story-route", "hello-route"):
        says(kubectl, "httproute", name, namespace, Accepted="True", ResolvedRefs="True")
        says(kubectl, "backendtrafficpolicy", name, namespace, Accepted="True")
    for name in ("dungeon-private", "dungeon-public"):
        says(kubectl, "securitypolicy", name, namespace, Accepted="True")
    says(kubectl, "securitypolicy", "workaday", SYSTEM, Accepted="True")
    says(kubectl, "clienttrafficpolicy", "workaday", SYSTEM, Accepted="True")
    says(kubectl, "httproute", "to-https", SYSTEM, Accepted="True")

    def attached() -> bool:
        status = kubectl.get("gateway", "workaday", SYSTEM)["status"]
        found = {each["name"]: each["attachedRoutes"] for each in status["listeners"]}
        assert found == {"http": 1, "https": 2}, status
        return True

    # models' routes are at https alone, whatever they ask for
    until("routes are attached", attached, 120)


def test_a_policy_whose_secret_is_gone_says_so(controller: None, kubectl: Kubectl, project: Project) -> None:
    namespace = project("dungeon")
    kubectl("delete", "secret", "dungeon-api-keys", f"--namespace={namespace}")
    says(kubectl, "securitypolicy", "dungeon-private", namespace, Accepted="False")
    says(kubectl, "securitypolicy", "dungeon-public", namespace, Accepted="True")


def test_routes_of_a_namespace_that_is_not_ours_are_not_let_in(
    controller: None, kubectl: Kubectl, project: Project
) -> None:
    project("dungeon")
    stranger = project("stranger", {"team": "other"}, **{"\nregistry": f"{EXISTING}registry"})
    says(kubectl, "httproute", "story-route", stranger, Accepted="False")


def test_a_second_project_comes_in_by_the_same_door(controller: None, kubectl: Kubectl, project: Project) -> None:
    project("dungeon")
    second = project("shop", **{"\nregistry": f"{EXISTING}registry", "name: story": "name: other", "/hello": "/hi"})
    says(kubectl, "httproute", "other-route", second, Accepted="True")
    says(kubectl, "securitypolicy", "dungeon-private", second, Accepted="True")


def test_two_projects_cannot_both_have_the_gateway_made(plane: Plane, kubectl: Kubectl, tmp_path: Path) -> None:
    helm, values = programs.find("helm"), tmp_path / "values.json"
    values.write_bytes(tree(tmp_path)["releases/gateway.json"])
    spaces = [f"{name}-{secrets.token_hex(3)}" for name in ("first", "second")]

    def install(namespace: str) -> subprocess.CompletedProcess[str]:
        controllers.make_namespace(plane, namespace)
        command = [helm, "upgrade", "--install", "gateway", CHARTS / "gateway", "--namespace", namespace]
        more = ["--values", values, "--kubeconfig", plane.kubeconfig]
        return subprocess.run([*command, *more], capture_output=True, text=True, check=False)

    try:
        first, second = (install(each) for each in spaces)
        assert first.returncode == 0, first.stderr
        assert second.returncode != 0
        assert spaces[0] in second.stderr, second.stderr
    finally:
        remove = [helm, "uninstall", "gateway", "--namespace", spaces[0], "--kubeconfig", plane.kubeconfig]
        subprocess.run(remove, capture_output=True, check=False)
        kubectl("delete", "namespace", *spaces, "--wait=false")


def test_the_api_server_takes_the_door_and_refuses_what_is_wrong_with_it(kubectl: Kubectl, tmp_path: Path) -> None:
    more = "rate_limit: {requests: 3, per: 1m}\n  auth: {jwt: {issuer: 'https://id.dungeon.example'}}"
    for text in ("", more):
        found = [each for each in manifests(tree(tmp_path, text), "default") if each["kind"] != "Namespace"]
        here = json.loads(json.dumps(found).replace(f'"{SYSTEM}"', '"default"'))
        kubectl.apply(here, dry_run=True)
    [policy] = [each for each in here if each["metadata"]["name"] == "dungeon-private"]
    policy["spec"]["targetRefs"][0]["kind"] = "Service"
    with pytest.raises(KubectlError, match="this policy can only have a targetRefs"):
        kubectl.apply([policy], dry_run=True)
