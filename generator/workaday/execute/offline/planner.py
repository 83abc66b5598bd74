"""Run real Terraform on a copy of a rendered root, served by the pinned schemas."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from workaday.execute.failures import as_project_error
from workaday.execute.offline.grading import OfflinePlan, graded
from workaday.execute.offline.locating import located
from workaday.execute.offline.server import serving
from workaday.execute.offline.states import usable
from workaday.execute.offline.tree import copied
from workaday.execute.terraform import Terraform, TerraformFailure, find_binary
from workaday.project.diagnostics import Diagnostic, KeyPath, ProjectError

Origin = Callable[[str], KeyPath | None]
# Nothing is installed from anywhere: a provider that is not served is an error, not a download.
SETTINGS = (
    'disable_checkpoint = true\nprovider_installation {{\n  filesystem_mirror {{\n    path = "{empty}"\n  }}\n}}\n'
)


def plan(
    root: Path,
    prior: Path | None = None,
    *,
    against: Path | None = None,
    variables: Mapping[str, str] | None = None,
    origin: Origin = lambda address: None,
) -> OfflinePlan:
    """Plan a Terraform root without an account; the root's folder stays as it is.

    Args:
        root: the folder of the root module; its backend is not used.
        prior: a state file to plan over, such as one that `terraform state pull` wrote.
        against: the root as it was before, to plan the change from it: its resources are taken to exist as it says.
        variables: the root's input variables.
        origin: gives the key path of project.yaml for a resource's address.

    Raises ProjectError: X101 (no Terraform), X140 (packages missing), X141 (a provider without pinned schemas),
    X142 (a module that would have to be downloaded), X110 (whatever Terraform finds in the root).
    """
    if prior and against:
        raise ValueError("a plan is made over a state or over a tree, not both")
    with workshop() as shop:
        state = shop.folder / "terraform.tfstate"
        if prior:
            state.write_text(usable(prior.read_text(encoding="utf-8")), encoding="utf-8")
        if against:
            before = shop.terraform(against, state)
            with reported(lambda address: None, before, against):
                before.init()
                before.save(shop.folder / "before.plan", variables=variables)
                before.apply(shop.folder / "before.plan", lambda _: None)
        terraform = shop.terraform(root, state)
        with reported(origin, terraform, root):
            terraform.init()
            saved = shop.folder / "after.plan"
            terraform.save(saved, variables=variables)
            return graded(terraform.document(saved), against=bool(prior or against))


class Workshop:
    """A temporary folder with what Terraform needs to run in it offline.

    Attributes:
        folder: gone when the work is done.
        environment: the variables for Terraform.
        binary: the executable.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.binary = find_binary(folder / "bin")
        self._copies = 0

    def terraform(self, root: Path, state: Path) -> Terraform:
        """Return Terraform on a copy of a root whose state is a file of ours."""
        self._copies += 1
        copy = copied(root, self.folder / str(self._copies), state)
        return Terraform(copy, self.folder / f"{self._copies}.data", self.binary, environment=self.environment)


@contextmanager
def workshop() -> Iterator[Workshop]:
    """Yield a workshop while the providers are served."""
    with tempfile.TemporaryDirectory(prefix="workaday-offline-") as name, serving() as served:
        folder = Path(name).resolve()
        settings = folder / "terraformrc"
        (folder / "empty").mkdir()
        settings.write_text(SETTINGS.format(empty=folder / "empty"))
        without = {"HTTP_PROXY": "", "HTTPS_PROXY": "", "http_proxy": "", "https_proxy": "", "NO_PROXY": "*"}
        own = {"TF_CLI_CONFIG_FILE": str(settings), "TF_PLUGIN_CACHE_DIR": "", "TF_WORKSPACE": "", "TF_CLI_ARGS": ""}
        yield Workshop(folder, {**without, **own, **served})


@contextmanager
def reported(origin: Origin, terraform: Terraform, root: Path) -> Iterator[None]:
    """Turn Terraform's failures into findings at the lines of project.yaml that they come from."""
    try:
        yield
    except TerraformFailure as failure:
        missing = _not_served(failure)
        if missing:
            raise ProjectError([missing]) from None
        raise as_project_error(located(failure, terraform, root), origin) from None


def _not_served(failure: TerraformFailure) -> Diagnostic | None:
    text = " ".join(failure.output.replace("│", " ").split())
    found = re.search(r"provider (\S+/\S+/\S+) was not found in any of the search locations", text)
    found = found or re.search(r"does not have a package available .*?provider (\S+)", text)
    if failure.verb != "init" or not found:
        return None
    name = found[1].strip('":,')
    return Diagnostic(
        code="X141",
        message=f"no pinned schemas for provider {name}",
        hints=("leave it out of the root, or run `workaday plan` with an account",),
    )
