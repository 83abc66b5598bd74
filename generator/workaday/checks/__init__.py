"""Rules that need more than one key: one function, one error code, all findings in one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workaday.blueprint.model import Blueprint
    from workaday.project import Loaded
    from workaday.project.diagnostics import Diagnostic


def check(loaded: Loaded, blueprint: Blueprint) -> list[Diagnostic]:
    """Return every finding about a project that reads well but cannot work, or not as it is meant."""
    from workaday.checks import canary, scaling

    found = scaling.check(loaded.project) + canary.check(loaded.project)
    if blueprint.platform == "local":
        from workaday.checks import local

        return found + [finding for rule in local.CHECKS for finding in rule(loaded)]
    from workaday.checks import addons, clouds, gateway, hardware, pipelines, placement, routes, serving, spot

    rules = (*placement.CHECKS, *hardware.CHECKS, *spot.CHECKS, serving.check, clouds.check, gateway.check)
    rules = (*rules, routes.check, pipelines.check, addons.check)
    return found + [finding for rule in rules for finding in rule(loaded, blueprint)]
