"""The whole command line. Bodies of verbs import what they need, so that `--help` imports nothing heavy."""

from __future__ import annotations

from copy import copy

import typer

from workaday.cli import groups, making, running  # each registers its verbs
from workaday.cli.program import app

__all__ = ["command_line", "groups", "making", "running"]


def command_line(verb: list[str]) -> typer.Typer:
    """Return the command with one verb alone, where there is such a verb: Typer builds all it has at each start."""
    kept = [each for each in app.registered_commands if each.callback and each.callback.__name__ in verb]
    if not kept:
        return app
    alone = copy(app)
    alone.registered_commands, alone.registered_groups = kept, []
    return alone
