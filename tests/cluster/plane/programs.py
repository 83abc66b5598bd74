"""The foreign programs: which there are, what pins them, and where each is once built. Standard library only."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1] / "tools"
# The core first: each further one proves less for its minutes of building.
ORDER = ("etcd", "k8s", "kwok", "kserve", "helm", "keda", "karpenter", "http-add-on", "envoy-gateway", "azurerm")
FLAGS = ("-trimpath", "-buildvcs=false")  # the same everywhere: other flags share no cache with these
IMPORT = re.compile(r'^\s*_ "(?P<package>[^"]+)"\s+// (?P<program>\S+)$', re.MULTILINE)
DATA = re.compile(r"^// data: (?P<module>\S+) (?P<paths>.+)$", re.MULTILINE)
# What a developer may have already, of any recent version.
ANYWHERE = ("kubectl", "helm")


class Missing(Exception):
    """A program that is not built here; says how to build it."""


@dataclass(frozen=True)
class Tool:
    """What is built from one pinned module.

    Attributes:
        name: the folder's.
        programs: the name of each program to its package; empty where the folder builds itself.
        module: where its data comes from.
        data: paths of the module that are kept beside the programs.
    """

    name: str
    programs: dict[str, str]
    module: str = ""
    data: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where its pins are."""
        return TOOLS / self.name

    def version(self) -> str:
        """Return the pinned version of the module that the tool is."""
        package = next(iter(self.programs.values()))
        pins = re.findall(r"^(?:require)?\s+(\S+) (v\S+)$", (self.folder / "go.mod").read_text(), re.MULTILINE)
        found: str = next(version for module, version in pins if package.startswith(module))
        return found

    def linking(self) -> str:
        """Return the linker's flags; Kubernetes does not know its own version unless it is told."""
        if self.name != "k8s":
            return "-s -w"
        version, path = self.version(), "k8s.io/component-base/version"
        minor = version.split(".")[1]
        return f"-s -w -X {path}.gitVersion={version} -X {path}.gitMajor=1 -X {path}.gitMinor={minor}"

    def place(self, go: str) -> Path:
        """Return where the programs are kept: a folder named by a hash of all that they are made from."""
        parts = [go, *FLAGS, self.linking(), *(f"{name}={package}" for name, package in self.programs.items())]
        digest = hashlib.sha256("\n".join(parts).encode())
        for name in ("go.mod", "go.sum"):
            digest.update((self.folder / name).read_bytes())
        return kept() / "tools" / f"{self.name}-{digest.hexdigest()[:16]}"

    def missing(self, go: str) -> list[str]:
        """Return those programs and data that are not there yet."""
        return [each for each in (*self.programs, *self.data) if not (self.place(go) / each).exists()]


@cache
def tools() -> dict[str, Tool]:
    """Return every tool by name, the most wanted first."""
    found = {}
    for name in ORDER:
        imports = TOOLS / name / "tools.go"
        if imports.exists():
            text = imports.read_text()
            data = DATA.search(text)
            programs = {each["program"]: each["package"] for each in IMPORT.finditer(text)}
            found[name] = Tool(
                name, programs, data["module"] if data else "", tuple(data["paths"].split()) if data else ()
            )
        elif (TOOLS / name / "build.sh").exists():
            found[name] = Tool(name, {})
    return found


def kept() -> Path:
    """Return the folder in which everything built is kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("WORKADAY_CACHE") or Path(base) / "workaday")


@cache
def go_version() -> str | None:
    """Return the Go release of this machine, or None where there is none."""
    if shutil.which("go") is None:
        return None
    return subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout.strip()


def find(name: str) -> Path:
    """Return a program, or a path of a tool's data.

    Raises:
        Missing: it is not built here.
    """
    tool = next((each for each in tools().values() if name in (*each.programs, *each.data)), None)
    go = go_version()
    if tool and go and (path := tool.place(go) / name).exists():
        return path
    if name in ANYWHERE and (there := shutil.which(name)):
        return Path(there)
    if not tool:
        raise Missing(f"no tool makes {name}; there are {', '.join(tools())}")
    how = f"python tests/cluster/tools/build.py {tool.name}"
    raise Missing(
        f"{tool.name} is not built: {how}" if go else f"{tool.name} is not built, and there is no `go` to build it"
    )


def lacking(*names: str) -> str | None:
    """Return why some programs cannot be had, in one line, or None where all are there."""
    reasons: dict[str, None] = {}
    for name in names:
        try:
            find(name)
        except Missing as reason:
            reasons[str(reason)] = None
    return "; ".join(reasons) or None
