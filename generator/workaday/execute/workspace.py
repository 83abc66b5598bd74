"""Where one environment of a project lives on disk, and the flow from the file to the tree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workaday.layout import DEFAULT_STAGE, state_dir, tree_dir

if TYPE_CHECKING:
    from workaday.blueprint.model import Blueprint
    from workaday.project import Loaded
    from workaday.project.diagnostics import Diagnostic


@dataclass(frozen=True)
class Folders:
    """Where one environment of a project lives: known even when the project file cannot be read.

    Attributes:
        root: the folder of project.yaml.
        stage: the environment's name, or `default`.
    """

    root: Path
    stage: str

    @property
    def tree(self) -> Path:
        """The rendered tree: reviewable, perhaps committed."""
        return self.root / tree_dir(self.stage)

    @property
    def state(self) -> Path:
        """Run-time state: never rendered, never committed."""
        return self.root / state_dir(self.stage)

    @property
    def terraform_root(self) -> Path:
        """The Terraform root of the cluster."""
        return self.tree / "terraform" / "cluster"

    @property
    def terraform_state(self) -> Path:
        """Terraform's state file of the local platform."""
        return self.state / "terraform.tfstate"

    @property
    def saved_plan(self) -> Path:
        """The plan that `apply` runs."""
        return self.state / "plan" / "plan.tfplan"

    def run_dir(self, process: str) -> Path:
        """The run folder of a local server process."""
        return self.state / "run" / process


@dataclass(frozen=True)
class Workspace(Folders):
    """A loaded project, what it means, and its folders.

    Attributes:
        loaded: the project as written, with positions.
        blueprint: the project resolved.
        warnings: findings that do not stop anything.
    """

    loaded: Loaded
    blueprint: Blueprint
    warnings: tuple[Diagnostic, ...] = ()


def folders_of(file: Path, stage: str | None) -> Folders:
    """Return an environment's folders without reading the project file."""
    return Folders(file.absolute().parent, stage or DEFAULT_STAGE)


def open_workspace(file: Path, stage: str | None) -> Workspace:
    """Read a project file, resolve it and check what it means.

    Raises ProjectError with everything that is wrong with it.
    """
    from workaday.blueprint.inputs import read_inputs
    from workaday.blueprint.resolve import resolve
    from workaday.checks import check
    from workaday.project import load
    from workaday.project.diagnostics import Diagnostic, ProjectError

    if stage == DEFAULT_STAGE:
        hint = f"that is project.yaml alone, without `--env`; rename environments/{DEFAULT_STAGE}.yaml if there is one"
        raise ProjectError(
            [Diagnostic(code="X105", message=f"no environment can be called `{DEFAULT_STAGE}`", hints=(hint,))]
        )
    loaded = load(file, stage)
    name = stage or DEFAULT_STAGE
    blueprint = resolve(loaded.project, read_inputs(loaded), name)
    findings = check(loaded, blueprint)
    if any(finding.severity == "error" for finding in findings):
        raise ProjectError(findings, loaded.sources)
    return Workspace(file.absolute().parent, name, loaded, blueprint, tuple(findings))
