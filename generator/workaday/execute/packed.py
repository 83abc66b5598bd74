"""Where the charts of others come from: a folder of the project's, or their registry, once, by version and digest."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from workaday.execute.helm import Helm, HelmFailure
from workaday.project.diagnostics import Diagnostic, KeyPath, ProjectError

if TYPE_CHECKING:
    from workaday.execute.addons import Wanted
    from workaday.execute.workspace import Workspace

MIRROR = "from a machine that may: `helm pull`, into a folder that `addons.charts` names; docs/addons.md"


async def chart_of(workspace: Workspace, wanted: Wanted, helm: Helm) -> Path:
    """Return an add-on's chart on this machine, packed or as a folder.

    Raises:
        ProjectError: X190, it cannot be had, or is not the one of the table.
    """
    folder = workspace.blueprint.addons.charts if workspace.blueprint.addons else None
    if folder is not None:
        return in_folder(workspace.root / Path(folder).expanduser(), wanted)
    kept = workspace.state / "charts"
    path = kept / f"{wanted.chart}-{wanted.version}.tgz"
    if not path.exists() or not as_pinned(path, wanted):
        await fetch(kept, wanted, helm)
    if not path.exists():
        raise refusal(wanted, f"{wanted.source} has no {path.name}", MIRROR)
    if not as_pinned(path, wanted):
        said = f"{path.name} from {wanted.source} is not the pinned one: sha256 {digest(path)}, not {wanted.sha256}"
        path.unlink()
        raise refusal(wanted, said, "somebody changed it: ask who keeps that registry before you go on")
    return path


async def fetch(kept: Path, wanted: Wanted, helm: Helm) -> None:
    """Have Helm fetch a chart.

    Raises:
        ProjectError: X190, it cannot.
    """
    kept.mkdir(parents=True, exist_ok=True)
    oci = wanted.source.startswith("oci://")
    name = f"{wanted.source}/{wanted.chart}" if oci else wanted.chart
    try:
        await helm.pull(name, wanted.version, None if oci else wanted.source, kept)
    except HelmFailure as failure:
        said = " ".join(failure.said.split())
        raise refusal(
            wanted, f"{wanted.source} does not give {wanted.chart} {wanted.version}: {said}", MIRROR
        ) from None


def in_folder(folder: Path, wanted: Wanted) -> Path:
    """Return a chart of a folder: `CHART-VERSION.tgz`, or `CHART/` with that version in its Chart.yaml.

    Raises:
        ProjectError: X190, there is none, or one of another version.
    """
    packed, plain = folder / f"{wanted.chart}-{wanted.version}.tgz", folder / wanted.chart
    if packed.is_file():
        if not as_pinned(packed, wanted):
            raise refusal(wanted, f"{packed} is not the pinned one: sha256 {digest(packed)}, not {wanted.sha256}")
        return packed
    if not (plain / "Chart.yaml").is_file():
        raise refusal(wanted, f"{folder} has no {packed.name}", MIRROR)
    found = version_of(plain)
    if found != wanted.version:
        raise refusal(wanted, f"{plain} is version {found}, not {wanted.version}")
    return plain


def version_of(chart: Path) -> str:
    """Return a chart's version, from its folder."""
    import yaml

    return str((yaml.safe_load((chart / "Chart.yaml").read_text("utf-8")) or {}).get("version", "?"))


def as_pinned(path: Path, wanted: Wanted) -> bool:
    """Return whether a packed chart is the pinned one, as far as its digest is known."""
    return wanted.sha256 is None or digest(path) == wanted.sha256


def digest(path: Path) -> str:
    """Return a file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def refusal(wanted: Wanted, said: str, *hints: str) -> ProjectError:
    """Return the error of a chart that is not to be had."""
    at: KeyPath = ("addons", wanted.addon)
    return ProjectError([Diagnostic("X190", f"no chart of {wanted.title}: {said}", at, hints=hints)])
