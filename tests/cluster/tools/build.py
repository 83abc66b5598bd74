"""Build the programs of the control plane from their pinned Go modules, once a version, outside the tree.

    python tests/cluster/tools/build.py [TOOL ...]      # all, in the order in which they are worth having
    python tests/cluster/tools/build.py --list          # what is built and what is not

A tool is a folder beside this file: `go.mod` and `go.sum` pin it, `tools.go` imports the packages to build (each
with the name of its program behind it). A folder with a `build.sh` builds itself. Results are kept by a hash of
all that they are made from. Only the standard library is needed.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The core first: each further one proves less for its minutes of building.
ORDER = ("etcd", "k8s", "kwok", "kserve", "helm", "keda", "karpenter", "http-add-on", "azurerm")
IMPORT = re.compile(r'^\s*_ "(?P<package>[^"]+)"\s+// (?P<program>\S+)$', re.MULTILINE)
FLAGS = ("-trimpath", "-buildvcs=false")  # the same everywhere: other flags share no cache with these
WITHOUT_GO = 3


class BuildError(Exception):
    """A tool that cannot be built; says which, and why."""


@dataclass(frozen=True)
class Tool:
    """What is built from one pinned module.

    Attributes:
        name: the folder's.
        programs: the name of each program to its package; empty where the folder builds itself.
    """

    name: str
    programs: dict[str, str]

    @property
    def folder(self) -> Path:
        return HERE / self.name

    def version(self) -> str:
        """Return the pinned version of the module that the tool is."""
        package = next(iter(self.programs.values()))
        pins = re.findall(r"^(?:require)?\s+(\S+) (v\S+)$", (self.folder / "go.mod").read_text(), re.MULTILINE)
        return next(version for module, version in pins if package.startswith(module))


def tools() -> dict[str, Tool]:
    """Return every tool by name, the most wanted first."""
    found = {}
    for name in ORDER:
        imports = HERE / name / "tools.go"
        if imports.exists():
            programs = {each["program"]: each["package"] for each in IMPORT.finditer(imports.read_text())}
            found[name] = Tool(name, programs)
        elif (HERE / name / "build.sh").exists():
            found[name] = Tool(name, {})
    return found


def cache() -> Path:
    """Return the folder in which everything built is kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("WORKADAY_CACHE") or Path(base) / "workaday")


def go_version() -> str | None:
    """Return the Go release of this machine, or None where there is none."""
    if shutil.which("go") is None:
        return None
    return subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout.strip()


def linking(tool: Tool) -> str:
    """Return the linker's flags; Kubernetes does not know its own version unless it is told."""
    stripped = "-s -w"
    if tool.name != "k8s":
        return stripped
    version, path = tool.version(), "k8s.io/component-base/version"
    minor = version.split(".")[1]
    return f"{stripped} -X {path}.gitVersion={version} -X {path}.gitMajor=1 -X {path}.gitMinor={minor}"


def place(tool: Tool, go: str) -> Path:
    """Return where a tool's programs are kept: a folder named by a hash of all that they are made from."""
    parts = [go, *FLAGS, linking(tool), *(f"{name}={package}" for name, package in tool.programs.items())]
    digest = hashlib.sha256("\n".join(parts).encode())
    for name in ("go.mod", "go.sum"):
        digest.update((tool.folder / name).read_bytes())
    return cache() / "tools" / f"{tool.name}-{digest.hexdigest()[:16]}"


def program(name: str, of: str) -> Path | None:
    """Return the built program of a tool, or None where it is not built (or cannot be: no Go, no such tool)."""
    tool, go = tools().get(of), go_version()
    if tool is None or go is None or name not in tool.programs:
        return None
    found = place(tool, go) / name
    return found if os.access(found, os.X_OK) else None


def missing(tool: Tool, go: str) -> dict[str, str]:
    """Return those programs of a tool, with their packages, that are not built yet."""
    return {name: package for name, package in tool.programs.items() if not (place(tool, go) / name).exists()}


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a lock, so that two sessions do not build the same thing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(tool: Tool, go: str, parallel: int) -> float:
    """Build what a tool lacks; returns the seconds that it took.

    Raises:
        BuildError: the compiler, or a download, failed.
    """
    start, folder = time.monotonic(), place(tool, go)
    with alone(folder.with_suffix(".lock")):
        for name, package in missing(tool, go).items():
            folder.mkdir(parents=True, exist_ok=True)
            print(f"{tool.name}: building {name} {tool.version()}", flush=True)
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                made = Path(scratch) / name
                command = ["go", "build", *FLAGS, "-p", str(parallel), "-ldflags", linking(tool)]
                done = subprocess.run([*command, "-o", made, package], cwd=tool.folder, check=False)
                if done.returncode:
                    raise BuildError(f"{tool.name}: {name} did not build (go says why above)")
                made.rename(folder / name)  # whole or not at all
    return time.monotonic() - start


def build_itself(tool: Tool) -> None:
    """Run a tool's own build.

    Raises:
        BuildError: it failed.
    """
    if subprocess.run([tool.folder / "build.sh"], stdout=subprocess.DEVNULL, check=False).returncode:
        raise BuildError(f"{tool.name}: did not build (its build.sh says why above)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the tools named, or all; returns the exit status."""
    every = tools()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tools", nargs="*", metavar="TOOL", help=f"of {', '.join(every)} (all)")
    parser.add_argument("--parallel", type=int, default=os.cpu_count() or 1, help="packages compiled at once")
    parser.add_argument("--list", action="store_true", help="say what is built, build nothing")
    parser.add_argument("--may-lack-go", action="store_true", help="no failure where Go is missing (not in CI)")
    asked = parser.parse_args(arguments)
    unknown = sorted(set(asked.tools) - set(every))
    if unknown:
        parser.error(f"no tool {', '.join(unknown)}; there are {', '.join(every)}")
    chosen = [every[name] for name in asked.tools or every]
    go = go_version()
    if go is None:
        names = ", ".join(tool.name for tool in chosen)
        print(f"left out: {names}: no `go` on this machine; install Go 1.26 or later", file=sys.stderr)
        return 0 if asked.may_lack_go and not os.environ.get("CI") else WITHOUT_GO
    for tool in chosen:
        try:
            if asked.list:
                state = "built" if tool.programs and not missing(tool, go) else "not built"
                print(f"{tool.name}: {state if tool.programs else 'builds itself'}")
            elif tool.programs:
                print(f"{tool.name}: {place(tool, go)} ({build(tool, go, asked.parallel):.0f} s)", flush=True)
            else:
                build_itself(tool)
        except BuildError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
