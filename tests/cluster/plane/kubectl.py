"""kubectl, as administrator or as somebody else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from plane import programs
from plane.api import Object

Manifests = str | Path | Mapping[str, Any] | Iterable[Mapping[str, Any]]


class KubectlError(Exception):
    """kubectl failed; says what it said."""


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads `=` as the text that it is in YAML 1.2, and to Kubernetes."""


Loader.add_constructor("tag:yaml.org,2002:value", Loader.construct_yaml_str)


def objects(manifests: Manifests) -> list[Object]:
    """Return the objects of YAML text, of a file, of a folder's files, of one object or several."""
    if isinstance(manifests, Path):
        files = sorted(manifests.rglob("*.yaml")) if manifests.is_dir() else [manifests]
        return [each for file in files for each in objects(file.read_text())]
    if isinstance(manifests, str):
        return [each for each in yaml.load_all(manifests, Loader) if each]
    return [dict(manifests)] if isinstance(manifests, Mapping) else [dict(each) for each in manifests]


class Kubectl:
    """Runs kubectl with one kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig

    def __call__(self, *arguments: str, given: str | None = None) -> str:
        """Run kubectl; returns what it prints.

        Args:
            arguments: its own.
            given: its standard input.

        Raises:
            KubectlError: it failed.
        """
        command = [str(programs.find("kubectl")), f"--kubeconfig={self.kubeconfig}", *arguments]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        if done.returncode:
            raise KubectlError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def apply(self, manifests: Manifests, *arguments: str, namespace: str | None = None, dry_run: bool = False) -> str:
        """Apply objects server-side; a dry run goes through the same defaults, validation and admission.

        Raises:
            KubectlError: at least one was refused; kubectl says which.
        """
        where = [f"--namespace={namespace}"] if namespace else []
        mode = ["--dry-run=server"] if dry_run else []
        given = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects(manifests)})
        return self("apply", "--server-side", "--force-conflicts", *where, *mode, *arguments, "-f", "-", given=given)

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object:
        """Return an object.

        Raises:
            KubectlError: there is none.
        """
        where = [f"--namespace={namespace}"] if namespace else []
        found: Object = json.loads(self("get", kind, name, *where, "--output=json"))
        return found

    def list(self, kind: str, *arguments: str, namespace: str | None = None) -> list[Object]:
        """Return the objects of a kind, as far as `arguments` (such as `--selector=a=b`) select them."""
        where = [f"--namespace={namespace}"] if namespace else []
        found: list[Object] = json.loads(self("get", kind, *where, *arguments, "--output=json"))["items"]
        return found
