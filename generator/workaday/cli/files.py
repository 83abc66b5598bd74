"""Writing the user's files, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one.

    Raises ProjectError (T104): it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:
        from workaday.project.diagnostics import mistake

        draft.unlink(missing_ok=True)
        raise mistake("T104", f"cannot write {path}: {error.strerror}") from None
