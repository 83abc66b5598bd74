"""A network namespace of our own: addresses for pods that the API server takes, ports that nobody else has.

The calling thread enters it, and with it all that is started afterwards. Pods that run as processes get a namespace
each, tied to the plane's by a bridge, as on a node. It needs root, or what gives it: without, everything stays on the
machine's loopback, and there are no pods as processes.
"""

from __future__ import annotations

import ctypes
import os
import random
import socket
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

NEW_NETWORK = 0x40000000  # CLONE_NEWNET of <linux/sched.h>
BRIDGE = "pods"
NODE_ADDRESS = "10.77.0.1"
PREFIX = 16
SERVICES = "10.96.0.0/16"
OWN = Path("/proc/thread-self/ns/net")


Block = AbstractContextManager[None]


class Unavailable(Exception):
    """No namespace can be made here; says why."""


def ip(*arguments: str) -> None:
    """Run `ip`.

    Raises:
        Unavailable: it is not there, or refuses.
    """
    try:
        subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise Unavailable("no `ip` on this machine (Debian: iproute2)") from None
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"ip {' '.join(arguments)}: {error.stderr.strip()}") from None


def make_node() -> None:
    """Enter a new namespace and make it a node's: loopback, and a bridge that pods are tied to.

    Raises:
        Unavailable: the kernel or its permissions forbid it.
    """
    system("unshare", NEW_NETWORK)
    ip("link", "set", "lo", "up")
    ip("route", "add", "local", SERVICES, "dev", "lo")
    ip("link", "add", BRIDGE, "type", "bridge")
    ip("address", "add", f"{NODE_ADDRESS}/{PREFIX}", "dev", BRIDGE)
    ip("link", "set", BRIDGE, "up")


def make_pod(name: str, address: str) -> int:
    """Make a pod's namespace with an address on the bridge; returns a descriptor that keeps it and is its handle.

    Args:
        name: of its end on the bridge, 15 characters at most.
        address: of the bridge's network.

    Raises:
        Unavailable: see `make_node`.
    """
    with back() as bridged:
        system("unshare", NEW_NETWORK)
        namespace = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
        ip("link", "set", "lo", "up")
        ip("link", "add", "eth0", "type", "veth", "peer", "name", name, "netns", f"/proc/{os.getpid()}/fd/{bridged}")
        ip("address", "add", f"{address}/{PREFIX}", "dev", "eth0")
        ip("link", "set", "eth0", "up")
        ip("route", "add", "default", "via", NODE_ADDRESS)
    ip("link", "set", name, "master", BRIDGE, "up")
    return namespace


@contextmanager
def node() -> Iterator[None]:
    """Be in a new node's namespace for the length of a block, see `make_node`."""
    with back():
        make_node()
        yield


@contextmanager
def inside(handle: int) -> Iterator[None]:
    """Be in the namespace of a descriptor for the length of a block."""
    with back():
        system("setns", handle, NEW_NETWORK)
        yield


@contextmanager
def of(pid: int) -> Iterator[None]:
    """Be in a process' namespace for the length of a block."""
    with Path(f"/proc/{pid}/ns/net").open() as namespace, inside(namespace.fileno()):
        yield


@contextmanager
def back() -> Iterator[int]:
    """Come back to the namespace in which the block began, to which it gets a descriptor."""
    with OWN.open() as before:
        try:
            yield before.fileno()
        finally:
            if not os.path.samestat(OWN.stat(), os.fstat(before.fileno())):
                system("setns", before.fileno(), NEW_NETWORK)


def system(call: str, *arguments: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, call)(*arguments):
        raise Unavailable(f"{call}: {os.strerror(ctypes.get_errno()).lower()}")


def unavailable() -> str | None:
    """Return why no namespace can be made here, or None."""
    try:
        with node():
            return None
    except Unavailable as reason:
        return str(reason)


def isolated() -> bool:
    """Return whether this is a node's namespace of ours."""
    with socket.socket() as probe:
        try:
            probe.bind((NODE_ADDRESS, 0))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nothing used a moment ago, below those that the kernel gives to clients."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found
