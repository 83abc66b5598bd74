"""Probes, with the thresholds, periods and delays that a pod's specification gives them."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from plane.api import Object

# runs a command in a container; returns its exit status
Run = Callable[[Sequence[str], float], int]


def port_of(port: int | str, container: Object) -> int:
    """Return a port, which may be given by the name that the container has for it."""
    if isinstance(port, int) or port.isdigit():
        return int(port)
    found: int = next(each["containerPort"] for each in container.get("ports", []) if each.get("name") == port)
    return found


def act(action: Mapping[str, Any], container: Object, address: str, timeout: float, run: Run) -> bool:
    """Do what a probe or a hook does; returns whether it succeeded.

    Args:
        action: `httpGet`, `tcpSocket`, `grpc` (only a connection is tried), `exec` or `sleep`.
        container: whose ports may be named.
        address: the pod's.
        timeout: in seconds.
        run: what `exec` is run with.
    """
    if "exec" in action:
        return run(action["exec"]["command"], timeout) == 0
    if "sleep" in action:
        time.sleep(action["sleep"]["seconds"])
        return True
    try:
        if "httpGet" in action:
            return 200 <= get(action["httpGet"], container, address, timeout) < 400
        target = action.get("tcpSocket") or action["grpc"]
        socket.create_connection((target.get("host") or address, port_of(target["port"], container)), timeout).close()
    except (OSError, http.client.HTTPException):
        return False
    return True


def get(request: Mapping[str, Any], container: Object, address: str, timeout: float) -> int:
    host, port = request.get("host") or address, port_of(request["port"], container)
    if request.get("scheme") == "HTTPS":
        unverified = ssl.create_default_context()
        unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=timeout, context=unverified
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
    headers = {each["name"]: each["value"] for each in request.get("httpHeaders", [])}
    try:
        connection.request("GET", request.get("path") or "/", headers={"User-Agent": "kube-probe/1.35", **headers})
        return connection.getresponse().status
    finally:
        connection.close()


class Probe:
    """One probe of a running container; `holds` is its verdict so far.

    Args:
        spec: of the pod's specification, or None for what always holds.
        holds: the verdict before the first one.
        clock: seconds, monotonic.
    """

    def __init__(
        self, spec: Mapping[str, Any] | None, holds: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.spec = spec
        self.holds = holds if spec else True
        self.failed = False
        self.clock = clock
        self.due = clock() + (spec or {}).get("initialDelaySeconds", 0)
        self.passes = self.failures = 0

    def step(self, try_once: Callable[[Mapping[str, Any]], bool]) -> None:
        """Try once, if it is time; `failed` says that its failures have reached the threshold."""
        if self.spec is None or self.clock() < self.due:
            return
        if try_once(self.spec):
            self.passes, self.failures = self.passes + 1, 0
        else:
            self.passes, self.failures = 0, self.failures + 1
        if self.passes >= self.spec.get("successThreshold", 1):
            self.holds = True
        if self.failures >= self.spec.get("failureThreshold", 3):
            self.holds, self.failed = False, True
        self.due = self.clock() + self.spec.get("periodSeconds", 10)
