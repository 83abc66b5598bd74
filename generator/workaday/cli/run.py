"""Run the command line and turn every ending into an exit code: the only place that does."""

from __future__ import annotations

import errno
import os
import sys
from enum import IntEnum

# wherever it is that we write: a report of a bug would not find room either
FULL = (errno.ENOSPC, errno.EDQUOT)


class Exit(IntEnum):
    """Exit codes of every verb."""

    DONE = 0
    ERROR = 1  # the user's, or the world's
    CHANGES = 2  # only where asked for: `render --check`, `plan --detailed-exitcode`
    BUG = 70
    INTERRUPTED = 130


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    from workaday.cli.direct import direct

    try:
        verb = direct(arguments)
        return verb() if verb else through_typer(arguments)
    except KeyboardInterrupt:
        return interrupted()
    except BrokenPipeError:
        # The reader (`| head`) has seen enough. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            sys.stderr.write(f"error: {(error.strerror or 'the disk is full').lower()}\n")
            return Exit.ERROR
        return explain_failure(error, as_json=wants_json(arguments))


def through_typer(arguments: list[str]) -> int:
    """Run one command line as Typer reads it, and return its exit code."""
    os.environ.setdefault("TYPER_USE_RICH", "0")
    from typer import Abort
    from typer import Exit as Ended
    from typer._click.exceptions import ClickException  # Typer carries its own copy of click since 0.25

    from workaday.cli.app import command_line

    try:
        app = command_line(arguments[:1])
        result = int(app(arguments, prog_name="workaday", standalone_mode=False) or 0)
        return interrupted() if result == Exit.INTERRUPTED else result  # 130 is Typer's word for Ctrl-C
    except ClickException as error:
        message, hint = usage_error(error.format_message(), list(getattr(error, "possibilities", None) or ()))
        if not wants_json(arguments):
            sys.stderr.write(f"error: {message}\nhint: {hint}\n")
            return Exit.ERROR
        from workaday.project.diagnostics import Diagnostic, ProjectError

        return explain_failure(ProjectError([Diagnostic("X100", message, hints=(hint,))]), as_json=True)
    except Ended as ended:
        return ended.exit_code
    except Abort:
        return interrupted()


def interrupted() -> int:
    """Say what Ctrl-C leaves behind."""
    sys.stderr.write("interrupted; nothing is half-done that the next run does not mend\n")
    return Exit.INTERRUPTED


def usage_error(message: str, possible: list[str]) -> tuple[str, str]:
    """Return a mistake on the command line in our own voice, and the likely correction as the hint."""
    import re

    said, _, meant = message.partition(" Did you mean ")
    said = re.sub(r"'([^']*)'", r"`\1`", re.sub(r" \(Possible .*\)", "", said).rstrip("."))
    likely = meant.strip("'?").partition("'")[0] or (possible[0] if possible else "")
    hint = (
        f"did you mean `{likely}`?"
        if likely
        else "`workaday --help` lists the verbs, `workaday VERB --help` its options"
    )
    return said[:1].lower() + said[1:], hint


def wants_json(arguments: list[str]) -> bool:
    """Say whether `--format json` was asked for, in either spelling."""
    joined = " ".join(arguments)
    return "--format json" in joined or "--format=json" in joined


def explain_failure(error: Exception, *, as_json: bool) -> int:
    """Print an error that ended a verb: the user's with its place and fix, anything else as a bug with its trace."""
    from workaday.execute.terraform import TerraformFailure
    from workaday.project.diagnostics import ProjectError, render_text, to_json

    if isinstance(error, TerraformFailure):
        from workaday.execute.failures import as_project_error

        error = as_project_error(error)
    if isinstance(error, ProjectError):
        if as_json:
            import json

            sys.stdout.write(json.dumps(to_json(error.diagnostics, error.sources), indent=2) + "\n")
        else:
            sys.stderr.write(render_text(error.diagnostics, error.sources, color=wants_color(sys.stderr)))
        return Exit.ERROR
    return report_bug(error)


def report_bug(error: Exception) -> int:
    """Print what a maintainer needs: a traceback is for bugs, never for a user's mistake."""
    import platform
    import traceback

    from workaday import __version__

    traceback.print_exception(error)
    sys.stderr.write(
        f"\nerror: this is a bug in workaday {__version__} "
        f"(Python {platform.python_version()}, {platform.platform()}).\n"
        "hint: please report it with the lines above and, if you can, your project.yaml\n"
    )
    return Exit.BUG


def wants_color(stream: object) -> bool:
    """Say whether to colour a stream: a terminal, and neither NO_COLOR nor a dumb one."""
    isatty = getattr(stream, "isatty", lambda: False)
    return bool(isatty()) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
