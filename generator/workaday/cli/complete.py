"""What the shell offers at a press of Tab. A project that is broken offers less, and never says so here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from typer import Context

Offer = Callable[[Context], Iterable[str]]


def offered(offer: Offer) -> Callable[[Context, str], list[str]]:
    """Keep what begins with what was typed; a mistake in the project offers nothing."""

    def complete(ctx: Context, incomplete: str) -> list[str]:
        try:
            return [each for each in offer(ctx) if each.startswith(incomplete)]
        except Exception:  # a shell shows what is printed here in the middle of a line
            return []

    return complete


@offered
def environments(ctx: Context) -> list[str]:
    """Offer the environments beside the project file."""
    from workaday.project.environments import environments as names

    return names(project_file(ctx).parent)


@offered
def stages(ctx: Context) -> list[str]:
    """Offer the environments, and the project file alone."""
    from workaday.layout import DEFAULT_STAGE
    from workaday.project.environments import environments as names

    return [DEFAULT_STAGE, *names(project_file(ctx).parent)]


@offered
def models(ctx: Context) -> list[str]:
    """Offer the names of the project's models."""
    return names_in(ctx, "models")


@offered
def only(ctx: Context) -> list[str]:
    """Offer the stages of an apply, and the project's models."""
    return ["infra", "addons", "models", *names_in(ctx, "models")]


@offered
def explained(ctx: Context) -> list[str]:
    """Offer every error code, and every key with the names of the project's own items in it."""
    from workaday.project.codes import codes
    from workaday.project.reference import key_paths

    items = {kind: names_in(ctx, kind) for kind in ("models", "pools", "pipelines")}
    return codes() + [spelled for path in key_paths() for spelled in spellings(path, items)]


@offered
def parts(ctx: Context) -> list[str]:
    """Offer the modules that can be ejected; which of them the project uses, `eject` says."""
    from workaday.resources import modules

    return list(modules())


def spellings(path: str, items: dict[str, list[str]]) -> list[str]:
    """Return a key path once for each item of its list: `models[].scale` becomes `models.story.scale`."""
    kind, mark, rest = path.partition("[]")
    if not mark:
        return [path]
    return [f"{kind}.{name}{rest.replace('[]', '.0')}" for name in items.get(kind, [])]


def names_in(ctx: Context, kind: str) -> list[str]:
    """Return the names of a list's items in the merged project, valid or not; none of one that cannot be read."""
    from workaday.project.diagnostics import ProjectError
    from workaday.project.environments import read_layers

    try:
        items: Any = read_layers(project_file(ctx), ctx.params.get("env")).data.get(kind)
    except ProjectError:
        return []
    items = items if isinstance(items, list) else []
    return [each["name"] for each in items if isinstance(each, dict) and isinstance(each.get("name"), str)]


def project_file(ctx: Context) -> Path:
    """Return the project file that the command line names so far."""
    return Path(ctx.params.get("file") or "project.yaml")
