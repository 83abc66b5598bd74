"""`doctor` of a cluster: what is found wrong, and that each finding says what to do. The API server is a fake."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from workaday.execute import existing, kube
from workaday.execute.doctor import cluster as room
from workaday.execute.doctor.findings import Finding, looked
from workaday.execute.workspace import Workspace

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PROJECT = """\
version: 1
name: dungeon
platform: {kind: existing, context: plane}
registry: {prefix: registry.example}
models:
  - {name: story, server: {kind: torch, predictor: story.py}, compute: {cpu: 1, memory: 1Gi}}
gateway: {host: api.dungeon.example, auth: {api_keys: dungeon-keys}, tls: {issuer: letsencrypt, email: a@b.example}}
"""
GROUPS = (
    "serving.kserve.io",
    "keda.sh",
    "monitoring.coreos.com",
    "gateway.networking.k8s.io",
    "gateway.envoyproxy.io",
    "cert-manager.io",
)
SERVES = {"data": {"result": [{"metric": {"model": "story"}, "value": [0, "1"]}]}}


class Sound:
    """A cluster in which all is well; tests break it."""

    server, context, at = "https://127.0.0.1:1", "plane", kube.CONTEXT

    def __init__(self) -> None:
        self.groups = list(GROUPS)
        self.version: bytes | None = b'{"gitVersion": "v1.35.4"}'
        self.prometheus: bytes | None = json.dumps(SERVES).encode()
        gateway = {
            "metadata": {"name": "workaday"},
            "status": {
                "conditions": [{"type": "Programmed", "status": "True"}],
                "addresses": [{"value": "203.0.113.9"}],
            },
        }
        self.objects: dict[tuple[str, str], dict[str, Any]] = {
            ("Gateway", "workaday"): gateway,
            ("Secret", "dungeon-keys"): {"metadata": {"name": "dungeon-keys"}, "data": {"ann": "a2V5"}},
            ("Deployment", "keda-operator"): controller("keda:2.20.2", 1),
        }
        self.certificates = [certificate("2027-02-01T00:00:00Z")]

    def read(self, path: str, params: Any = None) -> bytes | None:
        return self.version if path == "/version" else self.prometheus

    def every(self, kind: kube.Kind, namespace: str | None = None, labels: Any = None) -> list[dict[str, Any]]:
        if kind is kube.DEFINITION:
            return [{"metadata": {"name": each}, "spec": {"group": each}} for each in self.groups]
        return self.certificates if kind is room.CERTIFICATE and namespace == room.SYSTEM else []

    def get(self, kind: kube.Kind, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        return self.objects.get((kind.kind, name))


def controller(image: str, ready: int) -> dict[str, Any]:
    containers = [{"image": f"registry.example/{image}"}]
    return {
        "spec": {"replicas": 1, "template": {"spec": {"containers": containers}}},
        "status": {"readyReplicas": ready},
    }


def certificate(until: str | None) -> dict[str, Any]:
    status = (
        {"notAfter": until} if until else {"conditions": [{"type": "Ready", "status": "False", "message": "no DNS"}]}
    )
    return {"metadata": {"name": "door", "namespace": room.SYSTEM}, "status": status}


@pytest.fixture
def workspace(project, tmp_path) -> Workspace:
    (tmp_path / "story.py").write_text("class Predictor:\n    def predict(self, payload):\n        return payload\n")
    return project(PROJECT)


def findings(workspace: Workspace, sound: Sound) -> dict[str, Finding]:
    place = existing.Place(sound, "dungeon", "dungeon/default")  # type: ignore[arg-type]
    return {each.what: each for each in looked(room.checks(workspace, NOW, place))}


def test_a_sound_cluster_has_no_finding_to_mend(workspace) -> None:
    found = findings(workspace, Sound())
    assert {each.state for each in found.values()} == {"ok"}, found
    assert found["keda"].said == "keda:2.20.2, 1 of 1 ready"
    assert found["metrics"].said == "of story reach Prometheus"


def test_what_is_missing_is_said_with_what_to_do(workspace) -> None:
    sound = Sound()
    sound.groups.remove("keda.sh")
    sound.objects.clear()
    sound.prometheus = json.dumps({"data": {"result": []}}).encode()
    sound.certificates = [certificate("2026-11-30T00:00:00Z")]
    sound.version = b'{"gitVersion": "v1.28.0"}'
    found = findings(workspace, sound)
    states = {name: each.state for name, each in found.items() if each.state != "ok"}
    assert states == {
        "cluster": "warning",
        "keda": "failed",
        "gateway": "failed",
        "keys": "warning",
        "certificate door": "warning",
        "metrics": "failed",
    }
    assert all(found[name].fix for name in states)
    assert "workaday keys add" in found["keys"].fix


def test_what_does_not_work_is_said_in_its_own_words(workspace) -> None:
    sound = Sound()
    sound.objects["Deployment", "keda-operator"] = controller("keda:2.20.2", 0)
    sound.objects["Gateway", "workaday"]["status"] = {
        "conditions": [{"type": "Programmed", "status": "False", "message": "no address is free"}]
    }
    sound.certificates, sound.prometheus = [certificate(None)], None
    found = findings(workspace, sound)
    assert found["keda"].said == "keda:2.20.2, 0 of 1 ready"
    assert found["gateway"].said == "not programmed: no address is free"
    assert found["certificate door"].said == "not issued: no DNS"
    assert "there is no Prometheus" in found["metrics"].said


def test_a_certificate_that_has_ended(workspace) -> None:
    assert room.certificate(certificate("2026-11-20T00:00:00Z"), NOW).state == "failed"
