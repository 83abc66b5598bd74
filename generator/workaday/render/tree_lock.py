"""The tree's lock: which files under `deploy/<stage>` are ours, by hash, and which are being written right now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

LOCK = "tree.lock"
LOCK_TEMP = ".tree.lock.workaday-tmp"
VERSION = 1


class LockError(ValueError):
    """The lock says nothing that can be relied on; the message says why."""


@dataclass(frozen=True)
class Lock:
    """What the lock records.

    Attributes:
        files: SHA-256 of each file that we wrote, by path.
        pending: what a write that has not ended makes of each path it touches: the new hash, or None for a removal.
            Until that write ends, a file may hold what `files` says or what `pending` says; both are ours.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    pending: Mapping[str, str | None] = field(default_factory=dict)

    def paths(self) -> set[str]:
        """Return every path that is, or is about to be, ours."""
        return {*self.files, *self.pending}

    def vouches_for(self, path: str, content: bytes) -> bool:
        """Say whether we wrote this content at this path."""
        return digest(content) in (self.files.get(path), self.pending.get(path))

    def stale_temps(self) -> list[str]:
        """Return where a write that was cut short may have left its temporary files."""
        return [temp_path(path) for path, new in sorted(self.pending.items()) if new is not None]

    def to_bytes(self) -> bytes:
        """Return the lock as it lies in the tree: sorted, one path a line, so that two branches merge."""
        raw: dict[str, Any] = {"version": VERSION, "files": dict(sorted(self.files.items()))}
        if self.pending:
            raw["pending"] = dict(sorted(self.pending.items()))
        return (json.dumps(raw, indent=2, ensure_ascii=False) + "\n").encode()


def parse(raw: bytes) -> Lock:
    """Read a lock.

    Raises LockError: it is no JSON, of another version or shape, or names a path outside of the tree.
    """
    try:
        data = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise LockError(f"it is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise LockError("it is not a map")
    if data.get("version") != VERSION:
        raise LockError(f"its version is {data.get('version')!r}, and this workaday reads {VERSION}")
    if not set(data) <= {"version", "files", "pending"}:
        raise LockError(f"unknown key: {min(set(data) - {'version', 'files', 'pending'})}")
    files, pending = data.get("files"), data.get("pending", {})
    if not isinstance(files, dict) or not isinstance(pending, dict):
        raise LockError("`files` and `pending` are not maps of hashes by path")
    if not all(map(_is_digest, files.values())) or not all(new is None or _is_digest(new) for new in pending.values()):
        raise LockError("a hash in it is none")
    try:
        check_paths({*files, *pending}, nested=True)
    except ValueError as error:
        raise LockError(str(error)) from None
    return Lock(files, pending)


def digest(content: bytes) -> str:
    """Return the hash that the lock records."""
    return hashlib.sha256(content).hexdigest()


def temp_path(path: str) -> str:
    """Return where a file is written before it takes its place: beside it, found again without a search."""
    folder, slash, _ = path.rpartition("/")
    return f"{folder}{slash}.{digest(path.encode())[:16]}.workaday-tmp"


def parents(path: str) -> list[str]:
    """Return the folders above a path within the tree, outermost first."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def check_paths(paths: Iterable[str], *, nested: bool = False) -> None:
    """Refuse paths that leave the tree, are not POSIX, are ours to reserve, or (unless `nested`) lie below a file.

    Raises ValueError.
    """
    known = set(paths)
    for path in sorted(known):
        parts = path.split("/")
        if {"", ".", ".."} & set(parts) or "\\" in path or not path.isprintable():
            raise ValueError(f"not a path within the tree: {path!r}")
        if path in (LOCK, LOCK_TEMP) or parts[-1].endswith(".workaday-tmp"):
            raise ValueError(f"a reserved path: {path!r}")
        if not nested and (above := known.intersection(parents(path))):
            raise ValueError(f"{path!r} lies below the file {min(above)!r}")


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")
