"""A 5 GB model of random weights: how long until it is ready, and what memory it takes at its peak."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.server.harness import PEERS, ROUNDS, free_port, stop

LAYERS, WIDTH = 75, 4096  # each layer 64 MiB of float32: 5.03 GB
LAYER_BYTES = 4 * WIDTH * WIDTH
SIZE = LAYERS * LAYER_BYTES
BLOCK = 8 * 1024 * 1024


@dataclass(frozen=True)
class Start:
    """One start of the server: seconds until the model was ready, loading alone, and the process's peak memory."""

    seconds: float
    loading: float
    peak: int
    own: int  # of the peak, what is not the file's pages


def weights(folder: Path) -> None:
    """Ready after how many times the seconds of reading the file once, with a cold and a warm page cache."""
    parent = Path(os.environ.get("WORKADAY_BENCH_FOLDER", tempfile.gettempdir()))
    if shutil.disk_usage(parent).free < 2 * SIZE:
        sys.exit(f"{parent} has no room for {SIZE / 1e9:.0f} GB; set WORKADAY_BENCH_FOLDER")
    with tempfile.TemporaryDirectory(dir=parent) as made:
        file = Path(made) / "model.safetensors"
        _write(file)
        print(f"\n{SIZE / 1e9:.2f} GB of safetensors, every weight used before ready")
        for state in ("cold", "warm"):
            _rounds(file, folder, cold=state == "cold", name=state)


def _rounds(file: Path, folder: Path, *, cold: bool, name: str) -> None:
    reads, starts = [], []
    for _ in range(min(3, ROUNDS)):
        for turn in ("read", "serve"):
            if cold:
                _forget(file)
            if turn == "read":
                reads.append(_read(file))
            else:
                starts.append(_start(file, folder))
    read = statistics.median(reads)
    whole, loading = (statistics.median(each) for each in zip(*((s.seconds, s.loading) for s in starts), strict=True))
    print(f"  {name} page cache: read once {read:.2f} s ({SIZE / read / 1e9:.2f} GB/s)")
    print(f"    from the process's start to ready {whole:.2f} s ({_ratios(starts, reads, 'seconds')} of reading)")
    print(f"    of which loading {loading:.2f} s ({_ratios(starts, reads, 'loading')})")
    worst = max(starts, key=lambda start: start.peak)
    print(
        f"    peak resident memory {worst.peak / SIZE:.3f} of the size, {worst.own / 1e6:.0f} MB of it not the file's"
    )


def _ratios(starts: list[Start], reads: list[float], what: str) -> str:
    ratios = [getattr(start, what) / read for start, read in zip(starts, reads, strict=True)]
    return f"{statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}"


def _write(file: Path) -> None:
    """Write the format by hand, a layer at a time: the bench itself must not need 5 GB."""
    entries = {
        f"layers.{index}.weight": {
            "dtype": "F32",
            "shape": [WIDTH, WIDTH],
            "data_offsets": [index * LAYER_BYTES, (index + 1) * LAYER_BYTES],
        }
        for index in range(LAYERS)
    }
    head = json.dumps(entries).encode()
    head += b" " * (-len(head) % 8)
    import numpy as np

    random = np.random.default_rng(0)
    with file.open("wb") as out:
        out.write(len(head).to_bytes(8, "little") + head)
        for _ in range(LAYERS):
            out.write((random.standard_normal((WIDTH, WIDTH), np.float32) / WIDTH**0.5).tobytes())
        out.flush()
        os.fsync(out.fileno())


def _forget(file: Path) -> None:
    """Drop the file's pages from the page cache; the rest of the machine's stay."""
    with file.open("rb") as opened:
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _read(file: Path) -> float:
    block, began = bytearray(BLOCK), time.perf_counter()
    with file.open("rb", buffering=0) as opened:
        while opened.readinto(block):
            pass
    return time.perf_counter() - began


def _start(file: Path, folder: Path) -> Start:
    with _server(file, folder) as (process, port, state):
        began = time.perf_counter()
        while not _ready(port):
            if process.poll() is not None:
                raise RuntimeError((folder / "weights.log").read_text())
            time.sleep(0.02)
        seconds = time.perf_counter() - began
        status = Path(f"/proc/{process.pid}/status").read_text()
        kilobytes = {key: int(value) for key, value in re.findall(r"^(\w+):\s+(\d+) kB$", status, re.MULTILINE)}
        loading = json.loads(state.read_text())["models"]["large"]["seconds"]
        own = kilobytes["VmRSS"] - kilobytes["RssFile"]
        return Start(seconds, loading, kilobytes["VmHWM"] * 1024, own * 1024)


@contextlib.contextmanager
def _server(file: Path, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int, Path]]:
    port, state = free_port(), folder / "weights/state.json"
    state.parent.mkdir(exist_ok=True)
    model = {"name": "large", "revision": "1", "predictor": str(PEERS / "large_predictor.py"), "weights": str(file)}
    config = folder / "weights.json"
    config.write_text(json.dumps({"version": 1, "port": port, "state_file": str(state), "models": [model]}))
    with (folder / "weights.log").open("wb") as log:
        command = [sys.executable, "-m", "workaday_server", str(config)]
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process, port, state
    finally:
        stop(process)


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.HTTPError):
        return False
