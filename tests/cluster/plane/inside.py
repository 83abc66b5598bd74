"""What controllers need that run in pods: a way from there to the API server, and certificates for their webhooks.

The API server listens on the node's loopback only, so the Service `kubernetes` gets an endpoint of the node's own that
leads there. Certificates are a stand-in for cert-manager: its definitions are there, and each Certificate gets a Secret
of the plane's own authority, which is put where `cert-manager.io/inject-ca-from` asks for it.
"""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from contextlib import suppress
from typing import Any

import httpx

from plane import controllers, network
from plane.api import Api, ApiError
from plane.plane import Plane

ADDRESS = "10.96.0.1"
IN_CLUSTER = {"KUBERNETES_SERVICE_HOST": ADDRESS, "KUBERNETES_SERVICE_PORT": "443"}
INJECT = "cert-manager.io/inject-ca-from"
HOOKS = ("validatingwebhookconfigurations", "mutatingwebhookconfigurations")
LOOK = 0.5


def api_server(plane: Plane) -> None:
    """Let pods reach the API server at the Service `kubernetes`."""
    listener = socket.create_server((network.NODE_ADDRESS, 0))
    threading.Thread(target=accept, args=(listener, plane.port("kube-apiserver")), daemon=True).start()
    port = listener.getsockname()[1]
    plane.kubectl.apply(
        [
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "name": "kubernetes",
                    "namespace": "default",
                    "labels": {"kubernetes.io/service-name": "kubernetes"},
                },
                "addressType": "IPv4",
                "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
                "endpoints": [{"addresses": [network.NODE_ADDRESS], "conditions": {"ready": True}}],
            }
        ]
    )


def accept(listener: socket.socket, port: int) -> None:
    """Lead every connection on."""
    while True:
        ours = listener.accept()[0]
        theirs = socket.create_connection(("127.0.0.1", port))
        for one, other in ((ours, theirs), (theirs, ours)):
            threading.Thread(target=copy, args=(one, other), daemon=True).start()


def copy(one: socket.socket, other: socket.socket) -> None:
    """Copy what comes from one end to the other."""
    with suppress(OSError):
        while data := one.recv(1 << 16):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)


def certificates(plane: Plane) -> None:
    """Issue what Certificates ask for, and vouch for it, from now on."""
    api = Api(plane.server, plane.pki.ca.certificate, plane.admin)
    threading.Thread(target=follow, args=(plane, api), daemon=True).start()


def follow(plane: Plane, api: Api) -> None:
    """Look for Certificates and for who wants to know their authority, for ever."""
    while True:
        with suppress(ApiError, httpx.HTTPError):
            for each in items(api, "/apis/cert-manager.io/v1/certificates"):
                issue(plane, api, each)
            for kind in HOOKS:
                for each in items(api, f"/apis/admissionregistration.k8s.io/v1/{kind}"):
                    if INJECT in (each["metadata"].get("annotations") or {}):
                        vouch(plane, each)
        time.sleep(LOOK)


def items(api: Api, path: str) -> list[Any]:
    """Return the objects at a path."""
    found: list[Any] = api.get(path).get("items") or []
    return found


def issue(plane: Plane, api: Api, certificate: Any) -> None:
    """Make a Certificate's Secret where there is none."""
    namespace, name = certificate["metadata"]["namespace"], certificate["spec"]["secretName"]
    with suppress(ApiError):
        api.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")
        return
    services = [each.partition(".")[0] for each in certificate["spec"]["dnsNames"]]
    pair = controllers.certificate(plane, f"{namespace}-{name}", namespace, services)
    data = {"tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": plane.pki.ca.certificate}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": name},
        "data": {key: base64.b64encode(path.read_bytes()).decode() for key, path in data.items()},
    }
    api.create(f"/api/v1/namespaces/{namespace}/secrets", secret)


def vouch(plane: Plane, configuration: Any) -> None:
    """Put the authority where a webhook's configuration wants it."""
    if all(each["clientConfig"].get("caBundle") for each in configuration["webhooks"]):
        return
    operations = [
        {"op": "add", "path": f"/webhooks/{place}/clientConfig/caBundle", "value": controllers.bundle(plane)}
        for place, _ in enumerate(configuration["webhooks"])
    ]
    kind = configuration.get("kind") or "validatingwebhookconfigurations"
    name = configuration["metadata"]["name"]
    for each in [kind] if configuration.get("kind") else HOOKS:
        with suppress(Exception):
            plane.kubectl("patch", each, name, "--type=json", f"--patch={json.dumps(operations)}")
