"""What every controller needs that runs here as a process and in a cluster behind a Service.

It comes as its own service account, so a right that it lacks shows. Its Service is replaced by one of type ExternalName
to `localhost`, which the API server follows for webhooks and for its extensions alike: their configuration keeps
naming the Service, only a port and who signed the certificate are added.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from plane import network
from plane.api import ApiError, Object
from plane.kubelet import contain
from plane.pki import Pair
from plane.plane import Plane
from plane.processes import until

HOURS = 12


def with_names(plane: Plane, command: Sequence[str | Path]) -> list[str | Path]:
    """Return a command that sees the Services' names, where the plane has a network of its own."""
    if not network.isolated():
        return list(command)
    settings = json.dumps({"mounts": {"/etc/hosts": str(plane.folder / "hosts")}})
    return [sys.executable, "-I", contain.__file__, settings, *command]


def make_namespace(plane: Plane, name: str) -> None:
    """Make a namespace where there is none."""
    try:
        plane.api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    except ApiError as error:
        if error.code != 409:
            raise


def kubeconfig(plane: Plane, namespace: str, account: str) -> Path:
    """Return a kubeconfig of a service account, which is there or about to be."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": HOURS * 3600},
    }
    until(f"service account {account}", lambda: plane.api.get(path.removesuffix("/token")))
    token = plane.api.create(path, request)["status"]["token"]
    return plane.write_kubeconfig(plane.folder / f"{namespace}-{account}.kubeconfig", token=token)


def local_service(namespace: str, name: str, port: int) -> Object:
    """Return a Service that stands for a process of this machine."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
    }


def certificate(plane: Plane, name: str, namespace: str, services: Sequence[str]) -> Pair:
    """Return a certificate for Services, in a folder of its own as `tls.crt`, `tls.key` and `ca.crt`."""
    hosts = ["localhost", *(f"{each}.{namespace}.svc" for each in services)]
    issued = plane.pki.issue(name, user=hosts[-1], hosts=hosts)
    folder = plane.folder / f"{name}-certificates"
    folder.mkdir(exist_ok=True)
    pair = Pair(folder / "tls.crt", folder / "tls.key")
    pair.certificate.write_bytes(issued.certificate.read_bytes())
    pair.key.write_bytes(issued.key.read_bytes())
    (folder / "ca.crt").write_bytes(plane.pki.ca.certificate.read_bytes())
    return pair


def bundle(plane: Plane) -> str:
    """Return who signs certificates here, as configurations want it: base64."""
    return base64.b64encode(plane.pki.ca.certificate.read_bytes()).decode()


def redirect(plane: Plane, configuration: Object, port: int) -> Object:
    """Return a webhook configuration whose Service is at another port, with a certificate of ours."""
    changed: Object = json.loads(json.dumps(configuration))
    for webhook in changed["webhooks"]:
        webhook["clientConfig"]["caBundle"] = bundle(plane)
        webhook["clientConfig"]["service"]["port"] = port
    changed["metadata"].pop("creationTimestamp", None)
    return changed


def binding(name: str, role: str, subject: Mapping[str, str], kind: str = "ClusterRole") -> Object:
    """Return a ClusterRoleBinding of a role to a service account."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", **subject}],
    }


def service_account(namespace: str, name: str) -> Object:
    """Return a service account."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}
