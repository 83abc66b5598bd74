"""Custom resource definitions: the pinned ones of the repository, and those that come with a tool."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from plane.kubectl import objects
from plane.plane import Plane

CRDS = Path(__file__).resolve().parents[3] / "schemas" / "crds"
PROJECTS = (
    "gateway-api",
    "cert-manager",
    "envoy-gateway",
    "prometheus-operator",
    "keda",
    "keda-http",
    "karpenter",
    "karpenter-aws",
    "kserve",
)


def install(plane: Plane, folders: Iterable[Path] | None = None) -> None:
    """Install every definition of some folders, all pinned ones by default, and wait until each is served.

    Raises:
        KubectlError: one is refused.
    """
    chosen = [CRDS / project for project in PROJECTS] if folders is None else list(folders)
    found = [each for folder in chosen for each in objects(folder)]
    plane.kubectl.apply(found)
    names = [each["metadata"]["name"] for each in found]
    plane.kubectl("wait", "--for=condition=Established", "--timeout=300s", "crd", *names)
