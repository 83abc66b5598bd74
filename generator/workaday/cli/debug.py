"""`debug`: a bundle to send."""

from __future__ import annotations

from pathlib import Path

from workaday.cli.output import answer_json, note, say
from workaday.cli.run import Exit


def debug(file: Path, stage: str | None, into: Path | None, *, as_json: bool) -> int:
    """Write a bundle, and say what is in it.

    Raises:
        ProjectError: X210, it cannot be written; or the project cannot be read.
    """
    from datetime import UTC, datetime

    from workaday.execute import debug as room
    from workaday.execute.doctor import examine
    from workaday.execute.workspace import open_workspace
    from workaday.project.diagnostics import mistake

    workspace, now = open_workspace(file, stage), datetime.now(UTC)
    note("looking: at most a minute")
    files = room.bundle(workspace, examine(workspace, now), now)
    folder = f"workaday-{workspace.blueprint.name}-{workspace.stage}-{now:%Y%m%d-%H%M%S}"
    path = into or Path(f"{folder}.tar.gz")
    packed = room.archive(files, folder, now)
    try:
        path.write_bytes(packed)
    except OSError as error:
        raise mistake("X210", f"cannot write {path}: {error.strerror}", "name another place: `--into FILE`") from None
    if as_json:
        answer_json({"bundle": str(path), "bytes": len(packed), "files": sorted(files)})
        return Exit.DONE
    say(f"{path}: {len(files)} files, {len(packed) / 1024:.0f} KiB")
    say("credentials are taken out; look it through before you send it: it has your project, logs and names")
    if "missing.txt" in files:
        say("what could not be read is in missing.txt")
    return Exit.DONE
