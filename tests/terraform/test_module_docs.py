"""Each module's README has the tables that its variables and outputs say; `python tools/module_docs.py` writes them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent.parent
INFRA = REPOSITORY / "infra"


def test_the_tables_are_those_of_the_module() -> None:
    done = subprocess.run(
        [sys.executable, "tools/module_docs.py", "--check"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_has_a_page_with_tables() -> None:
    modules = {path.parent for path in INFRA.glob("*/*/main.tf")}
    without = [
        str(module.relative_to(REPOSITORY))
        for module in sorted(modules)
        if "BEGIN TABLES" not in (module / "README.md").read_text("utf-8")
    ]
    assert without == []
