"""`validate` and `render`, plainly written, without the command line's library.

Editors and commit hooks run these two at each save, and importing Typer is a tenth of their time. Only what Typer reads
the same way is read here, and a test compares the two; help, mistakes and all other verbs are Typer's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

VALUES = {"--file": "file", "-f": "file", "--env": "env", "-e": "env", "--format": "format"}
FLAGS = {"validate": (), "render": ("--check", "--diff")}


def direct(arguments: list[str]) -> Callable[[], int] | None:
    """Return what runs a command line, or None for one that is Typer's."""
    verb = arguments[0] if arguments else ""
    given = options(arguments[1:], FLAGS[verb]) if verb in FLAGS else None
    if given is None or given.get("format", "text") not in ("text", "json"):
        return None
    from workaday.cli import tree

    file, env, as_json = Path(given.get("file", "project.yaml")), given.get("env"), given.get("format") == "json"
    if verb == "validate":
        return lambda: tree.validate(file, env, as_json=as_json)
    check, diff = "--check" in given, "--diff" in given
    return lambda: tree.render(file, env, check=check, diff=diff, as_json=as_json)


def options(words: list[str], flags: tuple[str, ...]) -> dict[str, str] | None:
    """Return the options of a verb by their name, or None where they are not plainly written."""
    given: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word in flags:
            given[word] = ""
            continue
        value = next(rest, "") if word in VALUES else ""
        if not value or value.startswith("-"):
            return None
        given[VALUES[word]] = value
    return given
