"""A plane that stays: `python -m plane up FOLDER`, then WORKADAY_PLANE=FOLDER for the tests, or a shell inside it.

cd tests/cluster
python -m plane up FOLDER [kwok] [kserve] [keda] [pods]   # in a network of its own
python -m plane run FOLDER kubectl get pods               # anything, inside, with KUBECONFIG set
python -m plane down FOLDER
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from plane import crds, keda, kserve, kwok, network, programs, services
from plane.kubectl import KubectlError
from plane.plane import Plane
from plane.pods import ProcessNode
from plane.processes import NotReady

FURTHER: dict[str, Callable[[Plane], object]] = {
    "kwok": kwok.start_with_nodes,
    "kserve": kserve.start,
    "keda": keda.start,
    "pods": lambda plane: ProcessNode(plane).start(),
}


def up(plane: Plane, further: list[str]) -> None:
    """Start a plane and further controllers; what runs already stays."""
    reason = None if plane.processes.alive("etcd") else network.unavailable()
    if reason:
        print(f"left out: pods as processes: {reason}", file=sys.stderr)
    running = plane.processes.alive("etcd")
    with inside(plane) if running else nullcontext() if reason else network.node():
        plane.up()
        crds.install(plane)
        if network.isolated():
            services.start(plane)
        for name in further:
            FURTHER[name](plane)
    print(f"export WORKADAY_PLANE={plane.folder}")


def inside(plane: Plane) -> network.Block:
    """Return a block in the plane's network."""
    return network.of(plane.processes.recorded()["etcd"]["pid"])


def main() -> int:
    """Do what the arguments say; returns the exit status."""
    match sys.argv[1:]:
        case ["up", folder, *further] if set(further) <= set(FURTHER):
            try:
                up(Plane(Path(folder)), further)
            except (programs.Missing, NotReady, KubectlError) as error:
                print(error, file=sys.stderr)
                return 1
        case ["run", folder, *command] if command:
            plane = Plane(Path(folder))
            found = str(programs.find(command[0])) if command[0] in programs.ANYWHERE else command[0]
            with inside(plane):
                os.execvpe(found, [found, *command[1:]], {**os.environ, "KUBECONFIG": str(plane.kubeconfig)})
        case ["down", folder]:
            Plane(Path(folder)).down()
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
