"""Each module by itself: its own tests, and the example in its README, with providers that call nobody."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from workaday.execute.offline.planner import Workshop

INFRA = Path(__file__).parent.parent.parent / "infra"
MODULES = sorted(str(path.parent.relative_to(INFRA)) for path in INFRA.glob("*/*/versions.tf"))
EXAMPLE = re.compile(r"^```hcl\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("module", MODULES)
def test_the_modules_own_tests_pass(module: str, shop: Workshop, tmp_path: Path) -> None:
    assert list((INFRA / module / "tests").glob("*.tftest.hcl"))
    terraform = shop.terraform(INFRA / module, tmp_path / "terraform.tfstate")
    terraform.init()
    environment = {**shop.environment, "TF_DATA_DIR": str(terraform.data_dir)}
    done = run([shop.binary, "test", "-no-color"], terraform.root, environment)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", MODULES)
def test_the_readmes_example_is_valid(
    module: str, terraform_in: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    example = EXAMPLE.search((INFRA / module / "README.md").read_text("utf-8"))
    assert example, "no example"
    text = re.sub(r'source = "[^"]*"', f'source = "{INFRA / module}"', example[1])
    root = tmp_path / "root"
    root.mkdir()
    (root / "main.tf").write_text(example[1])
    assert terraform_in(root, "fmt", "-check").returncode == 0, "not formatted"
    (root / "main.tf").write_text(text)
    for verb in (("init", "-backend=false"), ("validate",)):
        done = terraform_in(root, *verb)
        assert done.returncode == 0, done.stdout + done.stderr


def run(command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
