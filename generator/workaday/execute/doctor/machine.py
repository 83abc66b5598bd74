"""This machine against the models that would run on it, and a cluster that is already there."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from workaday.execute.doctor import tools
from workaday.execute.doctor.findings import FAILED, OK, WARNING, Check, Finding

if TYPE_CHECKING:
    from workaday.execute.workspace import Workspace

GIB = 2**30
OLDEST = (3, 11)
# A log, a saved plan, a Python environment of a model's own.
ROOM_BYTES = 2 * GIB


def checks(workspace: Workspace) -> Mapping[str, Check]:
    """Return what the local platform needs of this machine."""
    return {
        "python": python,
        "torch": lambda: torch(workspace),
        "ports": lambda: ports(workspace),
        "disk": lambda: disk(workspace.root),
        "memory": lambda: memory(workspace, *memory_bytes()),
    }


def python(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """Return whether this Python can run the servers."""
    said = f"{'.'.join(map(str, version))}: {sys.executable}"
    if version < OLDEST:
        return Finding("python", FAILED, said, f"Python {OLDEST[0]}.{OLDEST[1]} or newer")
    return Finding("python", OK, said)


def torch(workspace: Workspace) -> Finding:
    """Return whether torch is there, where a model wants it."""
    wanting = [each.name for each in workspace.blueprint.models if each.kind == "torch"]
    if not wanting:
        return Finding("torch", OK, "no model needs it")
    if importlib.util.find_spec("torch") is None:
        own = [each.name for each in workspace.blueprint.models if each.kind == "torch" and not each.requirements]
        fix = "`pip install torch`, or name it in each model's `requirements`"
        return Finding("torch", FAILED if own else OK, f"not installed; wanted by {', '.join(own or wanting)}", fix)
    return Finding("torch", OK, f"is there, for {', '.join(wanting)}")


def ports(workspace: Workspace) -> Finding:
    """Return whether the servers' ports are free, or held by our own servers."""
    from workaday.execute.local import check_ports
    from workaday.project.diagnostics import ProjectError

    try:
        check_ports(workspace)
    except ProjectError as error:
        first = error.diagnostics[0]
        return Finding("ports", FAILED, first.message, "; ".join(first.hints))
    named = ", ".join(str(each.port) for each in workspace.blueprint.processes)
    return Finding("ports", OK, f"{named}: free, or our own server's")


def disk(root: Path) -> Finding:
    """Return whether there is room for run-time state."""
    free = shutil.disk_usage(root).free
    said = f"{free / GIB:.1f} GiB free at {root}"
    if free < ROOM_BYTES:
        return Finding("disk", WARNING, said, "make room: logs and environments go to .workaday")
    return Finding("disk", OK, said)


def memory(workspace: Workspace, total: int, available: int) -> Finding:
    """Return whether all models together fit into memory, as `compute.memory` says.

    Args:
        workspace: the project.
        total, available: of this machine, in bytes.
    """
    wanted = sum(each.compute.memory_bytes for each in workspace.blueprint.models)
    said = f"{wanted / GIB:.1f} GiB for the models; {total / GIB:.1f} GiB here, {available / GIB:.1f} GiB of it free"
    if wanted > total:
        return Finding("memory", FAILED, said, "fewer or smaller models, or a machine with more memory")
    if wanted > available:
        return Finding("memory", WARNING, said, "end what else takes memory")
    return Finding("memory", OK, said)


def memory_bytes() -> tuple[int, int]:
    """Return this machine's memory, and what of it is free or could be at once."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return total, int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError):  # no Linux: what is there
        return total, total


def existing(workspace: Workspace) -> Mapping[str, Check]:
    """Return what a cluster that is already there needs of this machine."""
    return {"helm": tools.helm, "context": lambda: context(workspace)}


def context(workspace: Workspace) -> Finding:
    """Return whether the kubeconfig has the context that the project names."""
    import yaml

    written = workspace.loaded.project.platform
    name, file = getattr(written, "context", ""), getattr(written, "kubeconfig", None)
    usual = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or "~/.kube/config"
    path = workspace.root / file if file else Path(usual).expanduser()
    try:
        contexts = [each["name"] for each in yaml.safe_load(path.read_text("utf-8"))["contexts"]]
    except (OSError, yaml.YAMLError, TypeError, KeyError) as error:
        said = getattr(error, "strerror", None) or "it is no kubeconfig"
        return Finding("context", FAILED, f"cannot read {path}: {said}", "`platform.kubeconfig`, or KUBECONFIG")
    if name not in contexts:
        return Finding("context", FAILED, f"no context `{name}` in {path}", f"there are: {', '.join(contexts)}")
    return Finding("context", OK, f"`{name}` of {path}")
