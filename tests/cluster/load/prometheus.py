"""A real Prometheus that scrapes the pods of a namespace.

Debian's is built without the discovery of Kubernetes: a watch on the pods writes its targets to a file instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from plane import controllers, network
from plane.api import MERGE, Object
from plane.plane import Plane, fetch

from load.debian import Program
from load.following import following

INTERVAL = "2s"
PORT = "http"
NAME, NAMESPACE = "prometheus-operated", "monitoring"


class Prometheus:
    """One that runs; `url` is its address."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Return the samples that a query yields now: labels and value of each."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}, timeout=30, trust_env=False)
        answer.raise_for_status()
        return [(each["metric"], float(each["value"][1])) for each in answer.json()["data"]["result"]]


def write(file: Path, pods: list[Object]) -> None:
    """Write Prometheus' file of targets anew, whole at any moment."""
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps([target for each in pods for target in targets(each)]))
    draft.replace(file)


def targets(pod: Object) -> Iterator[dict[str, Any]]:
    """Yield what is to be scraped of a pod, labelled as prometheus-operator does it for a PodMonitor of port `http`."""
    address, meta = pod.get("status", {}).get("podIP"), pod["metadata"]
    for container in pod["spec"]["containers"] if address else ():
        for port in container.get("ports", ()):
            if port.get("name") == PORT:
                labels = {"namespace": meta["namespace"], "pod": meta["name"]}
                yield {"targets": [f"{address}:{port['containerPort']}"], "labels": labels}


@contextmanager
def scraping(plane: Plane, program: Program, namespace: str, address: str = "127.0.0.1") -> Iterator[Prometheus]:
    """Have Prometheus scrape a namespace's pods for the length of a block, and listen at an address of the node."""
    name = f"prometheus-{namespace}"
    folder, port = plane.folder / name, plane.port(name)
    folder.mkdir()
    file = folder / "targets.json"
    job = {"job_name": "models", "file_sd_configs": [{"files": [str(file)]}]}
    configuration = {"global": {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL}, "scrape_configs": [job]}
    (folder / "prometheus.yml").write_text(json.dumps(configuration))
    command: list[str | Path] = [
        program.path,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}:{port}",
    ]
    url = f"http://{address}:{port}"
    plane.processes.start(name, command, program.env)
    try:
        with following(plane, f"/api/v1/namespaces/{namespace}/pods", partial(write, file)):
            plane.processes.ready(name, lambda: fetch(f"{url}/-/ready"))
            yield Prometheus(url)
    finally:
        plane.processes.stop(name)


@contextmanager
def serving(plane: Plane, program: Program, namespace: str) -> Iterator[Prometheus]:
    """Have Prometheus scrape a namespace, where the product looks for it: at `prometheus-operated` in `monitoring`."""
    controllers.make_namespace(plane, NAMESPACE)
    with scraping(plane, program, namespace, network.NODE_ADDRESS) as scraped:
        service(plane, plane.port(f"prometheus-{namespace}"))
        try:
            yield scraped
        finally:
            plane.kubectl("delete", "service,pod", NAME, f"--namespace={NAMESPACE}", "--force", "--grace-period=0")


def service(plane: Plane, port: int) -> None:
    """Have the API server's proxy find a process of the node: it goes by old Endpoints, and only to those of a pod."""
    metadata = {"name": NAME, "namespace": NAMESPACE}
    pod = {"schedulerName": "nobody", "containers": [{"name": "prometheus", "image": "prometheus"}]}
    target = {"kind": "Pod", **metadata}
    there = {"addresses": [{"ip": network.NODE_ADDRESS, "targetRef": target}], "ports": [{"port": port}]}
    plane.kubectl.apply(
        [
            {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod},
            {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 9090}]}},
            {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": [there]},
        ]
    )
    at = {"status": {"podIP": network.NODE_ADDRESS, "podIPs": [{"ip": network.NODE_ADDRESS}]}}
    plane.api.patch(f"/api/v1/namespaces/{NAMESPACE}/pods/{NAME}/status", at, MERGE)
