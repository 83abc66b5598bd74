"""Fixtures that more than one room's tests use."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Workaday = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def workaday(tmp_path: Path) -> Workaday:
    """Run the command in a folder of the test's own; colour off, as in a pipe."""

    def run(*arguments: str, cwd: Path = tmp_path, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "workaday", *arguments],
            cwd=cwd,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    return run


def find_port() -> int:
    while True:
        port = random.randrange(20_000, 30_000)
        try:
            with socket.socket() as first, socket.socket() as second:
                first.bind(("127.0.0.1", port))
                second.bind(("127.0.0.1", port + 1))
        except OSError:
            continue
        return port


@pytest.fixture
def free_port() -> int:
    """The first of two ports that nothing used a moment ago, below those that the kernel gives to clients."""
    return find_port()


@pytest.fixture(scope="module")
def module_port() -> int:
    """Such a port for a whole module's tests."""
    return find_port()


@pytest.fixture
def update_golden() -> Callable[[Path, str], None]:
    """Compare a text with a golden file, or with UPDATE_GOLDEN=1 write it."""

    def check(path: Path, text: str) -> None:
        if os.environ.get("UPDATE_GOLDEN"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        assert path.exists(), f"{path} is missing: run the test with UPDATE_GOLDEN=1 and review it"
        assert text == path.read_text()

    return check
