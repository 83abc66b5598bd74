"""The rendered tree on disk: compare it, and write it so that nothing of the user's is ever lost.

A write goes: a lock that records what is in flight (old and new hashes), the files, the final lock. Each step replaces
one file atomically, so a process killed at any moment leaves a tree of which the lock still tells ours from theirs.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workaday.project.diagnostics import ProjectError
from workaday.render import tree_lock as locks
from workaday.render import tree_report as report
from workaday.render.tree_disk import Disk, Found
from workaday.render.tree_report import Conflict

Files = Mapping[str, bytes]
Kind = Literal["create", "update", "delete", "unchanged"]


@dataclass(frozen=True)
class Change:
    """What a render makes of one file; `before` is None where there is no file yet, `after` where it goes."""

    path: str
    kind: Kind
    before: bytes | None
    after: bytes | None


@dataclass(frozen=True)
class TreePlan:
    """What a render makes of a tree.

    Attributes:
        changes: each path of ours, sorted. The lock is listed only where it alone is out of date.
        conflicts: what of the user's is in the way, sorted; while there is any, nothing is written.
    """

    changes: tuple[Change, ...]
    conflicts: tuple[Conflict, ...]

    @property
    def changed(self) -> bool:
        """Whether a render would create, update or delete anything."""
        return any(change.kind != "unchanged" for change in self.changes)


def compare(root: Path, files: Files) -> TreePlan:
    """Compare a tree with what would be rendered; writes nothing.

    Raises ProjectError (T103: the lock is unreadable, T104: the tree is) and ValueError for a path outside of the tree.
    """
    locks.check_paths(files)
    with _told_to_the_user(root), _held(root, fcntl.LOCK_SH):
        return _Comparison(Disk(root), files).plan()


def write(root: Path, files: Files) -> TreePlan:
    """Make the tree what is rendered: changed files only, unchanged ones keep their time of modification.

    Raises ProjectError before anything is written: T101 for a file of ours that was edited by hand, T102 for one that
    is not ours, T103, T104; and ValueError for a path outside of the tree. T104 may also come midway (disk full).
    """
    locks.check_paths(files)
    with _told_to_the_user(root):
        root.mkdir(parents=True, exist_ok=True)
        with _held(root, fcntl.LOCK_EX):
            disk = Disk(root)
            comparison = _Comparison(disk, files)
            plan = comparison.plan()
            if plan.conflicts:
                raise ProjectError(report.conflict_finding(root, conflict) for conflict in plan.conflicts)
            _apply(disk, comparison.lock, plan)
            return plan


def intact(root: Path) -> tuple[str, int] | None:
    """Return the hash of a tree's lock and how many files it has, if each of them is there as the lock says."""
    with _held(root, fcntl.LOCK_SH):
        disk = Disk(root)
        lock, raw = _read_lock(disk)
        unfinished = raw is None or lock.pending or disk.look(locks.LOCK_TEMP).kind != "missing"
        if unfinished or any(locks.digest(disk.look(p).content or b"") != told for p, told in lock.files.items()):
            return None
        return locks.digest(raw or b""), len(lock.files)


def diff_text(plan: TreePlan) -> str:
    """Return what a plan changes as one unified diff, each file of the user's marked as such; empty for no change."""
    theirs = {conflict.path: conflict.code for conflict in plan.conflicts}
    lines: list[str] = []
    for change in plan.changes:
        if change.kind == "unchanged":
            continue
        refused = {"T101": "  (edited by hand: T101)", "T102": "  (not ours: T102)"}.get(
            theirs.pop(change.path, ""), ""
        )
        lines.append(f"{change.kind} {change.path}{refused}")
        lines.append("--- " + ("/dev/null" if change.before is None else f"a/{change.path}"))
        lines.append("+++ " + ("/dev/null" if change.after is None else f"b/{change.path}"))
        lines += [*report.unified(change.before or b"", change.after or b""), ""]
    lines += [f"in the way {path}  (not ours: {code})" for path, code in theirs.items()]
    return "\n".join(lines).rstrip("\n") + "\n" if lines else ""


class _Comparison:
    """One look at a tree: the lock, and each path that is ours or is to be."""

    def __init__(self, disk: Disk, files: Files) -> None:
        self.disk, self.files = disk, files
        self.lock, self.lock_bytes = _read_lock(disk)
        self.changes: list[Change] = []
        self.conflicts: dict[str, Conflict] = {}

    def plan(self) -> TreePlan:
        """Return the changes and what is in their way."""
        for path in sorted(self.lock.paths() - set(self.files)):
            self._removal(path)
        goes = {change.path for change in self.changes if change.path not in self.conflicts}
        for path in sorted(self.files):
            self._file(path, self.files[path], goes)
        changes = sorted(self.changes, key=lambda change: change.path)
        plan = TreePlan(tuple(changes), tuple(self.conflicts[path] for path in sorted(self.conflicts)))
        final = _final_lock(plan).to_bytes()
        if plan.changed or final == self.lock_bytes:
            return plan
        kind: Kind = "create" if self.lock_bytes is None else "update"
        lock = Change(locks.LOCK, kind, self.lock_bytes, final)
        return TreePlan((*plan.changes, lock), plan.conflicts)

    def _removal(self, path: str) -> None:
        # What is no plain file is not what we wrote: the user put it there, and it stays.
        found = self.disk.look(path)
        if found.content is None:
            return
        self.changes.append(Change(path, "delete", found.content, None))
        if not self.lock.vouches_for(path, found.content):
            self.conflicts[path] = Conflict(path, "T101", found.kind, found.content, None)

    def _file(self, path: str, after: bytes, goes: set[str]) -> None:
        found = self.disk.look(path)
        if found.content == after:
            self.changes.append(Change(path, "unchanged", after, after))
            return
        self.changes.append(Change(path, "update" if found.content is not None else "create", found.content, after))
        if found.content is not None:
            ours = self.lock.vouches_for(path, found.content)
        else:
            ours = found.kind == "missing" or self._makes_room(found, goes)
        if not ours:
            self._conflict(path, found, after)
        temp = locks.temp_path(path)
        if path not in self.lock.pending and self.disk.look(temp).kind not in ("missing", "blocked"):
            self._conflict(temp, self.disk.look(temp), None)

    def _makes_room(self, found: Found, goes: set[str]) -> bool:
        """Say whether what stands where a file is to be is ours, and goes before that file comes."""
        if found.kind == "blocked":
            return found.at in goes
        # A write that was cut short may have removed the files of a folder and not yet the folder itself.
        dropped = self.lock.paths() - set(self.files)
        ours = {folder for path in dropped for folder in locks.parents(path)}
        return found.kind == "folder" and self.disk.empties(found.at, ours, goes | set(self.lock.stale_temps()))

    def _conflict(self, path: str, found: Found, after: bytes | None) -> None:
        if found.kind == "blocked":
            path, after = found.at, None
            found = self.disk.look(path)
        code: report.Code = "T101" if path in self.lock.paths() else "T102"
        self.conflicts.setdefault(path, Conflict(path, code, found.kind, found.content, after))


def _read_lock(disk: Disk) -> tuple[locks.Lock, bytes | None]:
    found = disk.look(locks.LOCK)
    if found.kind == "missing":
        return locks.Lock(), None
    file = disk.root / locks.LOCK
    if found.content is None:
        raise report.lock_error(file, f"it is a {found.kind}")
    try:
        return locks.parse(found.content), found.content
    except locks.LockError as error:
        raise report.lock_error(file, str(error)) from None


def _final_lock(plan: TreePlan) -> locks.Lock:
    return locks.Lock(
        {c.path: locks.digest(c.after) for c in plan.changes if c.after is not None and c.path != locks.LOCK}
    )


def _apply(disk: Disk, lock: locks.Lock, plan: TreePlan) -> None:
    """Carry a plan out; every step is atomic, and the lock on disk holds at each point between them."""
    disk.remove(locks.LOCK_TEMP)
    if not plan.changed:
        return
    for temp in lock.stale_temps():
        disk.remove(temp)
    final = _final_lock(plan)
    dropped = sorted(lock.paths() - set(final.files))
    written = [change for change in plan.changes if change.kind in ("create", "update") and change.path != locks.LOCK]
    if written or dropped:
        here = {c.path: locks.digest(c.before) for c in plan.changes if c.before is not None and c.path != locks.LOCK}
        pending = dict.fromkeys(dropped) | {c.path: final.files[c.path] for c in written}
        disk.replace(locks.LOCK, locks.LOCK_TEMP, locks.Lock(here, pending).to_bytes())
    for change in plan.changes:
        if change.kind == "delete":
            disk.remove(change.path)
    for path in dropped:
        disk.remove_empty_parents(path)
    for change in written:
        disk.replace(change.path, locks.temp_path(change.path), change.after or b"")
    disk.replace(locks.LOCK, locks.LOCK_TEMP, final.to_bytes())


@contextlib.contextmanager
def _held(root: Path, how: int) -> Iterator[None]:
    """Keep other renders of the same tree out; the kernel lets go when a process dies."""
    try:
        handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        yield
        return
    try:
        # Some network file systems have no such locks; a render alone on its tree needs none.
        with contextlib.suppress(OSError):
            fcntl.flock(handle, how)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def _told_to_the_user(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise report.access_error(root, error) from None
