"""What can go wrong around a run: its way to the API server is cut."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from plane.kubectl import Kubectl

# Helms that nobody lets go on are not waited for as long as those of a user.
APPLY = """
import sys
from workaday.execute import installing, rolling, waiting
from workaday.__main__ import main
installing.ORPHAN_SECONDS = rolling.ORPHAN_SECONDS = 1.0
installing.LOST_SECONDS = waiting.LOST_SECONDS = {lost}
installing.HOPELESS_SECONDS = {hopeless}
sys.argv = ["workaday", "apply", "--yes"]
main()
"""


class Gate:
    """A way to the API server that can be closed: connections through it end, new ones are refused."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.sockets: list[socket.socket] = []
        self.port = 0
        self.open()

    def open(self) -> None:
        """Let connections through, at the same port as before."""
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def close(self) -> None:
        """End every connection and refuse new ones."""
        for each in (self.listener, *self.sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self.sockets.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                ours = listener.accept()[0]
                theirs = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            self.sockets += [ours, theirs]
            for one, other in ((ours, theirs), (theirs, ours)):
                threading.Thread(target=self._copy, args=(one, other), daemon=True).start()

    @staticmethod
    def _copy(one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(1 << 16):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def applying(folder: Path, *, lost: float = 60.0, hopeless: float = 90.0) -> subprocess.Popen[str]:
    """Begin an `apply` in a session of its own, with other patience than a user's, in seconds."""
    return subprocess.Popen(
        [sys.executable, "-c", APPLY.format(lost=lost, hopeless=hopeless)],
        cwd=folder,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def release(kubectl: Kubectl, name: str) -> dict[str, str]:
    """Return the revisions of a release, wherever it is, and how each of them changed last."""
    found = kubectl.list("secrets", f"--selector=owner=helm,name={name}", "--all-namespaces")
    return {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in found}
