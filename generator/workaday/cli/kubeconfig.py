"""`kubeconfig` and `kube-token`: reach the cluster without a cloud's command line."""

from __future__ import annotations

from pathlib import Path

from workaday.cli.output import note, say
from workaday.cli.run import Exit


def kubeconfig(file: Path, stage: str | None, *, into: Path | None, show: bool) -> int:
    """Write or print a kubeconfig of the project's cluster."""
    from workaday.execute import kubeconfig as room
    from workaday.execute.workspace import open_workspace

    workspace = open_workspace(file, stage)
    note(f"asking {workspace.blueprint.platform} for the cluster")
    if show:
        say(room.merged(None, room.of_project(workspace)).rstrip())
    elif into is None:
        path = room.own(workspace)
        say(f"{path}: written\nexport KUBECONFIG={path}")
    else:
        path, added = into.expanduser(), room.of_project(workspace)
        kept = room.write(path, added, backup=True)
        say(f"{path}: context `{added['current-context']}`" + (f"; what was there is in {kept}" if kept else ""))
    return Exit.DONE


def kube_token(kind: str, cluster: str, region: str) -> int:
    """Print a token for a cluster's API, as kubectl asks for it."""
    import os
    from importlib import import_module

    from workaday.execute.kubeconfig import credential
    from workaday.project.diagnostics import mistake

    if kind not in ("aws", "gcp", "azure"):
        raise mistake("X152", f"`{kind}` is no cloud", "one of aws, gcp, azure")
    if kind == "aws" and not (cluster and region):
        raise mistake("X152", "a token for EKS is for one cluster", "--cluster NAME --region REGION")
    module = import_module(f"workaday.execute.clouds.{kind}")
    say(credential(module.token(cluster, region) if kind == "aws" else module.token(), os.environ))
    return Exit.DONE
