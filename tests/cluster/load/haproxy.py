"""A real HAProxy whose servers are the ready endpoints of a Service, followed by a watch on its EndpointSlices."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from plane.api import ApiError, Object
from plane.plane import Plane
from plane.processes import until
from plane.services import Listener, endpoints

from load.debian import Program
from load.following import following

SLOTS = 200
HEAVIEST = 256  # of a server's weights
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
  balance {balance}
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


class Shares(threading.Thread):
    """Has the proxy give each backend of an HTTPRoute its weight, as a gateway does, and follows both."""

    def __init__(self, plane: Plane, servers: Servers, namespace: str, route: str) -> None:
        super().__init__(daemon=True)
        self.plane, self.servers, self.namespace, self.route = plane, servers, namespace, route
        self.ended = threading.Event()

    def run(self) -> None:
        """Follow until it is ended."""
        while not self.ended.wait(LAG):
            with suppress(OSError, ApiError):
                shares = self.shares()
                self.servers.become(set(shares))
                for each, weight in shares.items():
                    self.servers.say(f"set server model/s{self.servers.taken[each]} weight {weight}")

    def shares(self) -> dict[Listener, int]:
        """Return each ready endpoint's weight."""
        api, groups = Plane(self.plane.folder).api, "/apis/gateway.networking.k8s.io/v1"
        route = api.get(f"{groups}/namespaces/{self.namespace}/httproutes/{self.route}")
        backends = route["spec"]["rules"][0]["backendRefs"]
        whole = sum(each.get("weight", 1) for each in backends)
        found: dict[Listener, int] = {}
        for each in backends:
            selector = f"kubernetes.io/service-name={each['name']}"
            path = f"/apis/discovery.k8s.io/v1/namespaces/{self.namespace}/endpointslices"
            ready = endpoints(api.get(path, labelSelector=selector)["items"], "http")
            found |= {it: round(HEAVIEST * each.get("weight", 1) / whole / len(ready)) for it in ready}
        return found


@contextmanager
def routed(plane: Plane, program: Program, namespace: str, route: str) -> Iterator[str]:
    """Have HAProxy share requests out as an HTTPRoute's weights say, for the length of a block."""
    with started(plane, program, namespace, "random(1)") as (servers, url):
        shares = Shares(plane, servers, namespace, route)
        shares.start()
        until("the proxy has a server", lambda: servers.taken)
        yield url
        shares.ended.set()
        shares.join()


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
    with started(plane, program, namespace, "leastconn") as (servers, url):
        slices = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        selector = f"kubernetes.io/service-name={service}"
        with following(plane, slices, Late(servers, port_name).changed, labelSelector=selector):
            until("the proxy has a server", lambda: servers.taken)
            yield url


@contextmanager
def started(plane: Plane, program: Program, namespace: str, balance: str) -> Iterator[tuple[Servers, str]]:
    """Run HAProxy without servers for the length of a block; returns those that it may have, and its address."""
    name = f"haproxy-{namespace}"
    port, path = plane.port(name), Path(f"/tmp/{name[-40:]}-{plane.port(name)}.sock")  # a socket's path has 108 bytes
    config = plane.folder / f"{name}.cfg"
    config.write_text(CONFIG.format(socket=path, port=port, slots=SLOTS, balance=balance))
    plane.processes.start(name, [program.path, "-db", "-f", config], program.env)
    servers = Servers(path)
    try:
        plane.processes.ready(name, lambda: servers.say("show info"))
        yield servers, f"http://127.0.0.1:{port}"
    finally:
        plane.processes.stop(name)
        path.unlink(missing_ok=True)
