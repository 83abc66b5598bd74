"""The node: its object and lease, the pods that are bound to it, their logs."""

from __future__ import annotations

import http.server
import re
import ssl
import sys
import threading
import time
import urllib.parse
from collections.abc import Mapping
from pathlib import Path

import httpx

from plane import network
from plane.api import APPLY, STRATEGIC, Api, ApiError, Object
from plane.kubelet.container import now
from plane.kubelet.pod import Images, Pod
from plane.pki import Pair

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
LEASE_SECONDS, RENEW_SECONDS, RETRY_SECONDS = 40, 10, 0.5
PER_SUBNET, PER_NODE = 250, 4000


class Node:
    """A node whose pods are processes.

    Args:
        api: the API server.
        node: its object: name (`WORD-NUMBER`, the number its own and below 16), labels, taints, capacity.
        folder: for what its pods leave.
        images: see `Images`.
        everywhere: see `Pod`.
    """

    def __init__(self, api: Api, node: Object, folder: Path, images: Images, everywhere: Mapping[str, str]) -> None:
        self.api, self.node, self.folder, self.images = api, node, folder, images
        self.everywhere = everywhere
        self.name: str = node["metadata"]["name"]
        self.pods: dict[str, Pod] = {}
        # nodes share the bridge: `spot-2` begins where `spot-1` cannot come
        self.count = PER_NODE * int(re.sub(r".*-(\d+)$", r"\1", self.name))

    def register(self, port: int) -> None:
        """Make the node, with its logs at a port, and say that it is ready."""
        try:
            self.api.create("/api/v1/nodes", self.node)
        except ApiError as error:
            if error.code != 409:
                raise
        condition = {"type": "Ready", "status": "True", "reason": "ProcessKubelet", "lastTransitionTime": now()}
        status = {
            **self.node["status"],
            "conditions": [{**condition, "lastHeartbeatTime": now()}],
            "addresses": [{"type": "InternalIP", "address": network.NODE_ADDRESS}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        }
        self.api.patch(f"/api/v1/nodes/{self.name}/status", {"status": status}, STRATEGIC)

    def renew(self) -> None:
        """Keep the node's lease, for ever."""
        while True:
            lease = {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": self.name},
                "spec": {
                    "holderIdentity": self.name,
                    "leaseDurationSeconds": LEASE_SECONDS,
                    "renewTime": time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime()),
                },
            }
            try:
                self.api.patch(f"{LEASES}/{self.name}", lease, APPLY, fieldManager="kubelet", force="true")
            except (ApiError, httpx.HTTPError) as error:
                print(f"lease: {error}", file=sys.stderr, flush=True)
            time.sleep(RENEW_SECONDS)

    def watch(self) -> None:
        """Follow the pods of this node, for ever."""
        while True:
            try:
                for event, pod in self.api.watch("/api/v1/pods", fieldSelector=f"spec.nodeName={self.name}"):
                    self.on(event, pod)
            except (ApiError, httpx.HTTPError) as error:
                print(f"watch: {error}", file=sys.stderr, flush=True)
                time.sleep(RETRY_SECONDS)

    def on(self, event: str, pod: Object) -> None:
        """Start a pod that is new, end one that is to go."""
        meta = pod["metadata"]
        known = self.pods.get(meta["uid"])
        if event == "DELETED":
            if known:
                known.end(0)
                del self.pods[meta["uid"]]
        elif "deletionTimestamp" in meta:
            if known:
                known.end(meta.get("deletionGracePeriodSeconds"))
            else:
                self.api.delete(f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}", gracePeriodSeconds=0)
        elif not known and pod.get("status", {}).get("phase", "Pending") == "Pending":
            self.count += 1
            network_ = network.NODE_ADDRESS.rsplit(".", 2)[0]
            address = f"{network_}.{1 + self.count // PER_SUBNET}.{1 + self.count % PER_SUBNET}"
            made = Pod(self.api, pod, self.folder, address, self.count, self.images, self.everywhere)
            self.pods[meta["uid"]] = made
            made.start()

    def end(self) -> None:
        """End every pod's processes; their objects stay."""
        for pod in self.pods.values():
            for each in (*pod.containers, *pod.first):
                each.policy = "Never"
        threads = [
            threading.Thread(target=each.stop, args=(1,))
            for pod in self.pods.values()
            for each in (*pod.containers, *pod.first)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def serve_logs(self, certificate: Pair) -> int:
        """Serve what `kubectl logs` asks a kubelet for; returns the port."""
        node = self

        class Logs(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = urllib.parse.urlparse(self.path)
                node.send_log(self, asked.path.split("/")[1:], urllib.parse.parse_qs(asked.query))

            def log_message(self, format: str, *args: object) -> None:
                """Keep quiet."""

        server = http.server.ThreadingHTTPServer((network.NODE_ADDRESS, 0), Logs)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port: int = server.server_address[1]
        return port

    def send_log(
        self, request: http.server.BaseHTTPRequestHandler, parts: list[str], query: dict[str, list[str]]
    ) -> None:
        """Answer `/containerLogs/NAMESPACE/POD/CONTAINER`."""
        pods = [each for each in self.pods.values() if [each.namespace, each.name] == parts[1:3]]
        log = pods[0].log(parts[3]) if pods and parts[0] == "containerLogs" and len(parts) == 4 else None
        if log is None or not log.exists():
            request.send_error(404)
            return
        lines = log.read_bytes().splitlines(keepends=True)
        last = int(query.get("tailLines", ["0"])[0])
        request.send_response(200)
        request.send_header("Content-Type", "text/plain")
        request.end_headers()
        request.wfile.write(b"".join(lines[-last:] if last else lines))
