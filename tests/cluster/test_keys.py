"""`keys add`, `list` and `revoke` against a real API server, as somebody who has those rights alone."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from plane import controllers
from plane.kubectl import Kubectl
from plane.plane import Plane

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
RBAC = "rbac.authorization.k8s.io"
SECRET = "dungeon-api-keys"
PROJECT = """\
version: 1
name: dungeon
namespace: {namespace}
platform: {{kind: existing, context: plane, kubeconfig: kubeconfig}}
gateway: {{host: api.dungeon.example}}
models:
  - name: story
    server: {{kind: container, image: "registry.example/story:1", port: 8080}}
    compute: {{cpu: 1, memory: 1Gi}}
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def rights(plane: Plane, namespace: str, tmp_path: Path) -> Callable[..., None]:
    """Give whoever the project's kubeconfig logs in as verbs on Secrets of the namespace, and nothing else."""
    (tmp_path / "project.yaml").write_text(PROJECT.format(namespace=namespace))
    role: dict[str, Any] = {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": {"name": "ann"}}
    bound = controllers.binding("ann", "ann", {"name": "ann", "namespace": namespace}, "Role")
    bound["kind"] = "RoleBinding"

    def give(*verbs: str) -> None:
        role["rules"] = [{"apiGroups": [""], "resources": ["secrets"], "verbs": list(verbs)}]
        plane.kubectl.apply([controllers.service_account(namespace, "ann"), role, bound], namespace=namespace)

    give("get", "create", "patch")
    token = controllers.kubeconfig(plane, namespace, "ann")
    (tmp_path / "kubeconfig").write_bytes(token.read_bytes())
    return give


@pytest.fixture
def run(rights: Callable[..., None], tmp_path: Path) -> Run:
    """Run `workaday keys` in the project's folder."""

    def do(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "workaday", "keys", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return do


def kept(kubectl: Kubectl, namespace: str) -> dict[str, str]:
    """Return what the gateway would read: a caller's name to its key."""
    data = kubectl.get("secret", SECRET, namespace).get("data") or {}
    return {name: base64.b64decode(each).decode() for name, each in data.items()}


def test_keys_are_made_listed_and_taken_away(run: Run, kubectl: Kubectl, namespace: str) -> None:
    assert "no keys yet" in run("list").stdout
    made = {name: run("add", name) for name in ("web", "phone")}
    assert [each.returncode for each in made.values()] == [0, 0], [each.stderr for each in made.values()]
    keys = {name: each.stdout.strip() for name, each in made.items()}
    assert kept(kubectl, namespace) == keys

    listed = json.loads(run("list", "--format", "json").stdout)
    assert [(each["name"], each["ends"]) for each in listed["keys"]] == [
        (name, keys[name][-4:]) for name in ("phone", "web")
    ]
    assert all(each["made"] for each in listed["keys"])
    assert not any(key in run("list").stdout for key in keys.values())

    twice = run("add", "web")
    assert twice.returncode == 1
    assert "error[X201]: there is a key `web` already" in twice.stderr
    assert run("revoke", "web", "--yes").returncode == 0
    assert kept(kubectl, namespace) == {"phone": keys["phone"]}
    live = kubectl.get("secret", SECRET, namespace)
    assert "keys.workaday.dev/web" not in live["metadata"]["annotations"]
    assert "error[X202]: no key `web` in Secret" in run("revoke", "web", "--yes").stderr
    again = run("add", "web").stdout.strip()
    assert again not in ("", keys["web"])
    assert kept(kubectl, namespace) == {"phone": keys["phone"], "web": again}


def test_keys_that_others_make_at_the_same_time_are_not_lost(
    run: Run, kubectl: Kubectl, namespace: str, tmp_path: Path
) -> None:
    assert run("add", "first").returncode == 0
    command = [sys.executable, "-m", "workaday", "keys", "add"]
    children = {
        name: subprocess.Popen(
            [*command, name], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for name in ("a", "b", "c", "d")
    }
    said = {name: child.communicate() for name, child in children.items()}
    done = {name: said[name][0].strip() for name, child in children.items() if child.returncode == 0}
    assert done, said
    assert {name: key for name, key in kept(kubectl, namespace).items() if name != "first"} == done
    for name in children.keys() - done.keys():
        assert "Traceback" not in said[name][1]
        assert "error[" in said[name][1]


def test_a_right_that_is_missing_is_named_at_its_line_and_nothing_is_changed(
    run: Run, rights: Callable[..., None], kubectl: Kubectl, namespace: str
) -> None:
    before = run("add", "web").stdout.strip()
    rights("get")
    for verb in (("add", "phone"), ("revoke", "web", "--yes")):
        said = run(*verb)
        assert said.returncode == 1
        assert f"error[X183]: you may not patch secrets in namespace `{namespace}`" in said.stderr
        assert "project.yaml:4:" in said.stderr
    rights("create")
    assert "error[X183]: you may not get secrets" in run("list").stderr
    assert kept(kubectl, namespace) == {"web": before}
