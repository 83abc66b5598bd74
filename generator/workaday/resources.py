"""Find the files that Workaday renders from: in its wheel, or in the repository it runs from."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def bundle() -> Path:
    """Return the folder that holds `infra/`, `templates/`, `schemas/`, `requirements/` and `model_server/`."""
    package = Path(__file__).resolve().parent
    packed = package / "_bundle"
    return packed if packed.is_dir() else package.parent.parent


def package() -> Path:
    """Return the folder of the `workaday` package itself."""
    return Path(__file__).resolve().parent


@cache
def bundled(folder: str) -> tuple[str, ...]:
    """Return every file below one of the bundle's folders, by path in the bundle, in order."""
    root = bundle()
    return tuple(sorted(each.relative_to(root).as_posix() for each in (root / folder).rglob("*") if each.is_file()))


@cache
def modules() -> tuple[str, ...]:
    """Return what is taken as a whole, by path in the bundle: Terraform modules (`infra/aws/network`) and charts."""
    terraform = {path.rpartition("/")[0] for path in bundled("infra") if path.endswith(".tf") and "/." not in path}
    charts = {path.rpartition("/")[0] for path in bundled("charts") if path.endswith("/Chart.yaml")}
    return tuple(sorted(charts | {each for each in terraform if not {"tests", "examples"} & set(each.split("/"))}))
