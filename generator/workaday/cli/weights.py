"""`weights push`: a folder or a hub's repository to the model's place in the bucket."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from workaday.cli.output import answer_json, note, say
from workaday.cli.output import size as mebibytes
from workaday.cli.run import Exit

if TYPE_CHECKING:
    from workaday.execute.weights import Place
    from workaday.execute.weights.manifest import Entry
    from workaday.execute.weights.push import Difference
    from workaday.execute.workspace import Workspace


# How often a person is told of what takes long.
SPEAK_SECONDS = 5.0


def push(
    name: str,
    file: Path,
    stage: str | None,
    source: str | None,
    include: tuple[str, ...],
    *,
    prune: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Send a model's weights, or say what would be sent."""
    from workaday.cli.use import find_model
    from workaday.execute import weights
    from workaday.execute.weights import push as room
    from workaday.execute.workspace import open_workspace

    workspace = open_workspace(file, stage)
    find_model(workspace, name)
    place = weights.place_of(workspace, name)
    folder = folder_of(workspace, name, source, include)
    store = weights.store_of(place, workspace.state / "weights")
    note(f"reading {folder}")
    entries = room.measure(folder, include, md5=store.by_md5)
    difference = room.compare(store, entries)
    if dry_run:
        report(place, difference, as_json=as_json, sent=False, pruned=False)
        return Exit.DONE
    progress = Progress(difference, quiet=as_json)
    room.push(store, difference, progress, prune=prune)
    report(place, difference, as_json=as_json, sent=True, pruned=prune, rate=progress.rate())
    return Exit.DONE


def folder_of(workspace: Workspace, name: str, source: str | None, include: tuple[str, ...]) -> Path:
    """Return where the weights are on this machine; those of a hub are fetched first.

    Raises ProjectError (X161) where nobody says where they are.
    """
    from workaday.execute.weights import hub
    from workaday.project.diagnostics import mistake

    if source is None:
        written = next(each.weights for each in workspace.loaded.project.models if each.name == name)
        if not written or not written.local:
            hint = "`--from FOLDER` or `--from hf://org/name`; or `weights.local` in project.yaml"
            raise mistake("X161", f"where are the weights of `{name}` on this machine?", hint)
        return workspace.root / written.local
    if source.startswith(hub.HUB):
        note(f"fetching {source}")
        return hub.fetch(source, include)
    return Path(source).expanduser()


def weight(size: int) -> str:
    """Return a number of bytes as people read it."""
    return f"{size} bytes" if size < 2**20 else mebibytes(size)


class Progress:
    """Prints a line as each file is there, and to a person also how far a long push is."""

    def __init__(self, difference: Difference, *, quiet: bool) -> None:
        self.quiet = quiet
        self.total = len(difference.send)
        self.count = self.sent = 0
        self.size = sum(each.size for each in difference.send)
        self.began = self.spoken = time.monotonic()
        self.lock = threading.Lock()
        self.resumed: dict[str, int] = {}

    def moved(self, entry: Entry, size: int, *, before: bool) -> None:
        """Count bytes."""
        with self.lock:
            if before:
                self.resumed[entry.path] = size
                self.size -= size
            else:
                self.sent += size
            if time.monotonic() - self.spoken > SPEAK_SECONDS and not self.quiet:
                self.spoken = time.monotonic()
                note(f"{weight(self.sent)} of {weight(self.size)} sent, {weight(round(self.rate()))} a second")

    def done(self, entry: Entry) -> None:
        """Print a file's line."""
        with self.lock:
            self.count += 1
            before = self.resumed.get(entry.path)
            more = f"  {weight(before)} of it were there" if before else ""
            if not self.quiet:
                say(f"{self.count:>3} of {self.total}  {weight(entry.size):>9}  {entry.path}{more}")

    def rate(self) -> float:
        """Return the bytes a second so far."""
        return self.sent / max(time.monotonic() - self.began, 1e-3)


def report(
    place: Place, difference: Difference, *, as_json: bool, sent: bool, pruned: bool, rate: float | None = None
) -> None:
    """Print what was done, or would be."""
    weighs = sum(each.size for each in difference.send)
    if as_json:
        answer_json(
            {
                "place": place.uri, "dry_run": not sent, "bytes": weighs, "pruned": pruned,
                "send": [{"path": each.path, "size": each.size, "sha256": each.sha256} for each in difference.send],
                "there": [each.path for each in difference.there], "extra": difference.extra,
            }
        )  # fmt: skip
        return
    if not sent:
        for each in difference.send:
            say(f"would send  {weight(each.size):>9}  {each.path}")
    speed = f" at {weight(round(rate))} a second" if rate and weighs else ""
    count = len(difference.send)
    files = f"{count} file{'' if count == 1 else 's'} ({weight(weighs)}) {'sent' if sent else 'to send'}{speed}"
    say(f"{place.uri}: {files}, {len(difference.there)} were there")
    if difference.extra and not pruned:
        say(f"there and not here: {', '.join(difference.extra)}; `--prune` deletes them")
