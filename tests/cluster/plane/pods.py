"""A node whose pods are processes: what is in their images, how it is started."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from plane.api import Object
from plane.plane import Plane

RUNTIME_LABEL = "workaday.dev/runtime"
PROCESS = "process"
HERE = Path(__file__).resolve().parents[1]
# Without it what is meant for KWOK's nodes would come here as well.
TAINT = {"key": RUNTIME_LABEL, "value": PROCESS, "effect": "NoSchedule"}
TOLERATION = {"key": RUNTIME_LABEL, "operator": "Equal", "value": PROCESS, "effect": "NoSchedule"}


class ProcessNode:
    """A node of the plane.

    Attributes:
        name: the node's: `WORD-NUMBER`, the number its own and below 16, because it says which addresses its pods have.
    """

    def __init__(self, plane: Plane, name: str = "process-0") -> None:
        self.plane, self.name = plane, name
        self.images = plane.folder / "images.json"

    def image(
        self,
        name: str,
        command: Sequence[str] = (),
        mounts: Mapping[str, Path | str] | None = None,
        env: Mapping[str, str] | None = None,
        workdir: str = "/",
    ) -> None:
        """Say what is in an image: its command, and folders and files of this machine at paths of its own.

        Everything else of the machine's file system is there as well.
        """
        known = json.loads(self.images.read_text()) if self.images.exists() else {}
        made = {str(place): str(source) for place, source in (mounts or {}).items()}
        known[name] = {"command": list(command), "mounts": made, "env": dict(env or {}), "workdir": workdir}
        written = self.images.with_suffix(".new")
        written.write_text(json.dumps(known, indent=1))
        written.replace(self.images)

    def model_server(self, name: str, models: Path | None = None) -> None:
        """Say that an image holds this repository's server, and below /models a folder."""
        command = [sys.executable, "-m", "workaday_server"]
        self.image(name, command, {"/models": models} if models else {}, {"PYTHONUNBUFFERED": "1"})

    def start(
        self, labels: Mapping[str, str] | None = None, taints: Sequence[Object] = (TAINT,), gpus: int = 8
    ) -> None:
        """Start the node and wait until it is ready.

        Raises:
            NotReady: it does not come up.
        """
        described = self.plane.folder / f"{self.name}.json"
        described.write_text(json.dumps(self.described(labels or {}, taints, gpus)))
        command = [sys.executable, "-m", "plane.kubelet", str(self.plane.folder), str(described)]
        path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.plane.processes.start(self.name, command, {"PYTHONPATH": path})
        self.plane.processes.ready(self.name, self.ready)

    def stop(self) -> None:
        """End the node and with it its pods' processes; it is gone from the plane."""
        self.plane.processes.stop(self.name)
        self.plane.api.delete(f"/api/v1/nodes/{self.name}")

    def ready(self) -> bool:
        """Return whether the node says that it is ready."""
        conditions = self.plane.api.get(f"/api/v1/nodes/{self.name}")["status"].get("conditions", [])
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    def described(self, labels: Mapping[str, str], taints: Sequence[Object], gpus: int) -> Object:
        """Return the node's object; what it has is claimed, nothing holds pods to it."""
        capacity = {"cpu": "64", "memory": "256Gi", "pods": "200", "ephemeral-storage": "200Gi"}
        capacity |= {"nvidia.com/gpu": str(gpus)} if gpus else {}
        own = {"kubernetes.io/hostname": self.name, "kubernetes.io/os": "linux", RUNTIME_LABEL: PROCESS}
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self.name, "labels": {**own, **labels}},
            "spec": {"providerID": f"process://{self.name}", "taints": list(taints)},
            "status": {"capacity": capacity, "allocatable": capacity},
        }
