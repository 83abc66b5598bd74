"""Write a changed project file, and take it back where what follows fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workaday.project.nodes import Document


@contextmanager
def changed(document: Document, text: str) -> Iterator[None]:
    """Write a file's new text, and its old one again where the block fails."""
    raw = document.path.read_bytes()
    mark = raw[: len(raw) - len(document.text.encode())]
    document.path.write_bytes(mark + text.encode())
    try:
        yield
    except BaseException:
        document.path.write_bytes(raw)
        raise
