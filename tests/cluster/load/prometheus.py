"""A real Prometheus that scrapes the pods of a namespace.

Debian's is built without the discovery of Kubernetes: a watch on the pods writes its targets to a file instead.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from plane.api import ApiError, Object
from plane.plane import Plane, fetch

from load.debian import Program

INTERVAL = "2s"
PORT = "http"


class Prometheus:
    """One that runs; `url` is its address."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Return the samples that a query yields now: labels and value of each."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}, timeout=30, trust_env=False)
        answer.raise_for_status()
        return [(each["metric"], float(each["value"][1])) for each in answer.json()["data"]["result"]]


class Targets:
    """Keeps Prometheus' file of targets like the pods of a namespace."""

    def __init__(self, plane: Plane, namespace: str, file: Path) -> None:
        self.api = Plane(plane.folder).api  # a client of its own: ending it ends the watch
        self.path, self.file = f"/api/v1/namespaces/{namespace}/pods", file
        self.ended = threading.Event()

    def follow(self) -> None:
        """Follow until the end."""
        while not self.ended.is_set():
            try:
                pods: dict[str, Object] = {}
                for event, pod in self.api.watch(self.path):
                    pods[pod["metadata"]["name"]] = pod
                    if event == "DELETED":
                        del pods[pod["metadata"]["name"]]
                    self.write([target for each in pods.values() for target in targets(each)])
            except (ApiError, httpx.HTTPError, RuntimeError) as error:
                if not self.ended.wait(0.5):
                    print(f"pods: {error}", file=sys.stderr)

    def write(self, found: list[dict[str, Any]]) -> None:
        """Write the file anew, whole at any moment."""
        draft = self.file.with_suffix(".new")
        draft.write_text(json.dumps(found))
        draft.replace(self.file)

    def end(self) -> None:
        """End it."""
        self.ended.set()
        self.api.http.close()


def targets(pod: Object) -> Iterator[dict[str, Any]]:
    """Yield what is to be scraped of a pod, labelled as prometheus-operator does it for a PodMonitor of port `http`."""
    address, meta = pod.get("status", {}).get("podIP"), pod["metadata"]
    for container in pod["spec"]["containers"] if address else ():
        for port in container.get("ports", ()):
            if port.get("name") == PORT:
                labels = {"namespace": meta["namespace"], "pod": meta["name"]}
                yield {"targets": [f"{address}:{port['containerPort']}"], "labels": labels}


@contextmanager
def scraping(plane: Plane, program: Program, namespace: str) -> Iterator[Prometheus]:
    """Have Prometheus scrape a namespace's pods for the length of a block."""
    name = f"prometheus-{namespace}"
    folder, port = plane.folder / name, plane.port(name)
    folder.mkdir()
    followed = Targets(plane, namespace, folder / "targets.json")
    job = {"job_name": "models", "file_sd_configs": [{"files": [str(followed.file)]}]}
    configuration = {"global": {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL}, "scrape_configs": [job]}
    (folder / "prometheus.yml").write_text(json.dumps(configuration))
    command: list[str | Path] = [
        program.path,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    url = f"http://127.0.0.1:{port}"
    plane.processes.start(name, command, program.env)
    threading.Thread(target=followed.follow, daemon=True).start()
    try:
        plane.processes.ready(name, lambda: fetch(f"{url}/-/ready"))
        yield Prometheus(url)
    finally:
        followed.end()
        plane.processes.stop(name)
