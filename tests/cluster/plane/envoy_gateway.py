"""The real controller of Envoy Gateway: it judges Gateways, routes and policies, and says so in their statuses.

Its proxies are pods that nobody runs here. It comes with every right: its chart names them by values of a build.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

from plane import controllers, programs
from plane.kubelet import contain
from plane.plane import Plane, fetch

NAMESPACE = "envoy-gateway-system"
PROGRAMS = ("envoy-gateway",)
CERTIFICATES = "/certs"
HEALTH = "http://127.0.0.1:8081/readyz"
CONFIG = """\
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
gateway: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}
provider: {type: Kubernetes, kubernetes: {leaderElection: {disable: true}}}
logging: {level: {default: info}}
"""


def start(plane: Plane) -> None:
    """Start the controller, in a network of the plane's own, as its ports are fixed.

    Raises:
        Missing, NotReady: it is not built, or does not come up.
    """
    controllers.make_namespace(plane, NAMESPACE)
    program, folder = programs.find("envoy-gateway"), plane.folder / "envoy-gateway"
    folder.mkdir(exist_ok=True)
    env = {"KUBECONFIG": str(plane.kubeconfig), "ENVOY_GATEWAY_NAMESPACE": NAMESPACE}
    made = subprocess.run(
        [program, "certgen", "--disable-topology-injector"], env=env, capture_output=True, check=False
    )
    assert made.returncode == 0, made.stderr.decode()
    certificates = secret(plane, "envoy-gateway", folder / "certs")
    (folder / "config.yaml").write_text(CONFIG)
    settings = json.dumps({"mounts": {CERTIFICATES: str(certificates)}})
    command: list[str | Path] = [sys.executable, "-I", contain.__file__, settings, program]
    plane.processes.start("envoy-gateway", [*command, "server", "--config-path", folder / "config.yaml"], env)
    plane.processes.ready("envoy-gateway", lambda: fetch(HEALTH) is not None)


def secret(plane: Plane, name: str, folder: Path) -> Path:
    """Write a Secret's files to a folder, and return it."""
    folder.mkdir(exist_ok=True)
    for key, value in plane.kubectl.get("secret", name, NAMESPACE)["data"].items():
        (folder / key).write_bytes(base64.b64decode(value))
    return folder
