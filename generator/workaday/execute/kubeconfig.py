"""A kubeconfig without a cloud's command line: its user asks this command for a token."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workaday.project.diagnostics import mistake

if TYPE_CHECKING:
    from workaday.blueprint.cloud import Cloud
    from workaday.execute.clouds import Account, Address, Token
    from workaday.execute.workspace import Workspace

API = "client.authentication.k8s.io/v1"
BACKUP = ".before-workaday"
# What chooses the credentials is kept: kubectl may be run from another shell.
CHOICES = {
    "aws": ("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"),
    "gcp": ("GOOGLE_APPLICATION_CREDENTIALS",),
    "azure": ("AZURE_CONFIG_DIR", "AZURE_TENANT_ID"),
}
LISTS = ("clusters", "contexts", "users")


def own(workspace: Workspace, account: Account | None = None) -> Path:
    """Write the project's own kubeconfig and return its path; its one context has the cluster's name.

    Raises:
        ProjectError: X152, there is no cluster; X153, the file cannot be written; else as `Account` says.
    """
    path = workspace.state / "kubeconfig"
    write(path, of_project(workspace, account), backup=False)
    return path


def of_project(workspace: Workspace, account: Account | None = None) -> dict[str, Any]:
    """Ask a project's cloud for its cluster, and return a kubeconfig of it.

    Raises:
        ProjectError: X152, there is none; else as `Account` says.
    """
    from workaday.execute.clouds import account_of

    cloud = workspace.blueprint.cloud
    if cloud is None:
        message = f"`{workspace.blueprint.platform}` has no cluster that we make"
        raise mistake("X152", message, "`kubeconfig` is for aws, gcp and azure")
    address = (account or account_of(cloud)).address()
    if address is None:
        message = f"there is no cluster `{cloud.name}` in {cloud.region}"
        raise mistake("X152", message, "make it: `workaday plan && workaday apply`")
    return config(cloud, address, os.environ)


def config(cloud: Cloud, address: Address, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return a kubeconfig of one cluster, as plain data.

    Args:
        cloud: the cluster; every entry has its name.
        address: how its API is reached.
        environment: of which what chooses the credentials is kept.
    """
    authority = {"certificate-authority-data": address.authority} if address.authority else {}
    arguments = ["-m", "workaday", "kube-token", cloud.kind]
    arguments += ["--cluster", cloud.name, "--region", cloud.region] if cloud.kind == "aws" else []
    chosen = [key for key in CHOICES[cloud.kind] if environment.get(key)]
    exec_ = {
        "apiVersion": API,
        "command": sys.executable,  # wherever kubectl is run from, this is the Python that has us
        "args": arguments,
        "env": [{"name": key, "value": environment[key]} for key in chosen] or None,
        "interactiveMode": "Never",
        "provideClusterInfo": False,
        "installHint": f"pip install 'workaday[{cloud.kind}]'",
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cloud.name, "cluster": {"server": address.server, **authority}}],
        "contexts": [{"name": cloud.name, "context": {"cluster": cloud.name, "user": cloud.name}}],
        "users": [{"name": cloud.name, "user": {"exec": exec_}}],
        "current-context": cloud.name,
    }


def merged(text: str | None, added: Mapping[str, Any]) -> str:
    """Return a kubeconfig's text with the entries of another: those of the same name are replaced, all others stay.

    Raises:
        ValueError: the text is no kubeconfig.
    """
    import yaml

    try:
        found = yaml.safe_load(text or "") or {}
    except yaml.YAMLError as error:
        raise ValueError(f"it is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict) or found.get("kind", "Config") != "Config":
        raise ValueError("it is no kubeconfig")
    result = {"apiVersion": "v1", "kind": "Config", **found, "current-context": added["current-context"]}
    for name in LISTS:
        names = {each["name"] for each in added[name]}
        kept = result.get(name) or []
        if not isinstance(kept, list) or not all(isinstance(each, dict) for each in kept):
            raise ValueError(f"its `{name}` are no list of maps")
        result[name] = [each for each in kept if each.get("name") not in names] + list(added[name])
    return str(yaml.safe_dump(result, sort_keys=False))


def write(path: Path, added: Mapping[str, Any], *, backup: bool) -> Path | None:
    """Merge a kubeconfig into a file that only its owner may read; return where the old one is kept, if it is.

    Raises:
        ProjectError: X153, the file is no kubeconfig, or cannot be written.
    """
    target = path.resolve() if path.is_symlink() else path
    kept: Path | None = None
    try:
        old = target.read_text("utf-8") if target.exists() else None
        text = merged(old, added)
        target.parent.mkdir(parents=True, exist_ok=True)
        if backup and old is not None:
            kept = target.with_name(target.name + BACKUP)
            replace(kept, old)
        replace(target, text)
    except OSError as error:
        raise mistake("X153", f"cannot write {path}: {error.strerror}") from None
    except ValueError as error:
        raise mistake("X153", f"{path} is left as it was: {error}") from None
    return kept


def replace(path: Path, text: str) -> None:
    """Write a file all at once, readable by its owner alone."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def credential(token: Token, environment: Mapping[str, str]) -> str:
    """Return what kubectl reads from a credential plugin, in the version that it asks for."""
    try:
        asked = json.loads(environment.get("KUBERNETES_EXEC_INFO", "{}")).get("apiVersion", API)
    except (ValueError, AttributeError):
        asked = API
    ends = token.expires.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = {"expirationTimestamp": ends, "token": token.text}
    api = asked if asked in (API, f"{API}beta1") else API
    return json.dumps({"apiVersion": api, "kind": "ExecCredential", "spec": {"interactive": False}, "status": status})
