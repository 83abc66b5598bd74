"""Roots to plan, and the providers to plan them with.

For the tests of a module: `workaday.execute.offline.plan(root)` has what `terraform show -json` says of its plan as
`.document` and each resource's planned values by address as `.values`; `terraform_in` runs any verb of Terraform.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from workaday.execute.offline.planner import Workshop, workshop

ROOTS = Path(__file__).parent / "roots"
Edit = Callable[..., Path]


@pytest.fixture(scope="session")
def shop() -> Iterator[Workshop]:
    """The providers, served once for all tests."""
    with workshop() as opened:
        yield opened


@pytest.fixture(scope="session")
def applied(shop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the state of a root of `roots/` once it was applied to nothing real; made once for each."""

    @cache
    def make(cloud: str) -> Path:
        state = tmp_path_factory.mktemp("state") / "terraform.tfstate"
        terraform = shop.terraform(ROOTS / cloud, state)
        terraform.init()
        terraform.save(state.with_suffix(".plan"))
        terraform.apply(state.with_suffix(".plan"), lambda _: None)
        return state

    return make


@pytest.fixture
def terraform_in(shop: Workshop, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a verb of Terraform in a folder, as it is, with the providers served."""

    def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **shop.environment, "TF_DATA_DIR": str(tmp_path / "data"), "TF_IN_AUTOMATION": "1"}
        command = [shop.binary, *arguments, "-no-color"]
        return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def edited(tmp_path: Path) -> Edit:
    """Return a copy of a root of `roots/` in which texts were replaced, in it or in the module beside it."""

    def make(cloud: str, *replaced: tuple[str, str]) -> Path:
        tree = Path(tempfile.mkdtemp(dir=tmp_path))
        shutil.copytree(ROOTS, tree, dirs_exist_ok=True)
        for old, new in replaced:
            files = [each for each in tree.rglob("*.tf") if old in each.read_text()]
            assert files, f"nothing to replace: {old}"
            for each in files:
                each.write_text(each.read_text().replace(old, new))
        return tree / cloud

    return make
