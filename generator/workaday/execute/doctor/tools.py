"""The programs that verbs run, in the versions that the rendered tree takes."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING

from workaday.execute.doctor.findings import FAILED, OK, UNKNOWN, Finding, State
from workaday.resources import bundle

if TYPE_CHECKING:
    from workaday.execute.workspace import Workspace

SECONDS = 20.0
_REQUIRED = re.compile(r'required_version\s*=\s*"([^"]+)"')
_BOUND = re.compile(r"(>=|<=|>|<|=|~>)\s*(\d+(?:\.\d+)*)")


def terraform(workspace: Workspace) -> Finding:
    """Return whether there is a Terraform or OpenTofu, and of a version that the tree takes."""
    from workaday.execute.terraform import find_binary
    from workaday.project.diagnostics import ProjectError

    platform = workspace.blueprint.platform
    if platform == "existing":
        return Finding("terraform", OK, "not needed: the cluster is there")
    try:
        binary = find_binary(workspace.state / "bin")
    except ProjectError as error:
        first = error.diagnostics[0]
        return Finding("terraform", FAILED, first.message, "; ".join(first.hints))
    try:
        done = subprocess.run(
            [binary, "version", "-json"], capture_output=True, text=True, timeout=SECONDS, check=True
        )  # fmt: skip
        version = json.loads(done.stdout)["terraform_version"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
        return Finding("terraform", UNKNOWN, f"{binary} does not say its version: {error}")
    wanted = required(platform)
    if takes(wanted, version):
        return Finding("terraform", OK, f"{version}, {wanted} is needed: {binary}")
    return Finding("terraform", FAILED, f"{version}, and {wanted} is needed: {binary}", f"install one that is {wanted}")


def required(platform: str) -> str:
    """Return the versions of Terraform that a platform's tree takes, as the tree itself says."""
    root = bundle()
    folder = (
        root / "infra" / "local" if platform == "local" else root / "templates" / "terraform" / platform / "cluster"
    )
    for path in sorted(folder.glob("versions.tf*")):
        if found := _REQUIRED.search(path.read_text("utf-8")):
            return found[1]
    return ">= 1.0"


def takes(wanted: str, version: str) -> bool:
    """Return whether a version is within bounds such as `>= 1.11, < 2.0`; what comes after a hyphen does not count."""
    have = numbers(version.partition("-")[0])
    compared = {
        ">=": lambda bound: have >= bound, "<=": lambda bound: have <= bound, ">": lambda bound: have > bound,
        "<": lambda bound: have < bound, "=": lambda bound: have == bound,
        "~>": lambda bound: have >= bound and have[: len(bound) - 1] == bound[:-1],
    }  # fmt: skip
    return all(compared[sign](numbers(bound)) for sign, bound in _BOUND.findall(wanted))


def numbers(version: str) -> tuple[int, ...]:
    """Return a version as numbers, without zeros at its end."""
    found = [int(each) for each in version.split(".")]
    while len(found) > 1 and not found[-1]:
        found.pop()
    return tuple(found)


def helm(missing: State = FAILED) -> Finding:
    """Return whether there is a Helm, which installs the models; `missing` is how bad it is that there is none."""
    from workaday.execute.helm import find_binary
    from workaday.project.diagnostics import ProjectError

    try:
        binary = find_binary(os.environ)
    except ProjectError as error:
        first = error.diagnostics[0]
        return Finding("helm", missing, first.message, "; ".join(first.hints))
    done = subprocess.run(
        [binary, "version", "--template", "{{.Version}}"], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode:
        return Finding("helm", UNKNOWN, f"{binary} does not say its version: {done.stderr.strip()[:200]}")
    return Finding("helm", OK, f"{done.stdout.strip()}: {binary}")
