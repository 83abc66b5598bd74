"""A project's text as a rendered Terraform root."""

from __future__ import annotations

from pathlib import Path

from workaday.execute.workspace import open_workspace
from workaday.render import render
from workaday.render.tree import write


def rendered(folder: Path, text: str) -> Path:
    """Write a project into a new folder, render it, and return the cluster's root."""
    folder.mkdir()
    (folder / "project.yaml").write_text(text)
    workspace = open_workspace(folder / "project.yaml", None)
    write(workspace.tree, render(workspace.blueprint))
    return workspace.tree / "terraform" / "cluster"
