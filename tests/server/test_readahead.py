"""Reading weights ahead: what is not in the page cache comes into it, and nothing else happens."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workaday_server import readahead

SIZE = 2 * readahead.BLOCK + 5_000


def written(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(SIZE))
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)
    return path


def cached(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        places = (0, readahead.BLOCK, SIZE - 4_096)
        return all(os.preadv(descriptor, [bytearray(1)], each, os.RWF_NOWAIT) == 1 for each in places)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("given", ["model.safetensors", "", "nested"])
def test_a_file_or_a_folders_safetensors_are_read(tmp_path: Path, given: str) -> None:
    file = written(tmp_path / ("nested" if given == "nested" else "") / "model.safetensors")
    thread = readahead.start(str(tmp_path / given if given else tmp_path))
    assert thread is not None
    thread.join()
    assert cached(file)


def test_weights_that_are_not_there_are_left_to_whoever_wants_them(tmp_path: Path) -> None:
    assert readahead.start(None) is None
    thread = readahead.start(str(tmp_path / "missing"))
    assert thread is not None
    thread.join()
