"""Render a Blueprint to `{path: bytes}`: pure, the same bytes every time."""

from __future__ import annotations

from workaday.blueprint.model import Blueprint


def render(blueprint: Blueprint) -> dict[str, bytes]:
    """Return the whole tree of a project, by path relative to `deploy/<stage>`.

    Raises ProjectError (X104) for a platform that this version does not render.
    """
    from workaday.project.diagnostics import Diagnostic, ProjectError
    from workaday.render import local

    if blueprint.platform != "local":
        raise ProjectError(
            [
                Diagnostic(
                    code="X104",
                    message=f"this version renders `local` only, not `{blueprint.platform}`",
                    path=("platform", "kind"),
                )
            ]
        )
    return local.files(blueprint)
