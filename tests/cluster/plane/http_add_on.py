"""The real HTTP add-on of KEDA: its interceptor holds a request until the model that it is for has come up from zero.

Its programs listen at ports of the node, and their Services have those for their one endpoint.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from plane import controllers, network, programs
from plane.api import Object
from plane.keda import NAMESPACE
from plane.kubectl import objects
from plane.plane import Plane, fetch

PREFIX = "keda-add-ons-http"
INTERCEPTOR, SCALER, OPERATOR = f"{PREFIX}-interceptor", f"{PREFIX}-external-scaler", f"{PREFIX}-operator"
PROXY, ADMIN = f"{INTERCEPTOR}-proxy", f"{INTERCEPTOR}-admin"
SERVICES = {PROXY: 8080, ADMIN: 9090, SCALER: 9090}
RIGHTS = {"operator": OPERATOR, "interceptor": INTERCEPTOR, "scaler": SCALER}
PROGRAMS = ("http-operator", "http-interceptor", "http-scaler", *(f"config/{each}" for each in RIGHTS))
TIMEOUTS = {
    "KEDA_CONDITION_WAIT_TIMEOUT": "240s",
    "KEDA_RESPONSE_HEADER_TIMEOUT": "60s",
    "KEDA_HTTP_CONNECT_TIMEOUT": "5s",
}


def start(plane: Plane) -> None:
    """Start the add-on; KEDA runs already, in a network of the plane's own.

    Raises:
        Missing, NotReady: something is not built, or does not come up.
    """
    served = [each for name, port in SERVICES.items() for each in at_node(name, port, plane.port(name))]
    plane.kubectl.apply([*rights(), *served])
    interceptor(plane)
    scaler(plane)
    operator(plane)


def rights() -> Iterator[Object]:
    """Yield the service accounts, and the project's own roles bound to them."""
    for part, account in RIGHTS.items():
        yield controllers.service_account(NAMESPACE, account)
        for each in objects(programs.find(f"config/{part}")):
            if each.get("kind") not in ("ClusterRole", "Role"):  # patches of end-to-end tests have none
                continue
            each["metadata"]["name"] = account
            yield each
            yield bound(each, account)


def bound(role: Object, account: str) -> Object:
    """Return a role's binding to a service account."""
    metadata = {"name": account, **({"namespace": NAMESPACE} if role["kind"] == "Role" else {})}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": f"{role['kind']}Binding",
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role["kind"], "name": account},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE}],
    }


def at_node(name: str, port: int, listener: int) -> Iterator[Object]:
    """Yield a Service, and its endpoint: a process of the node with a port of its own."""
    metadata = {"name": name, "namespace": NAMESPACE}
    yield {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": port}]}}
    yield {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**metadata, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"name": "", "port": listener, "protocol": "TCP"}],
        "endpoints": [{"addresses": [network.NODE_ADDRESS], "conditions": {"ready": True}}],
    }


def account(plane: Plane, name: str) -> dict[str, str]:
    """Return the environment of a program that comes as a service account."""
    return {"KUBECONFIG": str(controllers.kubeconfig(plane, NAMESPACE, name))}


def interceptor(plane: Plane) -> None:
    """Start what holds requests."""
    env = {
        "KEDA_HTTP_CURRENT_NAMESPACE": NAMESPACE,
        "KEDA_HTTP_PROXY_PORT": str(plane.port(PROXY)),
        "KEDA_HTTP_ADMIN_PORT": str(plane.port(ADMIN)),
        "OTEL_PROM_EXPORTER_PORT": str(plane.port("http-interceptor-metrics")),
        **TIMEOUTS,
        **account(plane, INTERCEPTOR),
    }
    command = controllers.with_names(plane, [programs.find("http-interceptor")])
    plane.processes.start("http-interceptor", command, env)
    ready = f"{url(plane)}/readyz"
    plane.processes.ready("http-interceptor", lambda: fetch(ready) is not None)


def scaler(plane: Plane) -> None:
    """Start what tells KEDA how many requests are held."""
    env = {
        "KEDA_HTTP_SCALER_PORT": str(plane.port(SCALER)),
        "KEDA_HTTP_SCALER_TARGET_ADMIN_NAMESPACE": NAMESPACE,
        "KEDA_HTTP_SCALER_TARGET_ADMIN_SERVICE": ADMIN,
        "KEDA_HTTP_SCALER_TARGET_ADMIN_DEPLOYMENT": INTERCEPTOR,
        "KEDA_HTTP_SCALER_TARGET_ADMIN_PORT": str(plane.port(ADMIN)),
        **account(plane, SCALER),
    }
    plane.processes.start("http-scaler", [programs.find("http-scaler")], env)


def operator(plane: Plane) -> None:
    """Start what makes a ScaledObject of each HTTPScaledObject."""
    health = f"127.0.0.1:{plane.port('http-operator-health')}"
    env = {
        "KEDAHTTP_OPERATOR_EXTERNAL_SCALER_SERVICE": SCALER,
        "KEDAHTTP_OPERATOR_EXTERNAL_SCALER_PORT": str(SERVICES[SCALER]),
        "KEDA_HTTP_OPERATOR_NAMESPACE": NAMESPACE,
        "KEDA_HTTP_OPERATOR_WATCH_NAMESPACE": "",
        **account(plane, OPERATOR),
    }
    metrics = f"--metrics-bind-address=127.0.0.1:{plane.port('http-operator-metrics')}"
    command: list[str | Path] = [programs.find("http-operator"), metrics, f"--health-probe-bind-address={health}"]
    plane.processes.start("http-operator", command, env)
    plane.processes.ready("http-operator", lambda: fetch(f"http://{health}/readyz"))


def url(plane: Plane) -> str:
    """Return where requests go in."""
    return f"http://{network.NODE_ADDRESS}:{plane.port(PROXY)}"


def held(plane: Plane) -> dict[str, object]:
    """Return what the interceptor says of the requests that it holds, by HTTPScaledObject."""
    found: dict[str, object] = json.loads(fetch(f"http://{network.NODE_ADDRESS}:{plane.port(ADMIN)}/queue"))
    return found
