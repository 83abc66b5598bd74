"""What is valid in a project, piece by piece, so that one broken model hides no other's mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from .diagnostics import Diagnostic, KeyPath, Label
from .schema import Model, Pipeline, Platform, Pool, Project
from .sources import Sources
from .spelling import closest


class Parts(NamedTuple):
    """What is valid in a project.

    Attributes:
        data: the merged document, valid or not.
        platform: None where it is not valid.
        pools, models, pipelines: the valid ones, by their index in the document's list.
        env: the environment's name, `default` without one.
        removed: the file that removes an item, by the key of its list and its name.
    """

    data: Mapping[str, Any]
    platform: Platform | None
    pools: Mapping[int, Pool]
    models: Mapping[int, Model]
    pipelines: Mapping[int, Pipeline]
    env: str
    removed: Mapping[tuple[str, str], str]

    def names(self, kind: str) -> dict[str, int]:
        """Return every name of `pools`, `models` or `pipelines` that is written, with its first index."""
        items = self.data.get(kind)
        names: dict[str, int] = {}
        for index, item in enumerate(items if isinstance(items, list) else []):
            name = item.get("name") if isinstance(item, dict) else None
            if isinstance(name, str):
                names.setdefault(name, index)
        return names

    @property
    def namespace(self) -> str:
        """The namespace that is written, or the project's name."""
        return str(self.data.get("namespace") or self.data.get("name") or "")


def whole(project: Project, sources: Sources, env: str) -> Parts:
    """Return the parts of a project that is valid as a whole."""
    return Parts(
        sources.data,
        project.platform,
        dict(enumerate(project.pools)),
        dict(enumerate(project.models)),
        dict(enumerate(project.pipelines)),
        env,
        sources.removed,
    )


def salvage(sources: Sources, env: str) -> Parts:
    """Return the parts that are valid alone, of a project that is not valid as a whole."""

    def valid(kind: str, part: Any) -> dict[int, Any]:
        items = sources.data.get(kind)
        kept = {}
        for index, item in enumerate(items if isinstance(items, list) else []):
            try:
                kept[index] = part.model_validate(item)
            except ValidationError:
                continue
        return kept

    from pydantic import TypeAdapter

    try:
        platform = TypeAdapter[Platform](Platform).validate_python(sources.data.get("platform"))
    except ValidationError:
        platform = None
    return Parts(
        sources.data,
        platform,
        valid("pools", Pool),
        valid("models", Model),
        valid("pipelines", Pipeline),
        env,
        sources.removed,
    )


def dangling(
    code: str, what: str, name: str, path: KeyPath, known: Mapping[str, int], removed_by: str | None = None
) -> Diagnostic:
    """Return the finding for a reference to what is not there: misspelt, removed by a file, or never declared."""
    message = f"there is no {what} `{name}`"
    guess = closest(name, known)
    hints = (f"{what}s: {', '.join(known)}" if known else f"the project declares no {what}s",)
    if removed_by:
        return Diagnostic(code, message, path, f"{removed_by} removes it", hints=hints)
    label = f"did you mean `{guess}`?" if guess else f"no {what} has this name"
    secondary: tuple[Label, ...] = ()
    if guess and what == "pool":
        secondary = (Label(("pools", known[guess], "name"), "the pool is declared here"),)
    return Diagnostic(code, message, path, label, hints=hints, secondary=secondary)


def items_of(value: Any) -> list[Any]:
    """Return a list as it is, and nothing for what is no list."""
    return value if isinstance(value, list) else []
