"""Weights read into the page cache while torch is imported, so that mapping them does not wait for single pages."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

BLOCK = 4 * 1024 * 1024
PROBE = 4096


def start(weights: str | None) -> threading.Thread | None:
    """Begin to read the safetensors at a path, a file or a folder, in a thread of its own; it holds nothing of them."""
    if weights is None or not hasattr(os, "RWF_NOWAIT"):
        return None
    thread = threading.Thread(target=_read, args=(Path(weights),), name="readahead", daemon=True)
    thread.start()
    return thread


def _read(weights: Path) -> None:
    block = bytearray(BLOCK)
    for file in _files(weights):
        try:
            with file.open("rb", buffering=0) as opened:
                _read_file(opened.fileno(), block)
        except OSError:
            return  # whoever needs the weights will meet the error, and say so


def _files(weights: Path) -> Iterator[Path]:
    return iter(sorted(weights.rglob("*.safetensors")) if weights.is_dir() else [weights])


def _read_file(descriptor: int, block: bytearray) -> None:
    for start in range(0, os.fstat(descriptor).st_size, BLOCK):
        if not _cached(descriptor, start):
            os.preadv(descriptor, [block], start)


def _cached(descriptor: int, start: int) -> bool:
    """Say whether the block's last page is in memory: then its others were read before it."""
    try:
        return os.preadv(descriptor, [bytearray(PROBE)], start + BLOCK - PROBE, os.RWF_NOWAIT) > 0
    except OSError:
        return False
