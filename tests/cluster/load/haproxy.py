"""A real HAProxy whose servers are the ready endpoints of a Service, followed by a watch on its EndpointSlices."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from plane.api import Object
from plane.plane import Plane
from plane.processes import until
from plane.services import Listener, endpoints

from load.debian import Program
from load.following import following

SLOTS = 200
# Seconds until the proxy knows what the API server does: proxies of a cluster hear of an endpoint late.
LAG = 1.0
CONFIG = """\
global
  maxconn 4000
  nbthread 1
  stats socket {socket} mode 600 level admin
defaults
  mode http
  timeout connect 2s
  timeout client 90s
  timeout server 90s
  timeout queue 30s
  retries 3
  option redispatch 1
  retry-on conn-failure
frontend front
  bind 127.0.0.1:{port}
  default_backend model
backend model
  balance leastconn
  server-template s {slots} 127.0.0.1:1 disabled
"""


class Servers:
    """The proxy's slots for servers, filled and emptied by its runtime API."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.taken: dict[Listener, int] = {}
        self.free = deque(range(1, SLOTS + 1))  # the longest free one first: its old connections are over

    def become(self, wanted: set[Listener]) -> None:
        """Have the proxy use exactly these servers for new requests; what others work on they finish."""
        for each in wanted - set(self.taken):
            slot = self.taken[each] = self.free.popleft()
            self.say(f"set server model/s{slot} addr {each[0]} port {each[1]}; set server model/s{slot} state ready")
        for each in set(self.taken) - wanted:
            slot = self.taken.pop(each)
            self.say(f"set server model/s{slot} state maint")
            self.free.append(slot)

    def say(self, command: str) -> str:
        """Say something to the proxy; returns its answer."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(30)
            line.connect(str(self.path))
            line.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: line.recv(65536), b"")).decode()


class Late:
    """Hands endpoints to the proxy `LAG` seconds after it got them."""

    def __init__(self, servers: Servers, port_name: str) -> None:
        self.servers, self.port_name = servers, port_name
        self.lock = threading.Lock()
        self.newest = self.applied = 0

    def changed(self, slices: list[Object]) -> None:
        """Take a Service's EndpointSlices."""
        self.newest += 1
        wanted = set(endpoints(slices, self.port_name))
        timer = threading.Timer(LAG, self.apply, [self.newest, wanted])
        timer.daemon = True
        timer.start()

    def apply(self, number: int, wanted: set[Listener]) -> None:
        """Hand endpoints over, unless the proxy has newer ones."""
        with self.lock, suppress(OSError):  # it has ended
            if number > self.applied:
                self.applied = number
                self.servers.become(wanted)


@contextmanager
def proxied(plane: Plane, program: Program, namespace: str, service: str, port_name: str = "http") -> Iterator[str]:
    """Have HAProxy before a Service's endpoints for the length of a block, which gets its address.

    Args:
        plane: the plane; HAProxy runs in its network.
        program: HAProxy.
        namespace: the Service's.
        service: its name.
        port_name: of the Service's port.
    """
    name = f"haproxy-{namespace}"
    port, path = plane.port(name), Path(f"/tmp/{name[-40:]}-{plane.port(name)}.sock")  # a socket's path has 108 bytes
    config = plane.folder / f"{name}.cfg"
    config.write_text(CONFIG.format(socket=path, port=port, slots=SLOTS))
    plane.processes.start(name, [program.path, "-db", "-f", config], program.env)
    servers = Servers(path)
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
    selector = f"kubernetes.io/service-name={service}"
    try:
        plane.processes.ready(name, lambda: servers.say("show info"))
        with following(plane, slices, Late(servers, port_name).changed, labelSelector=selector):
            until("the proxy has a server", lambda: servers.taken)
            yield f"http://127.0.0.1:{port}"
    finally:
        plane.processes.stop(name)
        path.unlink(missing_ok=True)
