"""The file system under a tree: no look and no step leaves it through a symlink."""

# Path objects would double the time of looking at a thousand files.
# ruff: noqa: PTH102, PTH105, PTH106, PTH108, PTH123

from __future__ import annotations

import contextlib
import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workaday.render.tree_lock import parents


@dataclass(frozen=True, slots=True)
class Found:
    """What stands at a path.

    Attributes:
        kind: `blocked` when something above it is no folder.
        at: the path itself, or what blocks it.
        content: of a plain file, else None.
    """

    kind: Literal["missing", "file", "folder", "symlink", "other", "blocked"]
    at: str
    content: bytes | None = None


class Disk:
    """A tree's folder. Paths are POSIX, relative to it, and already checked; OSError is the caller's."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._base = os.fspath(root)
        self._folders: dict[str, Literal["missing", "folder", "blocked"]] = {}

    def look(self, path: str) -> Found:
        """Return what stands at a path; a symlink is seen, never followed."""
        for folder in parents(path):
            state = self._folder(folder)
            if state != "folder":
                return Found(state, path if state == "missing" else folder)
        # Without NONBLOCK, opening a named pipe would wait for its other end.
        try:
            handle = os.open(f"{self._base}/{path}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return Found("missing", path)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EMLINK):
                return Found("symlink", path)
            if error.errno in (errno.ENXIO, errno.EOPNOTSUPP):
                return Found("other", path)
            raise
        try:
            mode = os.fstat(handle).st_mode
            if stat.S_ISREG(mode):
                return Found("file", path, _read(handle))
            return Found("folder" if stat.S_ISDIR(mode) else "other", path)
        finally:
            os.close(handle)

    def empties(self, folder: str, ours: set[str], goes: set[str]) -> bool:
        """Say whether a folder is one of `ours`, and holds but the files in `goes` and such folders."""
        if folder not in ours:
            return False
        with os.scandir(f"{self._base}/{folder}") as entries:
            return all(
                self.empties(f"{folder}/{entry.name}", ours, goes)
                if entry.is_dir(follow_symlinks=False)
                else f"{folder}/{entry.name}" in goes
                for entry in entries
            )

    def replace(self, path: str, temp: str, content: bytes) -> None:
        """Write a file beside its place, then move it there in one step; makes the folders above it."""
        for folder in parents(path):
            if self._folders.get(folder) != "folder":
                with contextlib.suppress(FileExistsError):
                    os.mkdir(f"{self._base}/{folder}")
                self._folders[folder] = "folder"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        handle = os.open(f"{self._base}/{temp}", flags, 0o666)
        with open(handle, "wb", buffering=0) as file:
            left = memoryview(content)
            while left:
                left = left[os.write(file.fileno(), left) :]
        os.replace(f"{self._base}/{temp}", f"{self._base}/{path}")

    def remove(self, path: str) -> None:
        """Remove a file, if it is there and no symlink leads to it."""
        if all(self._folder(folder) == "folder" for folder in parents(path)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self._base}/{path}")

    def remove_empty_parents(self, path: str) -> None:
        """Remove the folders above a path that hold nothing any more."""
        above = parents(path)
        reachable = [folder for folder in above if self._folder(folder) == "folder"]
        if reachable != above[: len(reachable)]:
            return
        for folder in reversed(reachable):
            try:
                os.rmdir(f"{self._base}/{folder}")
            except OSError:
                return
            self._folders.pop(folder, None)

    def _folder(self, folder: str) -> Literal["missing", "folder", "blocked"]:
        """Return whether a folder is one; what was seen once is remembered."""
        known = self._folders.get(folder)
        if known is None:
            try:
                mode = os.lstat(f"{self._base}/{folder}").st_mode
                known = "folder" if stat.S_ISDIR(mode) else "blocked"
            except (FileNotFoundError, NotADirectoryError):
                known = "missing"
            self._folders[folder] = known
        return known


def _read(handle: int) -> bytes:
    with open(handle, "rb", buffering=0, closefd=False) as file:
        return file.readall()
