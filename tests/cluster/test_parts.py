"""The plane's pure parts, without any of its programs."""

from __future__ import annotations

from typing import Any

import pytest
from plane import karpenter, kwok, programs, services
from plane.kubelet.environment import SpecError, command, environment, expand, number, resource
from plane.kubelet.probes import Probe
from plane.kubelet.volumes import files

from workaday import catalog

POD: dict[str, Any] = {
    "metadata": {"name": "a", "namespace": "n", "labels": {"app": "story"}},
    "spec": {},
    "status": {"podIP": "10.77.1.2"},
}
KNOWN = {("ConfigMap", "settings"): {"mode": "fast"}, ("Secret", "word"): {"it": "sesame"}}


def look(kind: str, name: str) -> dict[str, str] | None:
    return KNOWN.get((kind, name))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("$(A)/x", "1/x"), ("$$(A)", "$(A)"), ("$(B)", "$(B)"), ("$A", "$A"), ("$(A)$(A)", "11")],
)
def test_references_are_expanded(text: str, expected: str) -> None:
    assert expand(text, {"A": "1"}) == expected


def test_an_environment_is_the_images_then_its_sources_then_its_own() -> None:
    container = {
        "envFrom": [{"prefix": "P_", "configMapRef": {"name": "settings"}}],
        "env": [
            {"name": "WHERE", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
            {"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "word", "key": "it"}}},
            {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "word", "key": "no", "optional": True}}},
            {"name": "HOME", "value": "/$(APP)"},
        ],
    }
    found = environment(container, POD, look, {"HOME": "/root", "PATH": "/bin"})
    assert found == {
        "PATH": "/bin",
        "P_mode": "fast",
        "WHERE": "10.77.1.2",
        "APP": "story",
        "WORD": "sesame",
        "HOME": "/story",
    }


def test_what_is_missing_is_said() -> None:
    container = {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "none"}}}]}
    with pytest.raises(SpecError, match="couldn't find key none in ConfigMap settings"):
        environment(container, POD, look, {})
    with pytest.raises(SpecError, match='configmap "nothing" not found'):
        files({"name": "v", "configMap": {"name": "nothing"}}, POD, look, str)
    with pytest.raises(SpecError, match="no volumes of the kind csi"):
        files({"name": "v", "csi": {}}, POD, look, str)


def test_a_command_is_the_containers_over_the_images() -> None:
    assert command({"args": ["$(X)"]}, ["serve"], {"X": "1"}) == ["serve", "1"]
    assert command({"command": ["own"]}, ["serve"], {}) == ["own"]
    assert command({}, ["echo", "$$"], {}) == ["echo", "$$"]
    with pytest.raises(SpecError, match="no command"):
        command({}, [], {})


@pytest.mark.parametrize(("quantity", "expected"), [("500m", 0.5), ("2Gi", 2 * 2**30), ("3", 3), ("1k", 1000)])
def test_quantities(quantity: str, expected: float) -> None:
    assert number(quantity) == expected


def test_resources_are_in_units_of_a_divisor() -> None:
    container = {"resources": {"limits": {"memory": "1.5Gi"}}}
    assert resource(container, "limits", "memory", "1Mi") == "1536"
    assert resource(container, "limits", "memory", "1Gi") == "2"


def test_a_probe_holds_and_fails_by_its_thresholds() -> None:
    time, answers = [0.0], [True]
    spec = {"periodSeconds": 5, "initialDelaySeconds": 3, "failureThreshold": 2, "successThreshold": 2}
    probe = Probe(spec, holds=False, clock=lambda: time[0])
    seen = []
    for now, answer in ((0, True), (3, True), (4, True), (8, True), (13, False), (18, False)):
        time[0], answers[0] = now, answer
        probe.step(lambda _: answers[0])
        seen.append((probe.holds, probe.failed))
    assert seen == [(False, False)] * 3 + [(True, False)] * 2 + [(False, True)]


def test_what_is_not_probed_holds() -> None:
    assert Probe(None, holds=False).holds


def test_a_connection_goes_to_what_is_ready() -> None:
    piece = {
        "ports": [{"name": "http", "port": 8080}, {"name": "grpc", "port": 9000}],
        "endpoints": [
            {"addresses": ["10.77.1.2"], "conditions": {"ready": True}},
            {"addresses": ["10.77.1.3"], "conditions": {"ready": False}},
        ],
    }
    assert services.endpoints([piece], "http") == [("10.77.1.2", 8080)]
    assert services.endpoints([piece], "other") == []


def test_services_have_names() -> None:
    service = {"metadata": {"name": "echo", "namespace": "n"}, "spec": {"clusterIP": "10.96.0.9"}}
    assert "10.96.0.9 echo.n echo.n.svc echo.n.svc.cluster.local" in services.hosts([service])


@pytest.mark.parametrize(("cloud", "instance"), [("aws", "g6.xlarge"), ("gcp", "g2-standard-4")])
def test_nodes_are_labelled_and_tainted_as_node_groups(cloud: str, instance: str) -> None:
    group = {"cloud": cloud, "instance": instance, "pool": "gpu", "capacity": "spot"}
    node = kwok.node(group, "gpu-0", "a")
    assert node["metadata"]["labels"]["workaday.dev/pool"] == "gpu"
    assert node["metadata"]["labels"]["workaday.dev/capacity"] == "spot"
    assert {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"} in node["spec"]["taints"]
    assert len(node["spec"]["taints"]) == 2
    assert node["status"]["allocatable"]["nvidia.com/gpu"] == "1"


def test_karpenters_prices_are_the_catalogues() -> None:
    catalogue = catalog.read("aws")
    assert catalogue
    (offered,) = karpenter.types(catalogue, "us-east-1", ["g6.xlarge"], {("g6.xlarge", "spot")})
    assert {each["Price"] for each in offered["offerings"]} == {catalogue.usd_hour("g6.xlarge", "us-east-1")}
    assert offered["resources"]["nvidia.com/gpu"] == "1"
    with pytest.raises(ValueError, match="no price in eu-west-1"):
        karpenter.types(catalogue, "eu-west-1", ["g6.xlarge"])


def test_every_tool_is_pinned() -> None:
    found = programs.tools()
    assert list(found) == list(programs.ORDER)
    for tool in found.values():
        if tool.programs:
            assert tool.version().startswith("v")
            assert (tool.folder / "go.sum").stat().st_size > 0


def test_a_program_that_is_not_built_says_how(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("WORKADAY_CACHE", str(tmp_path))
    monkeypatch.setattr(programs, "go_version", lambda: "go1.26.8")
    assert programs.lacking("kwok") == "kwok is not built: python tests/cluster/tools/build.py kwok"
    monkeypatch.setattr(programs, "go_version", lambda: None)
    assert "no `go`" in str(programs.lacking("kwok"))
