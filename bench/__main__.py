"""Run every benchmark of this folder, or those named: `python -m bench [NAME …]`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

HERE = Path(__file__).parent


def names() -> list[str]:
    modules = [each.stem for each in HERE.glob("*.py") if not each.stem.startswith("_")]
    packages = [each.parent.name for each in HERE.glob("*/__main__.py")]
    return sorted(modules + packages)


def main(wanted: list[str]) -> None:
    for name in wanted or names():
        print(f"\n== {name}")
        package = HERE / name / "__main__.py"
        importlib.import_module(f"bench.{name}.__main__" if package.exists() else f"bench.{name}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
