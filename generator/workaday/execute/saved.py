"""The plan that `apply` runs, and what is remembered of it: it runs once, and only while it still says the truth."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workaday.execute.grading import Change
from workaday.execute.workspace import Folders


@dataclass(frozen=True)
class Planned:
    """A saved plan.

    Attributes:
        changes: what it does, by address.
        tree: hash of the rendered tree that it was made from.
        dead: addresses that were found dead and will be replaced; the local platform's.
        preview: it cannot be applied as it is: the bucket that keeps the state has to be made first.
        only: the stage or the model that it is about; None is everything.
    """

    changes: tuple[Change, ...]
    tree: str
    dead: tuple[str, ...] = ()
    preview: bool = False
    only: str | None = None


def remember(folders: Folders, planned: Planned) -> None:
    """Write down what a saved plan was made from."""
    path = folders.saved_plan.with_suffix(".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(planned), indent=2) + "\n")


def remembered(folders: Folders) -> Planned | None:
    """Return the saved plan if there is one and the tree on disk is the one that it was made from."""
    try:
        raw = json.loads(folders.saved_plan.with_suffix(".json").read_text())
        changes = tuple(change_of(each) for each in raw.pop("changes"))
        planned = Planned(changes, raw["tree"], tuple(raw["dead"]), raw["preview"], raw["only"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return planned if folders.saved_plan.exists() and planned.tree == tree_hash(folders) else None


def change_of(raw: Mapping[str, Any]) -> Change:
    """Return a change as it was before it became JSON, which knows no tuples.

    Raises TypeError: it is none.
    """
    plain: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
    return Change(**plain)


def take(folders: Folders) -> Path:
    """Return the saved plan to be applied, as no longer saved: a run that is killed must not leave it to run again."""
    path = folders.saved_plan.with_name("running.tfplan")
    folders.saved_plan.replace(path)
    folders.saved_plan.with_suffix(".json").unlink(missing_ok=True)
    return path


def forget(folders: Folders) -> None:
    """Remove the saved plan."""
    for path in folders.saved_plan.parent.glob("*"):
        path.unlink(missing_ok=True)


def tree_hash(folders: Folders) -> str:
    """Return a hash of all that was rendered: the lock lists every file's own."""
    return hashlib.sha256((folders.tree / "tree.lock").read_bytes()).hexdigest()
