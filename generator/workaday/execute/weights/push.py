"""Push files: what is there already is left, pieces go side by side, and the list of all is written last."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from workaday.execute.weights import Store, Upload
from workaday.execute.weights.manifest import MANIFEST, Entry, Piece, check, files, measured, parse, text
from workaday.project.diagnostics import Diagnostic, ProjectError, mistake

# So many requests at once; each holds one piece in memory.
WORKERS = 8


@dataclass(frozen=True, slots=True)
class Difference:
    """What a push has to do.

    Attributes:
        send: files that are not there, or are there otherwise.
        there: files that are there already.
        extra: paths that are there and not here.
    """

    send: tuple[Entry, ...]
    there: tuple[Entry, ...]
    extra: tuple[str, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All files that are here."""
        return (*self.send, *self.there)


class Listener(Protocol):
    """What is told of a push, from several threads."""

    def moved(self, entry: Entry, size: int, *, before: bool) -> None:
        """`size` more bytes of a file are there; `before`: since an earlier run."""

    def done(self, entry: Entry) -> None:
        """A file is there."""


def measure(source: Path, include: Sequence[str] = (), *, md5: bool = False) -> tuple[Entry, ...]:
    """Read all files of a folder and return them with their checksums.

    Raises:
        ProjectError: X161 where there are none or one cannot be read, X163 where one is not as the folder's own
            `SHA256SUMS` says.
    """
    found = list(files(source, include))
    try:
        with ThreadPoolExecutor(WORKERS) as pool:
            entries = tuple(pool.map(lambda each: measured(*each, md5=md5), found))
        own = source / MANIFEST
        listed = parse(own.read_text("utf-8")) if source.is_dir() and own.is_file() else {}
    except OSError as error:
        raise mistake("X161", f"cannot read {error.filename}: {error.strerror}") from None
    except ValueError as error:
        raise mistake("X163", f"cannot read {source / MANIFEST}: {error}") from None
    check(entries, listed)
    return entries


def compare(store: Store, entries: Sequence[Entry]) -> Difference:
    """Ask the place what it has of some files."""
    listed = store.listed()
    alike = [each for each in entries if listed.get(each.path) == each.size]
    with ThreadPoolExecutor(WORKERS) as pool:
        there = tuple(each for each, same in zip(alike, pool.map(store.same, alike), strict=True) if same)
    here = {each.path for each in entries} | {MANIFEST}
    whole = {each.path for each in there}
    send = tuple(each for each in entries if each.path not in whole)
    return Difference(send, there, tuple(sorted(set(listed) - here)))


def push(store: Store, difference: Difference, listener: Listener, *, prune: bool = False) -> None:
    """Send what is missing, then the list of all files, then delete what is not here if so asked.

    Raises:
        ProjectError: X164, it was broken off; what was sent stays, and the next push goes on from there.
    """
    pool = ThreadPoolExecutor(WORKERS)
    try:
        flights = [pool.submit(Flight(store, each, listener, pool).begin) for each in difference.send]
        settle(flights)
    except ProjectError as error:
        raise broken_off(error) from None
    except OSError as error:  # of a file that is read: it is gone, or its disk is
        raise broken_off(mistake("X161", f"cannot read {error.filename}: {error.strerror}")) from None
    finally:
        pool.shutdown(cancel_futures=True)
    store.write(MANIFEST, text(difference.entries))
    for path in difference.extra if prune else ():
        store.delete(path)


def settle(flights: Sequence[Future[list[Future[None]]]]) -> None:
    """Wait until all files are begun and all their lanes are through; the first error ends the waiting."""
    wait(flights, return_when=FIRST_EXCEPTION)
    lanes = [lane for each in flights if each.done() for lane in each.result()]
    for lane in wait(lanes, return_when=FIRST_EXCEPTION).done:
        lane.result()


class Flight:
    """One file on its way, its lanes side by side with those of all others."""

    def __init__(self, store: Store, entry: Entry, listener: Listener, pool: ThreadPoolExecutor) -> None:
        self.store, self.entry, self.listener, self.pool = store, entry, listener, pool

    def begin(self) -> list[Future[None]]:
        """Ask what is there of it, and queue the rest."""
        upload = self.store.begin(self.entry)
        before = self.entry.size - sum(piece.size for lane in upload.lanes for piece in lane)
        if before:
            self.listener.moved(self.entry, before, before=True)
        if not upload.lanes:
            self._end(upload)
            return []
        countdown = Countdown(len(upload.lanes), lambda: self._end(upload))
        return [self.pool.submit(self._lane, upload, lane, countdown) for lane in upload.lanes]

    def _lane(self, upload: Upload, lane: Sequence[Piece], countdown: Countdown) -> None:
        for piece in lane:
            upload.send(piece, self.entry.read(piece))
            self.listener.moved(self.entry, piece.size, before=False)
        countdown.down()

    def _end(self, upload: Upload) -> None:
        upload.finish()
        self.listener.done(self.entry)


class Countdown:
    """Calls back once as many lanes as there are have come through."""

    def __init__(self, count: int, then: Callable[[], None]) -> None:
        self.count, self.then = count, then
        self.lock = threading.Lock()

    def down(self) -> None:
        """One more has come through."""
        with self.lock:
            self.count -= 1
            last = not self.count
        if last:
            self.then()


def broken_off(error: ProjectError) -> ProjectError:
    """Return why a push ended early, and that it can be gone on with."""
    first = error.diagnostics[0]
    hints = (*first.hints, "run the same command again: it goes on from what is there")
    return ProjectError([Diagnostic("X164", f"the push was broken off: {first.message}", hints=hints)])
