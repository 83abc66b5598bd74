"""Render a Blueprint to `{path: bytes}`: pure, the same bytes every time."""

from __future__ import annotations

from workaday.blueprint.model import Blueprint


def render(blueprint: Blueprint) -> dict[str, bytes]:
    """Return the whole tree of a project, by path relative to `deploy/<stage>`.

    Raises ProjectError (X104) for a platform that this version does not render.
    """
    if blueprint.platform == "local":
        from workaday.render import local

        return local.files(blueprint)
    if blueprint.cloud:
        from workaday.render import cloud

        return cloud.files(blueprint)
    from workaday.project.diagnostics import Diagnostic, ProjectError

    message = f"this version renders `local`, `aws`, `gcp` and `azure`, not `{blueprint.platform}`"
    raise ProjectError([Diagnostic("X104", message, ("platform", "kind"))])
