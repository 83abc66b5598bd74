"""pause and resume in a cluster: real Helm, API server, KServe and KEDA; KWOK's nodes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from plane import programs
from plane.kubectl import Kubectl
from plane.plane import Plane
from plane.processes import until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800), pytest.mark.usefixtures("kserve", "keda")]

PROJECT = """\
version: 1
name: dungeon
namespace: {namespace}
platform: {{kind: existing, context: plane, kubeconfig: kubeconfig}}
models:
  - name: story
    server: {{kind: container, image: "registry.example/story:1", port: 8080}}
    compute: {{cpu: 1, memory: 1Gi}}
    scale: {{min: 2, max: 4}}
  - name: other
    server: {{kind: container, image: "registry.example/other:1", port: 8080}}
    compute: {{cpu: 1, memory: 1Gi}}
"""


def test_a_paused_model_has_no_replica_until_it_is_resumed(
    plane: Plane, kubectl: Kubectl, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "project.yaml").write_text(PROJECT.format(namespace=namespace))
    (tmp_path / "kubeconfig").write_bytes(plane.kubeconfig.read_bytes())
    environment = {**os.environ, "WORKADAY_HELM": str(programs.find("helm"))}

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "workaday", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def states() -> dict[str, Any]:
        found = json.loads(run("status", "--format", "json"))
        return {each["name"]: (each["state"], each["ready"], each["wanted"]) for each in found}

    def replicas() -> tuple[int, int]:
        live = kubectl.get("deployment", "story-predictor", namespace)
        return live["spec"]["replicas"], live["status"].get("replicas", 0)

    run("apply", "--yes")
    assert states() == {"story": ("ready", 2, 2), "other": ("ready", 1, 1)}

    run("pause", "story", "--yes")
    assert replicas() == (0, 0)
    assert states() == {"story": ("paused", 0, 0), "other": ("ready", 1, 1)}
    kubectl("annotate", "inferenceservice", "story", "looked=again", f"--namespace={namespace}")
    service = kubectl.get("inferenceservice", "story", namespace)
    until("KServe looks again", lambda: kubectl.get("inferenceservice", "story", namespace) != service)
    assert replicas() == (0, 0)

    run("resume", "story", "--yes")
    assert states() == {"story": ("ready", 2, 2), "other": ("ready", 1, 1)}
