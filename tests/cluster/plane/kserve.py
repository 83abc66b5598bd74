"""The real KServe controller with its chart's settings, rights and webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from plane import controllers, programs
from plane.api import Object
from plane.helm import template
from plane.plane import Plane, fetch

NAMESPACE = "kserve"
ACCOUNT = "kserve-controller-manager"
WEBHOOKS = "kserve-webhook-server-service"
PROGRAMS = ("kserve-manager", "helm", "charts/kserve-resources")
GATEWAY = "kserve.controller.gateway"
SETTINGS = {
    "kserve.controller.deploymentMode": "Standard",
    f"{GATEWAY}.ingressGateway.enableGatewayApi": "true",
    f"{GATEWAY}.disableIstioVirtualHost": "true",  # else every reconcile fails on a kind that is not there
    f"{GATEWAY}.domain": "example.com",
}


def start(plane: Plane, settings: Sequence[str] = ()) -> None:
    """Start KServe and wait until its webhooks judge.

    Args:
        settings: values of its chart, `name=value`, on top of `SETTINGS`.

    Raises:
        Missing, NotReady: something is not built, or does not come up.
    """
    port, health = plane.port("kserve"), plane.port("kserve-health")
    controllers.make_namespace(plane, NAMESPACE)
    certificate = controllers.certificate(plane, "kserve", NAMESPACE, [WEBHOOKS])
    values = [*(f"{name}={value}" for name, value in SETTINGS.items()), *settings]
    chart = template(plane, programs.find("charts/kserve-resources"), "kserve", NAMESPACE, values)
    hooks = [controllers.redirect(plane, each, port) for each in chart if each["kind"].endswith("WebhookConfiguration")]
    late = [each for each in chart if each["kind"] == "ClusterStorageContainer"]  # one of those that the webhooks judge
    plane.kubectl.apply(
        [*(each for each in chart if kept(each, late)), controllers.local_service(NAMESPACE, WEBHOOKS, port)]
    )
    # the controller looks for its certificate below the folder for temporary files
    temporary = plane.folder / "kserve-temporary"
    serving = temporary / "k8s-webhook-server" / "serving-certs"
    serving.mkdir(parents=True, exist_ok=True)
    for each in (certificate.certificate, certificate.key):
        (serving / each.name).write_bytes(each.read_bytes())
    command: list[str | Path] = [
        programs.find("kserve-manager"),
        f"--webhook-port={port}",
        f"--metrics-addr=127.0.0.1:{plane.port('kserve-metrics')}",
        f"--health-probe-addr=127.0.0.1:{health}",
    ]
    config = controllers.kubeconfig(plane, NAMESPACE, ACCOUNT)
    env = {"KUBECONFIG": str(config), "POD_NAMESPACE": NAMESPACE, "TMPDIR": str(temporary)}
    plane.processes.start("kserve", command, env)
    plane.processes.ready("kserve", lambda: fetch(f"http://127.0.0.1:{health}/readyz"))
    plane.kubectl.apply(hooks)
    plane.kubectl.apply(late)


def kept(each: Object, late: Sequence[Object]) -> bool:
    """Return whether an object of the chart is applied as it is: process, certificate and Service are ours."""
    ours = each["kind"] in ("Deployment", "Service") or each["apiVersion"].startswith("cert-manager.io")
    return not ours and not each["kind"].endswith("WebhookConfiguration") and each not in late
