"""`python -m plane.kubelet FOLDER NODE.json`: a node of the plane in a folder, until it is ended."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

from plane import network
from plane.kubelet.node import Node
from plane.kubelet.pod import Images
from plane.plane import Plane
from plane.services import hosts_file


def main() -> None:
    """Run a node."""
    plane, described = Plane(Path(sys.argv[1])), json.loads(Path(sys.argv[2]).read_text())
    name = described["metadata"]["name"]
    names = {"/etc/hosts": str(hosts_file(plane))}
    node = Node(plane.api, described, plane.folder / "pods", Images(plane.folder / "images.json"), names)
    certificate = plane.pki.issue(f"kubelet-{name}", user=f"system:node:{name}", hosts=[network.NODE_ADDRESS])

    def leave(*_: object) -> None:
        node.end()
        os._exit(0)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    node.register(node.serve_logs(certificate))
    threading.Thread(target=node.renew, daemon=True).start()
    threading.Thread(target=node.watch, daemon=True).start()
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
