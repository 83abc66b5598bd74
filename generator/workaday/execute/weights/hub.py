"""Weights of the Hugging Face hub, fetched into its own cache, where a broken fetch is gone on with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from workaday.execute.sdks import sdk
from workaday.project.diagnostics import mistake

HUB = "hf://"
_ADDRESS = re.compile(r"hf://(?P<repo>[\w.-]+(?:/[\w.-]+)?)(?:@(?P<revision>[\w./-]+))?/?")


def fetch(address: str, include: Sequence[str] = ()) -> Path:
    """Return the folder that holds a repository of the hub; a revision is a branch, a tag or a commit.

    Raises:
        ProjectError: X130 without huggingface_hub, X162 where the hub refuses or cannot be asked.
    """
    found = _ADDRESS.fullmatch(address)
    if not found:
        raise mistake("X162", f"`{address}` is no address of the hub", "hf://org/name, or hf://org/name@revision")
    hub = sdk("huggingface_hub", "the hub is asked")
    try:
        return Path(
            hub.snapshot_download(found["repo"], revision=found["revision"], allow_patterns=list(include) or None)
        )
    except (OSError, ValueError) as error:  # the hub's own errors are OSErrors
        said = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        hint = "for a private or gated one: `HF_TOKEN`, or `hf auth login`"
        raise mistake("X162", f"cannot fetch {address}: {said[:200]}", hint) from None
