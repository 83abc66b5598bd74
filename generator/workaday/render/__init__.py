"""Render a Blueprint to `{path: bytes}`: pure, the same bytes every time."""

from __future__ import annotations

from workaday.blueprint.model import Blueprint


def render(blueprint: Blueprint) -> dict[str, bytes]:
    """Return the whole tree of a project, by path relative to `deploy/<stage>`."""
    from workaday.render import local

    return local.files(blueprint)
