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
