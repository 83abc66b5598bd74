"""One pod: its network, volumes and containers, from its binding to a node until it is gone."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from plane import network
from plane.api import STRATEGIC, Api, ApiError, Object
from plane.kubelet import volumes
from plane.kubelet.container import Container, Launch, now
from plane.kubelet.environment import SpecError, command, environment

TICK = 0.1
RETRY = 2.0  # seconds before something that a pod lacks is looked for again
PATH = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
TOKEN_SECONDS = 12 * 3600


class Images:
    """What is in images: a file that maps names to `command`, `env`, `mounts` and `workdir`; read anew each time.

    `mounts` puts folders and files of this machine where the image would have them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __getitem__(self, image: str) -> Mapping[str, Any]:
        """Return an image by its full name, or by it without a tag or digest.

        Raises:
            SpecError: there is none.
        """
        known: dict[str, dict[str, Any]] = json.loads(self.path.read_text()) if self.path.exists() else {}
        short = image.split("@")[0]
        short = short.rsplit(":", 1)[0] if ":" in short.rsplit("/", 1)[-1] else short
        for name in (image, short):
            if name in known:
                return known[name]
        raise SpecError(f"image {image}: not in {self.path}")


class Pod(threading.Thread):
    """A pod's life; `end` asks for its end.

    Args:
        api: the API server.
        pod: its object as it was bound.
        folder: for its volumes and logs.
        address: its own.
        number: unique on its node.
        images: see `Images`.
        everywhere: folders and files that every container has, by path.
    """

    def __init__(
        self,
        api: Api,
        pod: Object,
        folder: Path,
        address: str,
        number: int,
        images: Images,
        everywhere: Mapping[str, str],
    ) -> None:
        super().__init__(name=pod["metadata"]["name"], daemon=True)
        meta = pod["metadata"]
        self.api, self.pod, self.address, self.number, self.images = api, pod, address, number, images
        self.everywhere = everywhere
        self.folder: Path = folder / meta["uid"]
        self.kept = folder / "claims"
        self.namespace, self.spec = meta["namespace"], pod["spec"]
        self.path = f"/api/v1/namespaces/{self.namespace}/pods/{meta['name']}"
        self.started, self.problem, self.handle = now(), "", -1
        self.ending = threading.Event()
        self.grace = float(self.spec.get("terminationGracePeriodSeconds", 30))
        self.told: Object = {}
        self.containers = [self._container(each) for each in self.spec["containers"]]
        self.first = [self._container(each, first=True) for each in self.spec.get("initContainers", [])]

    def end(self, grace: float | None = None) -> None:
        """Ask for the pod's end; a shorter grace than the asked one may come later and counts."""
        if grace is not None:
            self.grace = grace
        self.ending.set()

    def log(self, container: str) -> Path:
        """Return where a container writes."""
        return self.folder / "logs" / f"{container}.log"

    def run(self) -> None:
        """Live; whatever fails is tried again until the pod's end is asked for."""
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        self.handle = network.make_pod(f"pod{self.number}", self.address)
        try:
            while not self.ending.is_set():
                try:
                    self._live()
                except SpecError as error:
                    self._stuck("CreateContainerConfigError", str(error))
                except ApiError as error:
                    if error.code == 404:
                        break
                    self._stuck("KubeletError", str(error))
            self._terminate()
        finally:
            os.close(self.handle)  # the kernel takes the namespace, and its end on the bridge, with it
            shutil.rmtree(self.folder / "volumes", ignore_errors=True)

    def _live(self) -> None:
        self.volumes = volumes.make(self.pod, self.folder / "volumes", self.kept, self._lookup, self._token)
        self.problem = ""
        for each in self.first:
            if not self._initialise(each):
                return
        for each in self.containers:
            if each.process is None:
                each.start()
        while not self.ending.wait(TICK):
            for each in (*self.containers, *(it for it in self.first if sidecar(it.spec))):
                each.step()
            self._tell(self._phase())
            if self._phase() in ("Succeeded", "Failed"):
                self.ending.wait()

    def _initialise(self, container: Container) -> bool:
        """Run an init container to its end; one that stays beside the others, until it has started up."""
        if container.process is None:
            container.start()
        while not self.ending.wait(TICK):
            container.step()
            self._tell("Pending")
            if sidecar(container.spec):
                if container.running and container.startup.holds:
                    return True
            elif not container.running and container.process and container.process.returncode == 0:
                return True
            elif container.done:
                self._tell("Failed")
                self.ending.wait()
        return False

    def _terminate(self) -> None:
        """End the containers all at once, then those that stay beside them, then the object."""
        for group in (self.containers, self.first):
            threads = [threading.Thread(target=each.stop, args=(self.grace,)) for each in group if each.running]
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                time.sleep(TICK)
                self._tell("Running")
        try:
            self.api.delete(self.path, gracePeriodSeconds=0, preconditions={"uid": self.pod["metadata"]["uid"]})
        except ApiError as error:
            if error.code not in (404, 409):
                raise

    def _container(self, spec: Object, *, first: bool = False) -> Container:
        policy = self.spec.get("restartPolicy", "Always")
        if first:
            policy = "Always" if sidecar(spec) else ("Never" if policy == "Never" else "OnFailure")
        return Container(spec, self.log(spec["name"]), self.address, lambda: self._launch(spec), policy)

    def _launch(self, spec: Object) -> Launch:
        image = self.images[spec["image"]]
        status = {"podIP": self.address, "hostIP": network.NODE_ADDRESS, "podIPs": [{"ip": self.address}]}
        pod = {**self.pod, "status": status}
        env = environment(spec, pod, self._lookup, {**PATH, **image.get("env", {})})
        return Launch(
            command=command(spec, image.get("command", []), env),
            env=env,
            mounts={**self.everywhere, **image.get("mounts", {}), **volumes.mounts(spec, self.volumes)},
            workdir=spec.get("workingDir") or image.get("workdir", "/"),
            network=self.handle,
        )

    def _lookup(self, kind: str, name: str) -> Mapping[str, str] | None:
        collection = {"ConfigMap": "configmaps", "Secret": "secrets"}[kind]
        try:
            found = self.api.get(f"/api/v1/namespaces/{self.namespace}/{collection}/{name}")
        except ApiError as error:
            if error.code == 404:
                return None
            raise
        data: dict[str, str] = found.get("data") or {}
        return volumes.decoded(data) if kind == "Secret" else data

    def _token(self, account: str) -> str:
        body = {"spec": {"expirationSeconds": TOKEN_SECONDS}}
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{account}/token"
        token: str = self.api.create(path, body)["status"]["token"]
        return token

    def _stuck(self, reason: str, message: str) -> None:
        self.problem = message
        for each in (*self.first, *self.containers):
            each.waiting = "ErrImagePull" if message.startswith("image ") else reason
        try:
            self._tell("Pending")
        except ApiError:
            self.ending.set()
        self.ending.wait(RETRY)

    def _phase(self) -> str:
        if not all(each.done for each in self.containers):
            return "Running"
        return (
            "Succeeded" if all(each.process and not each.process.returncode for each in self.containers) else "Failed"
        )

    def _tell(self, phase: str) -> None:
        """Tell the API how the pod is, if that has changed."""
        running = phase == "Running"
        ready = running and all(each.ready for each in self.containers)
        holds = {"Initialized": running, "ContainersReady": ready, "Ready": ready, "PodReadyToStartContainers": True}
        status: Object = {
            "phase": phase,
            "hostIP": network.NODE_ADDRESS,
            "podIP": self.address,
            "podIPs": [{"ip": self.address}],
            "startTime": self.started,
            "conditions": [{"type": name, "status": str(it)} for name, it in holds.items()],
            "containerStatuses": [self._with_problem(each.status()) for each in self.containers],
        }
        if self.first:
            status["initContainerStatuses"] = [self._with_problem(each.status()) for each in self.first]
        if status == self.told:
            return
        told = {each["type"]: each["status"] for each in self.told.get("conditions", [])}
        changed = [
            {**each, "lastTransitionTime": now()} if told.get(each["type"]) != each["status"] else each
            for each in status["conditions"]
        ]
        self.api.patch(f"{self.path}/status", {"status": {**status, "conditions": changed}}, STRATEGIC)
        self.told = status

    def _with_problem(self, status: Object) -> Object:
        if self.problem and "waiting" in status["state"]:
            status["state"]["waiting"]["message"] = self.problem
        return status


def sidecar(spec: Object) -> bool:
    """Return whether an init container stays beside the others."""
    return spec.get("restartPolicy") == "Always"
