"""The real KEDA: its operator and its API for external metrics, with its own rights."""

from __future__ import annotations

from plane import controllers, programs
from plane.api import Object
from plane.kubectl import objects
from plane.plane import Plane, fetch

NAMESPACE = "keda"
ACCOUNT = "keda-operator"
METRICS = "keda-metrics-apiserver"
API = "v1beta1.external.metrics.k8s.io"
PROGRAMS = ("keda-operator", "keda-adapter", "config/rbac", "config/metrics-server")


def start(plane: Plane) -> None:
    """Start KEDA and wait until the API server has its metrics.

    Raises:
        Missing, NotReady: something is not built, or does not come up.
    """
    port = plane.port("keda-adapter")
    controllers.make_namespace(plane, NAMESPACE)
    rights = [*objects(programs.find("config/rbac")), *objects(programs.find("config/metrics-server"))]
    kinds = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
    plane.kubectl.apply(
        [
            controllers.service_account(NAMESPACE, ACCOUNT),
            controllers.local_service(NAMESPACE, METRICS, port),
            *(each for each in rights if each["kind"] in kinds),
            extension(plane, port),
        ]
    )
    operator(plane)
    adapter(plane, port)
    plane.kubectl("wait", "--for=condition=Available", "--timeout=240s", f"apiservice/{API}")


def extension(plane: Plane, port: int) -> Object:
    """Return the registration of KEDA's metrics with the API server."""
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": API},
        "spec": {
            "group": "external.metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "caBundle": controllers.bundle(plane),
            "service": {"name": METRICS, "namespace": NAMESPACE, "port": port},
        },
    }


def environment(plane: Plane) -> dict[str, str]:
    """Return what operator and adapter are told of where they run."""
    config = controllers.kubeconfig(plane, NAMESPACE, ACCOUNT)
    own = {"POD_NAMESPACE": NAMESPACE, "KEDA_CLUSTER_OBJECT_NAMESPACE": NAMESPACE, "WATCH_NAMESPACE": ""}
    return {"KUBECONFIG": str(config), **own}


def operator(plane: Plane) -> None:
    """Start the operator."""
    health = plane.port("keda-health")
    certificate = controllers.certificate(plane, "keda", NAMESPACE, [METRICS, ACCOUNT])
    command = [
        f"--metrics-bind-address=127.0.0.1:{plane.port('keda-metrics')}",
        f"--health-probe-bind-address=127.0.0.1:{health}",
        f"--metrics-service-bind-address=127.0.0.1:{plane.port('keda-metrics-service')}",
        f"--cert-dir={certificate.certificate.parent}",
        "--zap-encoder=console",
    ]
    named = controllers.with_names(plane, [programs.find("keda-operator"), *command])  # it calls scalers
    plane.processes.start("keda-operator", named, environment(plane))
    plane.processes.ready("keda-operator", lambda: fetch(f"http://127.0.0.1:{health}/readyz"))


def adapter(plane: Plane, port: int) -> None:
    """Start the API for external metrics."""
    certificate = controllers.certificate(plane, "keda", NAMESPACE, [METRICS, ACCOUNT])
    env = environment(plane)
    flags = ("--lister-kubeconfig", "--authentication-kubeconfig", "--authorization-kubeconfig")
    command = [
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        f"--metrics-service-address=localhost:{plane.port('keda-metrics-service')}",
        f"--cert-dir={certificate.certificate.parent}",
        f"--tls-cert-file={certificate.certificate}",
        f"--tls-private-key-file={certificate.key}",
        *(f"{flag}={env['KUBECONFIG']}" for flag in flags),
    ]
    plane.processes.start("keda-adapter", [programs.find("keda-adapter"), *command], env)
