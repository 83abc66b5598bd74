"""Two models or pipelines at one path, where at least one has it by its name: L105 on this machine, C111 elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workaday.project.diagnostics import Diagnostic, Label

if TYPE_CHECKING:
    from workaday.blueprint.model import Blueprint
    from workaday.project import Loaded
    from workaday.project.diagnostics import KeyPath
    from workaday.project.schema import Model, Pipeline


def check(loaded: Loaded, _: Blueprint) -> list[Diagnostic]:
    """Return what would answer in another's place in a cluster: C111."""
    return shared_routes(loaded, "C111")


def shared_routes(loaded: Loaded, code: str = "L105") -> list[Diagnostic]:
    """Return each model and pipeline that answers where one before it does."""
    first: dict[str, tuple[str, KeyPath]] = {}
    found: list[Diagnostic] = []
    models, pipelines = enumerate(loaded.project.models), enumerate(loaded.project.pipelines)
    every: list[tuple[KeyPath, Model | Pipeline]] = [(("models", at), each) for at, each in models]
    every += [(("pipelines", at), each) for at, each in pipelines]
    for here, item in every:
        path = item.route.path if item.route else f"/{item.name}"
        if path in first:
            other, name = first[path]
            found.append(
                Diagnostic(
                    code=code,
                    message=f"`{item.name}` answers at {path}, as `{other}` does",
                    path=(*here, "route", "path") if item.route else (*here, "name"),
                    secondary=(Label(name, f"answers at {path} too"),),
                    hints=("give one of them another `route.path`",),
                )
            )
        first.setdefault(path, (item.name, (*here, "name")))
    return found
