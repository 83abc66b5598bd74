"""The offline plan of a whole rendered tree: each of its Terraform roots, over the same roots of an earlier tree."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from workaday.execute.failures import at_its_key
from workaday.execute.offline.grading import OfflinePlan
from workaday.execute.offline.planner import plan
from workaday.execute.workspace import Workspace
from workaday.project.diagnostics import Diagnostic, KeyPath, ProjectError
from workaday.render.origins import ORIGINS, parse

FOLDER = "terraform"
ROOTS = ("bootstrap", "cluster")


def plan_tree(workspace: Workspace, against: Path | None = None) -> dict[str, OfflinePlan]:
    """Plan a rendered tree without an account; returns the plans by root, `bootstrap` first.

    Each plan's JSON is left in `.workaday/<env>/offline/`, for tools that check policies.

    Args:
        workspace: a project on a cloud, its tree rendered.
        against: the tree as it was before, such as that of a checkout of the main branch; a root that it lacks is new.

    Raises ProjectError: X143 (no cloud's tree, here or in `against`), and what `plan` raises, at the lines of
    project.yaml.
    """
    if workspace.blueprint.cloud is None:
        raise ProjectError(
            [Diagnostic(code="X143", message="the local platform has no account to do without", path=("platform",))],
            workspace.loaded.sources,
        )
    before = _roots_of(against) if against else {}
    tree = workspace.tree / FOLDER
    plans = {}
    for name in ROOTS:
        try:
            plans[name] = plan(tree / name, against=before.get(name), origin=_origin(workspace, name))
        except ProjectError as error:
            sources = workspace.loaded.sources
            raise ProjectError([at_its_key(each, sources) for each in error.diagnostics], sources) from None
    _leave(workspace.state / "offline", plans)
    return plans


def release_changes(tree: Path, against: Path) -> dict[str, str]:
    """Return what differs in the releases of two trees: `new`, `changed` or `gone` by name; `charts` for the charts.

    They are Helm's and not Terraform's, and with Karpenter so are the pools: a plan that was silent
    about them would call a renamed pool no change.
    """
    before = against.parent if against.name == FOLDER else against
    old, new = _contents(before / "releases"), _contents(tree / "releases")
    found = {name: "new" if name not in old else "gone" if name not in new else "changed" for name in {*old, *new}}
    changes = {Path(name).stem: what for name, what in sorted(found.items()) if old.get(name) != new.get(name)}
    if _contents(before / "charts") != _contents(tree / "charts"):
        changes["charts"] = "changed"
    return changes


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _roots_of(tree: Path) -> Mapping[str, Path]:
    """Return the roots of a rendered tree, or of the folder `terraform` in it."""
    for folder in (tree / FOLDER, tree):
        found = {name: folder / name for name in ROOTS if (folder / name).is_dir()}
        if found:
            return found
    hint = "name a folder that `workaday render` wrote, such as ../main/deploy/default"
    raise ProjectError([Diagnostic(code="X143", message=f"no rendered tree of a cloud in {tree}", hints=(hint,))])


def _origin(workspace: Workspace, root: str) -> Callable[[str], KeyPath | None]:
    origins = parse((workspace.tree / ORIGINS).read_bytes())
    return lambda address: origins.lookup_address(f"{FOLDER}/{root}", address)


def _leave(folder: Path, plans: Mapping[str, OfflinePlan]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, each in plans.items():
        (folder / f"{name}.json").write_text(json.dumps(each.document) + "\n")
