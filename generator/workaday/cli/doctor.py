"""`doctor`: what would stop an apply."""

from __future__ import annotations

from pathlib import Path

from workaday.cli.output import answer_json, note, say
from workaday.cli.run import Exit

STATES = ("failed", "warning", "unknown", "ok")


def doctor(file: Path, stage: str | None, *, as_json: bool) -> int:
    """Print what was looked at and how it is; 1 if something would stop an apply."""
    from dataclasses import asdict
    from datetime import UTC, datetime

    from workaday.execute.doctor import examine, failed
    from workaday.execute.workspace import open_workspace

    workspace = open_workspace(file, stage)
    note("looking: at most a minute")
    found = examine(workspace, datetime.now(UTC))
    code = Exit.ERROR if failed(found) else Exit.DONE
    if as_json:
        answer_json([asdict(each) for each in found])
        return code
    wide = max(len(each.what) for each in found)
    for each in found:
        say(f"{each.state:<8} {each.what:<{wide}}  {each.said}")
        if each.fix:
            say(f"{'':<8} {'':<{wide}}  fix: {each.fix}" if each.state != "ok" else f"{'':<8} {'':<{wide}}  {each.fix}")
    counts = [(sum(each.state == state for each in found), state) for state in STATES]
    say(", ".join(f"{count} {state}" for count, state in counts if count))
    return code
