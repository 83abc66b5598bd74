"""A real Prometheus that scrapes the pods of a namespace, found by the API server as in a cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from plane import controllers
from plane.plane import Plane, fetch

from load.debian import Program

ACCOUNT = "prometheus"
INTERVAL = "2s"


class Prometheus:
    """One that runs; `url` is its address."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Return the samples that a query yields now: labels and value of each."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}, timeout=30, trust_env=False)
        answer.raise_for_status()
        return [(each["metric"], float(each["value"][1])) for each in answer.json()["data"]["result"]]


@contextmanager
def scraping(plane: Plane, program: Program, namespace: str) -> Iterator[Prometheus]:
    """Have Prometheus scrape a namespace's pods for the length of a block, as a service account that may list them.

    Pods are found and labelled as prometheus-operator does it for a PodMonitor of port `http`.
    """
    plane.kubectl.apply(rights(namespace), namespace=namespace)
    name = f"prometheus-{namespace}"
    folder = plane.folder / name
    folder.mkdir()
    account: dict[str, Any] = json.loads(controllers.kubeconfig(plane, namespace, ACCOUNT).read_text())
    (folder / "token").write_text(account["users"][0]["user"]["token"])
    port = plane.port(name)
    (folder / "prometheus.yml").write_text(json.dumps(configuration(plane, namespace, folder)))
    command: list[str | Path] = [
        program.path,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    url = f"http://127.0.0.1:{port}"
    plane.processes.start(name, command, program.env)
    try:
        plane.processes.ready(name, lambda: fetch(f"{url}/-/ready"))
        yield Prometheus(url)
    finally:
        plane.processes.stop(name)


def configuration(plane: Plane, namespace: str, folder: Path) -> dict[str, Any]:
    """Return what Prometheus is told: whom to ask for pods, and which of their labels its samples have."""
    keep = {"source_labels": ["__meta_kubernetes_pod_container_port_name"], "regex": "http", "action": "keep"}
    labels = [
        {"source_labels": [f"__meta_kubernetes_{source}"], "target_label": target}
        for source, target in (("namespace", "namespace"), ("pod_name", "pod"))
    ]
    discovery = {
        "role": "pod",
        "api_server": plane.server,
        "authorization": {"credentials_file": str(folder / "token")},
        "tls_config": {"ca_file": str(plane.pki.ca.certificate)},
        "namespaces": {"names": [namespace]},
    }
    job = {"job_name": "models", "kubernetes_sd_configs": [discovery], "relabel_configs": [keep, *labels]}
    return {"global": {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL}, "scrape_configs": [job]}


def rights(namespace: str) -> list[dict[str, Any]]:
    """Return a service account that may watch the pods of its namespace."""
    reads = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
    api = "rbac.authorization.k8s.io"
    reference = {"apiGroup": api, "kind": "Role", "name": ACCOUNT}
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}
    meta = {"name": ACCOUNT, "namespace": namespace}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": meta, "rules": [reads]},
        {
            "apiVersion": f"{api}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": reference,
            "subjects": [subject],
        },
    ]
