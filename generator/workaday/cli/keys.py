"""`keys`: who may call. A key is shown once, when it is made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from workaday.cli.output import answer_json, confirmed, note, say, table
from workaday.cli.run import Exit
from workaday.project.diagnostics import mistake

if TYPE_CHECKING:
    from workaday.execute.existing import Place


def add(name: str, file: Path, stage: str | None, *, as_json: bool) -> int:
    """Make a key and print it, this once.

    Raises:
        ProjectError: X200, no keys here; X201, the name; X181 to X184, the cluster.
    """
    from workaday.execute import keys

    with opened(file, stage) as (place, secret, project):
        key = keys.add(place, secret, project, name)
    if as_json:
        answer_json({"name": name, "key": key, "secret": secret, "namespace": place.namespace})
        return Exit.DONE
    say(key)
    note("this is the only time that it is shown; callers send it as `x-api-key: KEY` or `authorization: Bearer KEY`")
    return Exit.DONE


def show(file: Path, stage: str | None, *, as_json: bool) -> int:
    """Print who has a key, never the keys.

    Raises:
        ProjectError: X200, no keys here; X181 to X184, the cluster.
    """
    from workaday.execute import keys

    with opened(file, stage) as (place, secret, _):
        found = keys.every(place, secret)
    if as_json:
        listed = [{"name": each.name, "made": each.made, "ends": each.ending} for each in found]
        answer_json({"secret": secret, "namespace": place.namespace, "keys": listed})
    elif found:
        rows = [(each.name, each.made or "-", f"...{each.ending}") for each in found]
        say(table([("name", "made", "ends"), *rows]))
    else:
        say("no keys yet: `workaday keys add NAME`")
    return Exit.DONE


def revoke(name: str, file: Path, stage: str | None, *, yes: bool, as_json: bool) -> int:
    """Take a key away.

    Raises:
        ProjectError: X200, no keys here; X202, no such key; X103, nobody agreed; X181 to X184, the cluster.
    """
    from workaday.execute import keys

    with opened(file, stage) as (place, secret, _):
        if not yes and not confirmed(
            f"revoke the key `{name}` of {place.namespace}? Whoever calls with it is shut out"
        ):
            raise mistake("X103", f"revoking `{name}` needs a yes", f"run `workaday keys revoke {name} --yes`")
        keys.revoke(place, secret, name)
    answer_json({"revoked": name}) if as_json else say(f"revoked {name}")
    return Exit.DONE


@contextmanager
def opened(file: Path, stage: str | None) -> Iterator[tuple[Place, str, str]]:
    """Give where the keys are: the cluster, the Secret, the project's name; troubles point into the project file."""
    from workaday.execute import existing, keys
    from workaday.execute.refusals import at_its_origin
    from workaday.execute.workspace import open_workspace

    workspace = open_workspace(file, stage)
    secret = keys.secret_of(workspace)
    with at_its_origin(workspace):
        yield existing.place_of(workspace), secret, workspace.blueprint.name
