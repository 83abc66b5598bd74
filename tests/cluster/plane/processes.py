"""Processes that outlive the call that started them: recorded with their start time, ended only by it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

PATIENCE = 300.0  # seconds until something that should come up is given up: the machine may be busy
POLL = 0.1
GRACE = 15.0
LAST_LINES = 15


class NotReady(Exception):
    """Something did not come up; says what, and the end of its log."""


def started_at(pid: int) -> int | None:
    """Return when a process started, in the kernel's ticks, or None where none of that number runs."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[0] == "Z" else int(fields[19])


def until(what: str, condition: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait for a condition to hold; what it raises counts as not yet.

    Raises:
        NotReady: it does not, in `patience` seconds.
    """
    end, last = time.monotonic() + patience, "it stayed false"
    while time.monotonic() < end:
        try:
            if condition():
                return
        except NotReady:
            raise
        except Exception as error:
            last = str(error) or repr(error)
        time.sleep(POLL)
    raise NotReady(f"{what}: not after {patience:.0f} s ({last})")


class Processes:
    """The processes of one folder, by name: `pids.json`, and `logs/NAME.log` of each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.record = folder / "pids.json"

    def recorded(self) -> dict[str, dict[str, int]]:
        """Return the number and the start of each process that was started and not stopped, the first one first."""
        found: dict[str, dict[str, int]] = json.loads(self.record.read_text()) if self.record.exists() else {}
        return found

    def alive(self, name: str) -> bool:
        """Return whether a process runs, and is the one that was started."""
        entry = self.recorded().get(name)
        return entry is not None and started_at(entry["pid"]) == entry["ticks"]

    def log(self, name: str) -> Path:
        """Return where a process writes."""
        return self.logs / f"{name}.log"

    def start(self, name: str, command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> None:
        """Start a process in a session of its own; nothing happens where it runs already."""
        if self.alive(name):
            return
        self.logs.mkdir(parents=True, exist_ok=True)
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                [str(each) for each in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
        ticks = started_at(process.pid)
        self._write({**self.recorded(), name: {"pid": process.pid, "ticks": -1 if ticks is None else ticks}})

    def ready(self, name: str, condition: Callable[[], object]) -> None:
        """Wait until a process is ready.

        Raises:
            NotReady: it ended, or takes too long.
        """

        def holds() -> object:
            if not self.alive(name):
                raise NotReady(f"{name} ended:\n{self.tail(name)}")
            return condition()

        try:
            until(name, holds)
        except NotReady as error:
            raise NotReady(f"{error}\n{self.tail(name)}") from None

    def tail(self, name: str) -> str:
        """Return the last lines that a process wrote."""
        log = self.log(name)
        return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:]) if log.exists() else ""

    def stop(self, *names: str) -> None:
        """End processes, all where none is named, the last started first; those of another start are left alone."""
        for name in names or tuple(reversed(self.recorded())):
            entry = self.recorded().get(name)
            if entry and self.alive(name):
                end(entry["pid"])
            self._write({other: it for other, it in self.recorded().items() if other != name})

    def _write(self, record: Mapping[str, Mapping[str, int]]) -> None:
        self.record.write_text(json.dumps(record, indent=1))


def end(pid: int) -> None:
    """End a process and, where it does not within its grace, kill it."""
    ticks = started_at(pid)
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        limit = time.monotonic() + GRACE
        while time.monotonic() < limit:
            reap(pid)
            if started_at(pid) != ticks:
                return
            time.sleep(POLL)


def reap(pid: int) -> None:
    """Collect an ended child; one of another process is that one's to collect."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
