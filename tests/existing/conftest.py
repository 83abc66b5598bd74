"""A fake helm and a fake API server, for what is about our own order and reading; tests/cluster has the real ones."""

from __future__ import annotations

import base64
import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workaday.execute import existing, kube, waiting
from workaday.execute.existing import Event, Place
from workaday.execute.workspace import Workspace, open_workspace
from workaday.render import render
from workaday.render.tree import write

# What it is told to do lies beside it: `fail-VERB-NAME` is what it complains about; what it does, it appends to `log`.
FAKE_HELM = """#!{python}
import json, sys
from pathlib import Path
here = Path(__file__).parent
verb, name = sys.argv[1], sys.argv[2]
with (here / "log").open("a") as log:
    log.write(f"{{verb}} {{name}}" + (f" {{sys.argv[3]}}" if verb == "rollback" else "") + "\\n")
(here / f"argv-{{verb}}").write_text(json.dumps(sys.argv[1:]))
fail, path = here / f"fail-{{verb}}-{{name}}", here / "cluster" / name
if fail.exists():
    sys.stderr.write(fail.read_text())
    sys.exit(1)
records = json.loads(path.read_text()) if path.exists() else []
if verb == "uninstall":
    path.unlink(missing_ok=True)
elif verb == "rollback":
    to = int(sys.argv[3])
    again = next(each for each in records if each["version"] == to)
    for each in records:
        each["info"]["status"] = "superseded"
    info = {{"status": "deployed", "description": f"Rollback to {{to}}"}}
    records.append({{**again, "version": len(records) + 1, "info": info}})
    path.write_text(json.dumps(records))
elif verb == "upgrade":
    manifest = f"apiVersion: serving.kserve.io/v1beta1\\nkind: InferenceService\\nmetadata: {{{{name: {{name}}}}}}\\n"
    for each in records:
        each["info"]["status"] = "superseded"
    record = {{
        "name": name, "namespace": "dungeon", "version": len(records) + 1, "manifest": manifest,
        "info": {{"status": "deployed", "description": sys.argv[sys.argv.index("--description") + 1]}},
        "config": json.load(sys.stdin), "chart": {{"metadata": {{"name": "inference"}}}},
    }}
    records.append(record)
    path.write_text(json.dumps(records))
    print(json.dumps(record))
"""
PROJECT = """\
version: 1
name: dungeon
platform: {kind: existing, context: plane}
models:
  - name: story
    server: {kind: container, image: "registry.example/story:1", port: 8080}
    compute: {cpu: 1, memory: 1Gi}
  - name: other
    server: {kind: container, image: "registry.example/other:1", port: 8080}
    compute: {cpu: 1, memory: 1Gi}
"""


def as_secret(record: dict[str, Any]) -> dict[str, Any]:
    """Return the Secret in which Helm would keep a record."""
    packed = base64.b64encode(gzip.compress(json.dumps(record).encode()))
    name = f"sh.helm.release.v1.{record['name']}.v{record['version']}"
    return {"metadata": {"name": name}, "data": {"release": base64.b64encode(packed).decode()}}


class FakeHelm:
    """The fake program, what it did, and what it is to do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.binary = folder / "helm"
        self.binary.write_text(FAKE_HELM.format(python=sys.executable + " -SE"))
        self.binary.chmod(0o755)
        (folder / "cluster").mkdir()

    def did(self) -> list[str]:
        log = self.folder / "log"
        return log.read_text().splitlines() if log.exists() else []

    def argv(self, verb: str) -> list[str]:
        found: list[str] = json.loads((self.folder / f"argv-{verb}").read_text())
        return found

    def fails(self, verb: str, name: str, said: str) -> None:
        (self.folder / f"fail-{verb}-{name}").write_text(said)

    def works(self, verb: str, name: str) -> None:
        (self.folder / f"fail-{verb}-{name}").unlink()

    def records(self, name: str) -> list[dict[str, Any]]:
        path = self.folder / "cluster" / name
        return json.loads(path.read_text()) if path.exists() else []

    def put(self, name: str, records: list[dict[str, Any]]) -> None:
        (self.folder / "cluster" / name).write_text(json.dumps(records))


class FakeCluster:
    """An API server that holds what the fake helm made: every model is ready, but for those in `never`."""

    def __init__(self, helm: FakeHelm) -> None:
        self.helm = helm
        self.kubeconfig, self.context, self.server = Path("kubeconfig"), "plane", "https://127.0.0.1:1"
        self.at = kube.CONTEXT
        self.never: dict[str, dict[str, Any]] = {}  # the status of a pod, by release
        self.made: list[dict[str, Any]] = []
        self.away = 0  # how many questions stay without an answer
        self.answers: dict[str, bytes] = {}  # by a part of the path
        self.log_lines = ["Traceback", "KeyError: 'weights'"]

    def every(self, kind: kube.Kind, namespace: str | None = None, labels: Any = None) -> list[dict[str, Any]]:
        if self.away:
            self.away -= 1
            raise kube.Unreachable("no answer")
        names = sorted(each.name for each in (self.helm.folder / "cluster").iterdir())
        if kind is kube.SECRET:
            records = [each for name in names for each in self.helm.records(name)]
            if "status" in labels:
                records = [each for each in records if each["info"]["status"] != "superseded"]
            return [as_secret(each) for each in records if each["name"] == labels.get("name", each["name"])]
        if kind is kube.SERVICE:
            return [service(name, ready=name not in self.never) for name in names]
        if kind is kube.POD:
            return [pod(name, self.never[name]) for name in names if name in self.never]
        return []

    def get(self, kind: kube.Kind, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        if kind is kube.NAMESPACE or not name.startswith("sh.helm.release.v1."):
            return next((each for each in self.made if each["metadata"]["name"] == name), None)
        release, _, revision = name.removeprefix("sh.helm.release.v1.").rpartition(".v")
        return next((as_secret(each) for each in self.helm.records(release) if each["version"] == int(revision)), None)

    def create(self, kind: kube.Kind, body: dict[str, Any], namespace: str | None = None) -> None:
        self.made.append(body)

    def read(self, path: str, params: Any = None) -> bytes | None:
        """Answer as the API server does for a path that is no object's: what `answers` has for it."""
        return next((said for known, said in self.answers.items() if known in path), None)

    def log(self, pod: str, namespace: str, *, container: str | None = None, lines: int = 50) -> list[str]:
        return self.log_lines


def service(name: str, *, ready: bool) -> dict[str, Any]:
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    return {
        "metadata": {"name": name, "generation": 1},
        "status": {"observedGeneration": 1, "conditions": [condition]},
    }


def pod(name: str, status: dict[str, Any]) -> dict[str, Any]:
    containers = [{"name": "kserve-container", "image": f"registry.example/{name}:1"}]
    labels = {"serving.kserve.io/inferenceservice": name}
    return {"metadata": {"name": f"{name}-0", "labels": labels}, "spec": {"containers": containers}, "status": status}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for, and nobody holds the project."""
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(waiting, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr("workaday.execute.deploy.hold", lambda folders: None)  # the kernel would hold it until we end


@pytest.fixture
def secret_of() -> Callable[[dict[str, Any]], dict[str, Any]]:
    return as_secret


@pytest.fixture
def helm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHelm:
    folder = tmp_path / "helm"
    folder.mkdir()
    fake = FakeHelm(folder)
    monkeypatch.setenv("WORKADAY_HELM", str(fake.binary))
    return fake


@pytest.fixture
def cluster(helm: FakeHelm, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    fake = FakeCluster(helm)

    def place(workspace: Workspace) -> Place:
        blueprint = workspace.blueprint
        return Place(fake, blueprint.namespace, f"{blueprint.name}/{blueprint.stage}")  # type: ignore[arg-type]

    monkeypatch.setattr(existing, "place_of", place)
    return fake


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Workspace]:
    """Write a project file, render it, and open it."""

    def do(text: str = PROJECT) -> Workspace:
        (tmp_path / "project.yaml").write_text(text)
        workspace = open_workspace(tmp_path / "project.yaml", None)
        write(workspace.tree, render(workspace.blueprint))
        return workspace

    return do


@pytest.fixture
def applied(helm: FakeHelm, cluster: FakeCluster) -> Callable[[Workspace], list[Event]]:
    """Plan and apply; what was told on the way comes back."""

    def do(workspace: Workspace) -> list[Event]:
        told: list[Event] = []
        existing.plan(workspace)
        existing.apply(workspace, told.append)
        return told

    return do
