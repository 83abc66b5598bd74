"""The bundle that is sent to who can help: what is in it, and above all what is not."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from workaday.cli.debug import debug
from workaday.execute import kube
from workaday.execute.debug import scrub
from workaday.execute.workspace import Workspace
from workaday.project.diagnostics import ProjectError

TOKEN = "hf_" + "a1B2c3D4e5" * 3
PASSWORD = "correct-horse"


def opened(workspace: Workspace, tmp_path: Path) -> dict[str, str]:
    debug(workspace.root / "project.yaml", None, tmp_path / "b.tar.gz", as_json=False)
    with tarfile.open(tmp_path / "b.tar.gz") as tar:
        return {
            each.name.split("/", 1)[1]: (tar.extractfile(each) or pytest.fail(each.name)).read().decode()
            for each in tar.getmembers()
        }


def test_a_bundle_has_what_helps_and_no_credentials(helm, cluster, project, applied, tmp_path, monkeypatch) -> None:
    workspace = project()
    applied(workspace)
    cluster.never["story"] = {"phase": "Running"}
    cluster.log_lines = [f"loading with {TOKEN}", "Authorization: Bearer abcdefgh12345678", f"password={PASSWORD}"]
    every = cluster.every

    def with_environment(kind: kube.Kind, namespace: str | None = None, labels: Any = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = every(kind, namespace, labels)
        for each in found if kind is kube.POD else ():
            each["spec"]["containers"][0]["env"] = [
                {"name": "DB_PASSWORD", "value": PASSWORD},
                {"name": "LOG_LEVEL", "value": "info"},
            ]
            each["spec"]["tolerations"] = [{"key": "nvidia.com/gpu"}]
        return found

    monkeypatch.setattr(cluster, "every", with_environment)
    files = opened(workspace, tmp_path)
    for path in ("project.yaml", "versions.json", "doctor.json", "status.json", "deploy/releases/story.json"):
        assert path in files, path
    assert {each["name"] for each in json.loads(files["cluster/releases.json"])} == {"other", "story"}
    (pod,) = json.loads(files["cluster/pods.json"])
    (container,) = pod["spec"]["containers"]
    assert container["env"] == [{"name": "DB_PASSWORD", "value": "***"}, {"name": "LOG_LEVEL", "value": "info"}]
    assert pod["spec"]["tolerations"] == [{"key": "nvidia.com/gpu"}]
    assert "loading with ***" in files["cluster/logs/story-0/kserve-container.log"]
    everything = "\n".join(files.values())
    for secret in (TOKEN, PASSWORD, "abcdefgh12345678", "sh.helm.release"):
        assert secret not in everything


def test_what_cannot_be_read_is_said_and_hides_nothing_else(helm, cluster, project, tmp_path) -> None:
    workspace = project()
    cluster.away = 10**6
    files = opened(workspace, tmp_path)
    assert "status: " in files["missing.txt"]
    assert "project.yaml" in files


def test_a_bundle_that_cannot_be_written(helm, cluster, project, tmp_path) -> None:
    with pytest.raises(ProjectError, match="cannot write"):
        debug(project().root / "project.yaml", None, tmp_path / "none" / "b.tar.gz", as_json=False)


@pytest.mark.parametrize(
    ("said", "clean"),
    [
        ("curl -H 'x-api-key: abc123'", "curl -H 'x-api-key: ***'"),
        ('{"token": "abc", "tokens": 5}', '{"token": "***", "tokens": 5}'),
        ("postgres://ann:pw@db/x", "***db/x"),
        ("Authorization: Bearer eyJhb.G-ciO_iJ", "Authorization: ***"),
        ("max_new_tokens: 80", "max_new_tokens: 80"),
    ],
)
def test_texts_lose_their_credentials(said: str, clean: str) -> None:
    assert scrub.text(said) == clean


def test_the_home_folder_is_not_told() -> None:
    assert scrub.text("/home/ann/shop/project.yaml", Path("/home/ann")) == "~/shop/project.yaml"
