"""Programs of Debian's packages, unpacked into the cache and not installed: HAProxy, Prometheus, what builds images."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from plane import programs

LIBRARIES = "usr/lib/x86_64-linux-gnu"
# package → where its program is in it, and the packages of libraries that a bare machine lacks
PACKAGES = {
    "haproxy": ("usr/sbin/haproxy", ("liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1")),
    "prometheus": ("usr/bin/prometheus", ()),
    "prometheus-node-exporter": ("usr/bin/prometheus-node-exporter", ()),
    "buildah": ("usr/bin/buildah", ("libgpgme11", "libsubid4")),
    "podman": ("usr/bin/podman", ("conmon", "crun", "libyajl2")),
    "docker-registry": ("usr/bin/docker-registry", ()),
    "mmdebstrap": ("usr/bin/mmdebstrap", ()),
}


@dataclass(frozen=True)
class Program:
    """A program that can be run: its path, its version as Debian counts, and what its environment needs."""

    path: Path
    version: str
    env: dict[str, str]


Debian = Callable[[str], Program]


def find(name: str) -> Program:
    """Return a program of `PACKAGES`: one that was unpacked earlier, else out of Debian's package.

    Raises:
        Missing: it is not there and cannot be had.
    """
    kept = programs.kept() / "tools"
    path, libraries = PACKAGES[name]
    there = sorted(kept.glob(f"{name}-*/{path}"))
    folder = there[-1].parents[len(Path(path).parts) - 1] if there else unpacked(kept, name, libraries)
    env = {"LD_LIBRARY_PATH": str(folder / LIBRARIES)} if libraries else {}
    return Program(folder / path, folder.name.removeprefix(f"{name}-"), env)


def unpacked(kept: Path, name: str, libraries: tuple[str, ...]) -> Path:
    """Download and unpack a package with libraries; returns the folder, which is whole or not there."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise programs.Missing(f"{name} is not there, and no apt-get to download Debian's package with")
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept) as temporary:
        root = Path(temporary) / "root"
        run(name, ["apt-get", "download", "-o", "APT::Sandbox::User=root", name, *libraries], Path(temporary))
        for package in Path(temporary).glob("*.deb"):
            run(name, ["dpkg-deb", "--extract", str(package), str(root)], Path(temporary))
        (found,) = Path(temporary).glob(f"{name}_*.deb")
        folder = kept / f"{name}-{re.sub('%3a', '_', found.name.split('_')[1])}"
        if not folder.exists():
            root.rename(folder)
    return folder


def run(name: str, command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise programs.Missing(f"{name} cannot be had: {' '.join(command[:2])}: {said} (`apt-get update` may help)")
