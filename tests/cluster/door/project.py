"""Two models behind one door, and the manifests of both charts for them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from helmet import template

from workaday.execute.workspace import open_workspace
from workaday.render import render

Object = dict[str, Any]
CHARTS = Path(__file__).parents[3] / "charts"
HOST = "api.dungeon.example"
KEYS = {"ann": "wd-ann-4711", "bob": "wd-bob-4712"}
PREDICTOR = """\
import threading

ASKED = threading.Event()


class Predictor:
    def __init__(self, config):
        pass

    def predict(self, payload):
        if "text" in payload:
            return {"said": payload["text"]}
        if "go" in payload:
            ASKED.set()
            return {"went": True}
        return self.pieces()

    def pieces(self):
        yield {"piece": 1}
        ASKED.wait(30)
        yield {"piece": 2}
"""
PROJECT = """\
version: 1
name: dungeon
platform: {kind: existing, context: prod}
registry: {prefix: ghcr.io/team}
gateway:
  host: api.dungeon.example
  cors: ["https://app.dungeon.example"]
  MORE
models:
  - name: story
    server: {kind: torch, predictor: models/story/predictor.py}
    limits: {body: 1Ki, timeout: 20s, concurrency: 4}
  - name: hello
    server: {kind: torch, predictor: models/story/predictor.py}
    limits: {body: 1Ki}
    route: {path: /hello, public: true}
"""


def tree(folder: Path, more: str = "", **edits: str) -> dict[str, bytes]:
    """Return the rendered tree of the project, written to a folder; `edits` replace text of it."""
    text = PROJECT.replace("  MORE\n", f"  {more}\n" if more else "")
    for old, new in edits.items():
        text = text.replace(old, new)
    (folder / "models" / "story").mkdir(parents=True, exist_ok=True)
    (folder / "models" / "story" / "predictor.py").write_text(PREDICTOR)
    (folder / "project.yaml").write_text(text)
    return render(open_workspace(folder / "project.yaml", None).blueprint)


def manifests(rendered: Mapping[str, bytes], namespace: str = "dungeon") -> list[Object]:
    """Return what belongs to the door: all of its own release, and the models' routes."""
    found = template(CHARTS / "gateway", json.loads(rendered["releases/gateway.json"]), namespace)
    for path, content in sorted(rendered.items()):
        values = json.loads(content) if path.startswith("releases/") else {}
        if "models" in values:
            found += [it for it in template(CHARTS / "inference", values, namespace) if it["kind"] == "HTTPRoute"]
    return found


def keys(names: Mapping[str, str] = KEYS, namespace: str = "dungeon") -> Object:
    """Return the Secret that `workaday keys add` fills."""
    data = {name: base64.b64encode(key.encode()).decode() for name, key in names.items()}
    metadata = {"name": "dungeon-api-keys", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}


def services(found: list[Object]) -> Iterator[Object]:
    """Yield a Service for each that a route leads to."""
    for route in (each for each in found if each["kind"] == "HTTPRoute"):
        for backend in (it for rule in route["spec"]["rules"] for it in rule.get("backendRefs", ())):
            metadata = {"name": backend["name"], "namespace": route["metadata"]["namespace"]}
            ports = [{"name": "http", "port": backend["port"], "targetPort": 8080, "protocol": "TCP"}]
            spec = {"ports": ports, "clusterIP": "10.96.0.77", "selector": {"app": backend["name"]}}
            yield {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
