"""Which part of a plan is done: `--only infra`, `addons`, `models`, or one model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workaday.blueprint import naming
from workaday.execute import addons
from workaday.execute.releases import KIND
from workaday.project.diagnostics import mistake

if TYPE_CHECKING:
    from workaday.execute.grading import Change
    from workaday.execute.workspace import Workspace

INFRA, ADDONS, MODELS = "infra", "addons", "models"


def is_infra(change: Change) -> bool:
    """Return whether a change is Terraform's."""
    return change.kind != KIND


def chosen(changes: Sequence[Change], only: str | None, workspace: Workspace) -> tuple[Change, ...]:
    """Return the changes of one stage, or of one model with its canary, in their order; None is all.

    Raises:
        ProjectError: X196, there is no such stage or model.
    """
    if only is None:
        return tuple(changes)
    if only == INFRA:
        return tuple(each for each in changes if is_infra(each))
    releases = [each for each in changes if not is_infra(each)]
    if only == ADDONS:
        return tuple(each for each in releases if addons.is_addon(each))
    models = [each for each in releases if not addons.is_addon(each)]
    if only == MODELS:
        return tuple(models)
    names = releases_of(workspace, only)
    return tuple(each for each in models if each.key in names)


def refuse_unknown(only: str | None) -> None:
    """Find a stage that cannot be removed on its own.

    Raises:
        ProjectError: X196.
    """
    if only not in (None, INFRA, ADDONS, MODELS):
        hint = f"`{MODELS}`, `{ADDONS}` or `{INFRA}`; a model goes when it is gone from project.yaml"
        raise mistake("X196", f"`--only {only}` is no stage", hint)


def releases_of(workspace: Workspace, model: str) -> set[str]:
    """Return the releases of a model: its own, and its canary's.

    Raises:
        ProjectError: X196, there is no such model.
    """
    blueprint = workspace.blueprint
    known = [each.name for each in blueprint.models]
    if model not in known:
        stages = f"`{INFRA}`, `{ADDONS}`, `{MODELS}`"
        raise mistake("X196", f"`--only {model}` is no stage and no model", f"{stages}, or one of {', '.join(known)}")
    canaries = {each.serving.release for each in blueprint.canaries if each.index == known.index(model)}
    return {naming.release(model), *canaries}
