"""`kubeconfig` and `kube-token`: reach the cluster without a cloud's command line."""

from __future__ import annotations

from pathlib import Path

from workaday.cli.output import note, say
from workaday.cli.run import Exit


def kubeconfig(file: Path, stage: str | None, *, into: Path | None, show: bool) -> int:
    """Write or print a kubeconfig of the project's cluster."""
    import os

    from workaday.execute import kubeconfig as room
    from workaday.execute.clouds import account_of
    from workaday.execute.workspace import open_workspace
    from workaday.project.diagnostics import mistake

    workspace = open_workspace(file, stage)
    cloud = workspace.blueprint.cloud
    if cloud is None:
        message = f"`{workspace.blueprint.platform}` has no cluster that we make"
        raise mistake("X152", message, "`kubeconfig` is for aws, gcp and azure")
    note(f"asking {cloud.kind} for `{cloud.name}`")
    address = account_of(cloud).address()
    if address is None:
        message = f"there is no cluster `{cloud.name}` in {cloud.region}"
        raise mistake("X152", message, "make it: `workaday plan && workaday apply`")
    added = room.config(cloud, address, os.environ)
    if show:
        say(room.merged(None, added).rstrip())
        return Exit.DONE
    path = into.expanduser() if into else workspace.state / "kubeconfig"
    kept = room.write(path, added, backup=into is not None)
    say(f"{path}: context `{cloud.name}`" + (f"; what was there is in {kept}" if kept else ""))
    if into is None:
        say(f"export KUBECONFIG={path}")
    return Exit.DONE


def kube_token(kind: str, cluster: str, region: str) -> int:
    """Print a token for a cluster's API, as kubectl asks for it."""
    from importlib import import_module

    from workaday.execute.kubeconfig import credential
    from workaday.project.diagnostics import mistake

    if kind not in ("aws", "gcp", "azure"):
        raise mistake("X152", f"`{kind}` is no cloud", "one of aws, gcp, azure")
    if kind == "aws" and not (cluster and region):
        raise mistake("X152", "a token for EKS is for one cluster", "--cluster NAME --region REGION")
    module = import_module(f"workaday.execute.clouds.{kind}")
    say(credential(module.token(cluster, region) if kind == "aws" else module.token()))
    return Exit.DONE
