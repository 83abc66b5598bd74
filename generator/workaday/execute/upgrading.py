"""A newer Kubernetes under what runs: which steps there are, and which are refused."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from workaday.project.diagnostics import Diagnostic, ProjectError

if TYPE_CHECKING:
    from workaday.execute.existing import Place
    from workaday.execute.workspace import Workspace


def refuse_skipped(workspace: Workspace, place: Place) -> None:
    """Compare a cluster's version with the one that the project wants.

    Raises:
        ProjectError: X194, it would skip a minor version, or go back.
    """
    cloud = workspace.blueprint.cloud
    live = re.match(r"v(\d+\.\d+)", json.loads(place.cluster.read("/version") or b"{}").get("gitVersion", ""))
    if cloud is None or live is None:
        return
    said = skipped(live[1], cloud.kubernetes)
    if said:
        message, hint = said
        raise ProjectError([Diagnostic("X194", message, ("platform", "kubernetes"), hints=(hint,))])


def skipped(live: str, wanted: str) -> tuple[str, str] | None:
    """Return why a cluster cannot go from one minor version to another, and what to do; None where it can."""
    (major, minor), (next_major, next_minor) = (tuple(map(int, each.split("."))) for each in (live, wanted))
    if (next_major, next_minor) < (major, minor):
        message = f"the cluster runs Kubernetes {live}: none goes back to {wanted}"
        return message, f'write `kubernetes: "{live}"`; another cluster is the only way to an older one'
    if next_minor - minor > 1:
        message = f"the cluster runs Kubernetes {live}: {wanted} would skip {major}.{minor + 1}"
        return message, f'first `kubernetes: "{major}.{minor + 1}"`, apply, then the next one'
    return None
