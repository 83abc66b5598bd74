"""Packages that only some verbs need: imported when they are asked for, and named where they are missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from workaday.project.diagnostics import mistake

# Which extra of ours brings them.
EXTRAS = {
    "boto3": "aws", "google.auth": "gcp", "azure.identity": "azure", "requests": "gcp", "huggingface_hub": "hub",
    "pyhelm3": "helm", "lightkube": "helm",
}  # fmt: skip


def sdk(module: str, purpose: str) -> Any:
    """Return a package that is installed only where it is asked for.

    Args:
        module: its name, one of `EXTRAS`.
        purpose: what it is needed for, as the beginning of a sentence: `prices of aws are asked for`.

    Raises:
        ProjectError: X130, it is not installed.
    """
    try:
        return import_module(module)
    except ImportError:
        message = f"{purpose} with `{module}`, which is not installed"
        raise mistake("X130", message, f"`pip install 'workaday[{EXTRAS[module]}]'`") from None
