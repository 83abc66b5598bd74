"""An open loop: requests at a steady rate, whatever becomes of the earlier ones; each one's fate is counted.

What a machine that is too busy cannot send in time is left out, not sent later: the report says the real rate.

python -m load.client URL RATE REPORT     # until SIGTERM; then it waits for what is under way and writes
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from plane.processes import until

HERE = Path(__file__).resolve().parents[1]
PATIENCE = 60.0  # seconds for one answer: far more than the server's own limit
KEPT_FAILURES = 20
MOST_UNDER_WAY = 400  # with more, one long pause would become a burst that a busy machine never works off


@dataclass
class Report:
    """What became of the requests.

    Attributes:
        sent: all of them.
        answered: with the right answer.
        refused: with 429, the queue was full: never accepted.
        failed: by what came instead of an answer, or what was wrong with it.
        words: of the answers, the revision's word.
        processes: of the answers, which process gave it.
        seconds: from the first to the last request.
        failures: the first of them: seconds since the start, and why.
    """

    sent: int = 0
    answered: int = 0
    refused: int = 0
    failed: dict[str, int] = field(default_factory=Counter)
    words: dict[str, int] = field(default_factory=Counter)
    processes: dict[str, int] = field(default_factory=Counter)
    seconds: float = 0.0
    failures: list[tuple[float, str]] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """How many failed."""
        return sum(self.failed.values())

    @property
    def rate(self) -> float:
        """Requests a second, as they were really sent."""
        return self.sent / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        """Say the figures in a line, and the first failures."""
        head = f"{self.sent} sent in {self.seconds:.0f} s ({self.rate:.0f}/s), {self.answered} answered"
        tail = f"{self.refused} refused, {self.lost} failed {dict(self.failed)}, by {len(self.processes)} processes"
        return f"{head}, {tail}" + "".join(f"\n  {at:.1f} s: {why}" for at, why in self.failures)


class Asking:
    """Asks one address."""

    def __init__(self, session: aiohttp.ClientSession, url: str, rate: float) -> None:
        self.session, self.url, self.rate = session, url, rate
        self.report, self.began = Report(), time.monotonic()

    async def steadily(self, stop: asyncio.Event) -> Report:
        """Ask until `stop`, then wait for the answers that are still to come."""
        tasks: set[asyncio.Task[None]] = set()
        passed = 0
        while not stop.is_set():
            due = int((time.monotonic() - self.began) * self.rate)
            for _ in range(min(due - passed, MOST_UNDER_WAY - len(tasks))):
                task = asyncio.create_task(self.ask(self.report.sent))
                self.report.sent += 1
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            passed = due
            await asyncio.sleep(1 / self.rate)
        self.report.seconds = time.monotonic() - self.began
        await asyncio.gather(*tasks)
        return self.report

    async def ask(self, number: int) -> None:
        """Ask once and count what comes of it."""
        report = self.report
        try:
            async with self.session.post(self.url, json={"asked": number}) as answer:
                if answer.status == 429:
                    report.refused += 1
                    return
                said = await answer.read()
                body = json.loads(said) if answer.status == 200 else {}
                if body.get("asked") != number:
                    self.fail(f"HTTP {answer.status}", said[:200].decode(errors="replace"))
                    return
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            self.fail(type(error).__name__, str(error))
            return
        report.answered += 1
        report.words[body["word"]] += 1
        report.processes[str(body["process"])] += 1

    def fail(self, kind: str, why: str) -> None:
        self.report.failed[kind] += 1
        if len(self.report.failures) < KEPT_FAILURES:
            self.report.failures.append((time.monotonic() - self.began, f"{kind}: {why}"))


async def main(url: str, rate: float, path: Path) -> None:
    """Ask until SIGTERM, write the report."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    timeout, connector = aiohttp.ClientTimeout(total=PATIENCE), aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        path.with_suffix(".started").touch()
        report = await Asking(session, url, rate).steadily(stop)
    path.write_text(json.dumps(vars(report)))


@contextmanager
def asking(url: str, rate: float, folder: Path) -> Iterator[Report]:
    """Have a process ask for the length of a block; the report is filled in at its end."""
    path, report = folder / f"asked-{time.monotonic_ns()}.json", Report()
    command = [sys.executable, "-m", "load.client", url, str(rate), str(path)]
    search = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": search})
    try:
        until("the client asks", path.with_suffix(".started").exists)
        yield report
        process.send_signal(signal.SIGTERM)
        process.wait(5 * PATIENCE)
        found: dict[str, Any] = json.loads(path.read_text())
        vars(report).update(found)
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])))
