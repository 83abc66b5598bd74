"""A stand-in for exporters that cannot run here: their metrics, by the names and labels that are pinned beside it."""

from __future__ import annotations

import csv
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).parent
POD, NODE, SPACE = "story-predictor-5d9c7b4f6d-x2x7k", "ip-10-0-1-7", "dungeon"
Sample = tuple[str, dict[str, str], float]
NODES = ((NODE, "g6.xlarge", "spot", "gpu"), ("ip-10-0-1-8", "g6.xlarge", "on-demand", "gpu"),
         ("ip-10-0-1-9", "m7i.xlarge", "on-demand", "cpu"))  # fmt: skip


def kube_state() -> Iterator[Sample]:
    """Yield what kube-state-metrics says of three nodes, a model with a GPU, and a pod that waits."""
    for deployment in ("story-predictor", "llm-predictor", "writer-predictor"):
        labels = {"namespace": SPACE, "deployment": deployment}
        yield "kube_deployment_spec_replicas", labels, 1
        yield "kube_deployment_status_replicas_available", labels, 1
    for node, kind, capacity, pool in NODES:
        labels = {"label_node_kubernetes_io_instance_type": kind, "label_workaday_dev_capacity": capacity}
        yield "kube_node_labels", {"node": node, "label_workaday_dev_pool": pool, **labels}, 1
        yield "kube_node_status_allocatable", {"node": node, "resource": "cpu", "unit": "core"}, 4
        if pool == "gpu":
            yield "kube_node_status_allocatable", {"node": node, "resource": "nvidia_com_gpu", "unit": "integer"}, 1
    pods = {"story": (POD, NODE, "nvidia_com_gpu", 1), "writer": ("writer-predictor-6c5-9q8wd", NODES[2][0], "cpu", 1)}
    for pod, node, resource, count in pods.values():
        here = {"namespace": SPACE, "pod": pod}
        yield "kube_pod_info", {**here, "node": node}, 1
        yield "kube_pod_status_phase", {**here, "phase": "Running"}, 1
        asked = {"container": "kserve-container", "resource": resource, "unit": "integer", "node": node}
        yield "kube_pod_container_resource_requests", {**here, **asked}, count
    yield (
        "kube_pod_status_phase",
        {"namespace": SPACE, "pod": "story-predictor-5d9c7b4f6d-late1", "phase": "Pending"},
        1,
    )


def controllers(seconds: float) -> Iterator[Sample]:
    """Yield what Karpenter, KEDA and cert-manager say after some seconds."""
    pool = {"nodepool": "gpu-spot"}
    made = {**pool, "reason": "provisioned", "min_values_relaxed": "false"}
    yield "karpenter_nodeclaims_created_total", made, 2 + seconds // 20
    yield "karpenter_nodeclaims_terminated_total", {**pool, "capacity_type": "spot", "zone": "a"}, 1 + seconds // 30
    for resource, used, most in (("nodes", 2, 23), ("nvidia.com/gpu", 2, 23)):
        yield "karpenter_nodepools_usage", {**pool, "resource_type": resource}, used
        yield "karpenter_nodepools_limit", {**pool, "resource_type": resource}, most
    yield "keda_scaler_metrics_value", {"namespace": SPACE, "scaledObject": "story-predictor", "metric": "s0"}, 3
    names = {"name": "workaday-tls", "namespace": "workaday-system"}
    yield "certmanager_certificate_expiration_timestamp_seconds", names, time.time() + 60 * 86400


def dcgm(seconds: float) -> Iterator[Sample]:
    """Yield every counter of DCGM's exporter that is on by default, of one GPU."""
    known = {"DCGM_FI_DEV_GPU_UTIL": 60 + seconds % 30, "DCGM_FI_DEV_POWER_USAGE": 55 + seconds % 10,
             "DCGM_FI_DEV_FB_USED": 14000, "DCGM_FI_DEV_FB_FREE": 8000}  # fmt: skip
    labels = {"gpu": "0", "UUID": "GPU-1", "device": "nvidia0", "modelName": "NVIDIA L4", "Hostname": NODE}
    with (HERE / "dcgm-exporter.csv").open() as file:
        for row in csv.reader(file):
            if row and not row[0].lstrip().startswith("#") and row[1].strip() != "label":
                yield row[0].strip(), labels, known.get(row[0].strip(), 0.0)


def pinned(samples: Iterator[Sample]) -> Iterator[Sample]:
    """Yield samples whose names and labels their project has.

    Raises AssertionError: one that it has not.
    """
    known = {name: set(labels) for each in json.loads((HERE / "exporters.json").read_text()).values()
             for name, labels in each["metrics"].items()}  # fmt: skip
    for name, labels, value in samples:
        assert set(labels) <= known[name], f"{name} has no {set(labels) - known[name]}"
        yield name, labels, value


def page(seconds: float) -> str:
    """Return all of it in Prometheus' text form."""
    samples = [*pinned(kube_state()), *pinned(controllers(seconds)), *dcgm(seconds)]
    samples.sort(key=lambda each: each[0])
    lines = [f"{name}{{{','.join(f'{k}={json.dumps(v)}' for k, v in labels.items())}}} {value}"
             for name, labels, value in samples]  # fmt: skip
    return "\n".join(lines) + "\n"


@contextmanager
def exporter() -> Iterator[int]:
    """Serve `page` for the length of a block; gives the port."""
    began = time.monotonic()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = page(time.monotonic() - began).encode()
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
