"""One container: its process, started anew where it should be, its probes, what the API is told of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from plane import network
from plane.api import Object
from plane.kubelet import contain
from plane.kubelet.probes import Probe, act

FIRST_WAIT, LONGEST_WAIT = 1.0, 10.0  # seconds before a failed container starts anew; ten and 300 on a real node
HOOK_SECONDS = 600.0


def now() -> str:
    """Return the time as the API writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@dataclass(frozen=True)
class Launch:
    """What a process is started with.

    Attributes:
        command: what to run.
        env: all of its environment.
        mounts: paths to folders and files of this machine.
        workdir: where it starts.
        network: the handle of its pod's namespace.
    """

    command: Sequence[str]
    env: Mapping[str, str]
    mounts: Mapping[str, str]
    workdir: str
    network: int

    def start(self, log: Path, command: Sequence[str] | None = None) -> subprocess.Popen[bytes]:
        """Start the command, or another one in the same place."""
        settings = json.dumps({"mounts": dict(self.mounts), "workdir": self.workdir, "mortal": True})
        words = [sys.executable, "-I", contain.__file__, settings, *(command or self.command)]
        with log.open("ab") as output, network.inside(self.network):
            return subprocess.Popen(
                words,
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )


@dataclass
class Container:
    """A container of a pod.

    Args:
        spec: its own.
        log: what it writes.
        address: its pod's.
        launch: makes what it is started with; asked anew for each start.
        policy: `Always`, `OnFailure` or `Never`.
    """

    spec: Object
    log: Path
    address: str
    launch: Callable[[], Launch]
    policy: str = "Always"
    process: subprocess.Popen[bytes] | None = None
    launched: Launch | None = None
    restarts: int = -1
    started: str = ""
    last: Object = field(default_factory=dict)
    waiting: str = "ContainerCreating"
    again_at: float = 0.0

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.poll() is None

    @property
    def done(self) -> bool:
        """Whether it has ended and is not to be started anew."""
        if self.process is None or self.running:
            return False
        return self.policy == "Never" or (self.policy == "OnFailure" and self.process.returncode == 0)

    @property
    def ready(self) -> bool:
        """Whether it runs, has started up and is ready by its probes."""
        return self.running and self.startup.holds and self.readiness.holds

    def start(self) -> None:
        """Start its process.

        Raises:
            SpecError: it cannot be started as it is written.
        """
        self.launched = self.launch()
        self.process = self.launched.start(self.log)
        self.restarts, self.started = self.restarts + 1, now()
        self.startup = Probe(self.spec.get("startupProbe"), holds=False)
        self.readiness = Probe(self.spec.get("readinessProbe"), holds=False)
        self.liveness = Probe(self.spec.get("livenessProbe"), holds=True)

    def step(self) -> None:
        """Look after it: start it anew where it ended, ask its probes."""
        if self.done:
            return
        if not self.running:
            self._again()
            return
        self.startup.step(self.probe)
        if self.startup.holds:
            self.readiness.step(self.probe)
            self.liveness.step(self.probe)
        if self.startup.failed or self.liveness.failed:
            self.stop(self.spec.get("terminationGracePeriodSeconds", 30))

    def _again(self) -> None:
        if self.process is None:
            return
        if not self.again_at:
            self.last = self._ended()
            self.again_at = time.monotonic() + min(LONGEST_WAIT, FIRST_WAIT * 2 ** max(0, self.restarts))
        if time.monotonic() >= self.again_at:
            self.again_at = 0.0
            self.start()

    def probe(self, spec: Mapping[str, object]) -> bool:
        """Try a probe once."""
        seconds = spec.get("timeoutSeconds", 1)
        timeout = float(seconds) if isinstance(seconds, (int, float)) else 1.0
        return act(spec, self.spec, self.address, timeout, self.run)

    def run(self, command: Sequence[str], timeout: float) -> int:
        """Run a command beside the process, in its place; returns the exit status."""
        assert self.launched is not None
        process = self.launched.start(self.log, command)
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            signalled(process, signal.SIGKILL)
            return process.wait()

    def stop(self, grace: float) -> None:
        """End it as a kubelet does: the hook before, SIGTERM, and once the grace for both is over SIGKILL."""
        end = time.monotonic() + grace
        process = self.process
        if process is None or not self.running:
            return
        hook = self.spec.get("lifecycle", {}).get("preStop")
        if hook:
            act(shortened(hook, grace), self.spec, self.address, min(grace, HOOK_SECONDS), self.run)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, end - time.monotonic()))
        signalled(process, signal.SIGKILL)
        process.wait()

    def status(self) -> Object:
        """Return what the API is told of it."""
        common = {
            "name": self.spec["name"],
            "image": self.spec.get("image", ""),
            "imageID": "",
            "restartCount": max(0, self.restarts),
            "ready": self.ready if self.process else False,
            "started": self.running and self.startup.holds,
        }
        if self.last:
            common["lastState"] = {"terminated": self.last}
        if self.running:
            return {**common, "state": {"running": {"startedAt": self.started}}}
        if self.process is None:
            return {**common, "state": {"waiting": {"reason": self.waiting}}}
        if self.done:
            return {**common, "state": {"terminated": self._ended()}}
        return {**common, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}

    def _ended(self) -> Object:
        assert self.process is not None
        code = self.process.returncode
        code = 128 - code if code < 0 else code
        reason = "Completed" if code == 0 else "Error"
        return {"exitCode": code, "reason": reason, "startedAt": self.started, "finishedAt": now()}


def shortened(hook: Mapping[str, object], grace: float) -> dict[str, object]:
    """Return a hook whose sleep is no longer than the grace, which is all that it gets."""
    if isinstance(sleep := hook.get("sleep"), dict):
        return {"sleep": {"seconds": min(sleep["seconds"], grace)}}
    return dict(hook)


def signalled(process: subprocess.Popen[bytes], number: int) -> None:
    """Signal all that a container's process started; its group may be gone."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
