from __future__ import annotations

import os
from pathlib import Path

import pytest


def contents(root: Path) -> dict[str, bytes | str | None]:
    """Everything below a folder: bytes of files, targets of symlinks, None for folders that hold nothing."""
    found: dict[str, bytes | str | None] = {}
    for above, folders, files in os.walk(root):
        here = Path(above)
        for name in [*files, *folders]:
            path = here / name
            key = path.relative_to(root).as_posix()
            if path.is_symlink():
                found[key] = str(path.readlink())
            elif path.is_file():
                found[key] = path.read_bytes()
            elif not any(path.iterdir()):
                found[key] = None
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "deploy" / "default"


@pytest.fixture(scope="session")
def seen():
    """Return what lies in a tree, the lock apart."""

    def look(root: Path) -> dict[str, bytes | str | None]:
        found = contents(root)
        found.pop("tree.lock", None)
        return found

    return look
