"""A plane for as long as somebody needs it: new, in a network of its own, or one that is kept running."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from plane import crds, network, services
from plane.plane import Plane

KEPT = "WORKADAY_PLANE"


@contextmanager
def new(folder: Path) -> Iterator[Plane]:
    """Start a plane in a network namespace of its own; end it afterwards.

    Where no namespace can be made it runs on the machine's loopback, and says so.

    Raises:
        Missing, NotReady: see `Plane.up`.
    """
    reason = network.unavailable()
    if reason:
        print(f"left out: pods as processes, with addresses that EndpointSlices take: {reason}", file=sys.stderr)
    with nullcontext() if reason else network.node():
        plane = Plane(folder)
        try:
            plane.up()
            if network.isolated():
                services.start(plane)
            yield plane
        finally:
            plane.down(forget=False)


@contextmanager
def kept(folder: Path) -> Iterator[Plane]:
    """Enter a plane that `python -m plane up` left running."""
    plane = Plane(folder)
    with network.of(plane.processes.recorded()["etcd"]["pid"]):
        yield plane


@contextmanager
def opened(folder: Path) -> Iterator[Plane]:
    """Enter the plane that the environment's `WORKADAY_PLANE` names, or a new one with every pinned definition."""
    if named := os.environ.get(KEPT):
        with kept(Path(named)) as plane:
            yield plane
        return
    with new(folder) as plane:
        crds.install(plane)
        yield plane
