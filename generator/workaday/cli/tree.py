"""`validate` and `render`: what needs no network, no credentials and no other program."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from workaday.cli.output import answer_json, say, table
from workaday.cli.run import Exit, wants_color

if TYPE_CHECKING:
    from workaday.execute.workspace import Folders, Workspace
    from workaday.render.tree import Change
    from workaday.render.tree_report import Conflict


def validate(file: Path, stage: str | None, *, as_json: bool) -> int:
    """Check a project; findings are raised and printed by `run`."""
    from workaday.execute.workspace import open_workspace

    workspace = open_workspace(file, stage)
    blueprint = workspace.blueprint
    if blueprint.overlays:  # their templates and values have mistakes of their own
        from workaday.render import render as rendered

        rendered(blueprint)
    if as_json:
        from workaday.project.diagnostics import to_json

        answer_json(to_json(workspace.warnings, workspace.loaded.sources))
    else:
        show_warnings(workspace)
        models = len(blueprint.models)
        say(f"{file}: ok ({models} model{'s' * (models != 1)}, platform {blueprint.platform})")
    return Exit.DONE


def render(file: Path, stage: str | None, *, check: bool, diff: bool, as_json: bool) -> int:
    """Write the tree, or with `check` only say whether it would change."""
    from workaday.execute.unchanged import remember, tree_unchanged
    from workaday.execute.workspace import folders_of, open_workspace

    folders = folders_of(file, stage)
    known = tree_unchanged(folders, file, stage)
    if known is not None:
        if not as_json:
            sys.stderr.write(known.warnings)
        return answer(folders, known.files, [], check=check, as_json=as_json)
    from workaday.render import render as rendered
    from workaday.render.tree import compare, diff_text, write

    begun = time.time_ns()
    workspace = open_workspace(file, stage)
    if not as_json:
        show_warnings(workspace)
    files = rendered(workspace.blueprint)
    plan = compare(workspace.tree, files) if check or diff else None
    if plan and plan.changed and not as_json:
        say(diff_text(plan).rstrip("\n"))
    if plan is None or not check:
        plan = write(workspace.tree, files)
        remember(workspace, file, stage, begun)
    return answer(workspace, len(files), plan.changes, plan.conflicts, check=check, as_json=as_json)


def answer(
    folders: Folders,
    files: int,
    changes: Iterable[Change],
    conflicts: Iterable[Conflict] = (),
    *,
    check: bool,
    as_json: bool,
) -> int:
    """Say what a render did, or with `check` would do, and return its exit code."""
    changed = [change for change in changes if change.kind != "unchanged"]
    if as_json:
        from workaday.project.diagnostics import NoSources, to_json
        from workaday.render.tree_report import conflict_finding

        found = [conflict_finding(folders.tree, each) for each in conflicts]
        answer_json(
            {
                "tree": str(folders.tree),
                "changes": [{"path": each.path, "kind": each.kind} for each in changed],
                "conflicts": to_json(found, NoSources()),
            }
        )
    else:
        where = folders.tree.relative_to(folders.root)
        say(f"{where}: {files} files, {len(changed)} {'would change' if check else 'written'}")
    return Exit.CHANGES if check and changed else Exit.DONE


def diff(one: str, other: str, file: Path, *, as_json: bool) -> int:
    """Print each key in which two environments differ, and where the second one says so."""
    from workaday.layout import DEFAULT_STAGE
    from workaday.project import diff as changes
    from workaday.project import load

    first, second = (load(file, None if name == DEFAULT_STAGE else name) for name in (one, other))
    found = changes(first, second)
    if as_json:
        answer_json([{"key": each.path, one: each.old, other: each.new} for each in found])
        return Exit.DONE
    rows = [("key", one, other, "")]
    for each in found:
        place = f"{each.origin.file}:{each.origin.line}" if each.origin else ""
        rows.append((each.path, short(each.old), short(each.new), place))
    say(table(rows) if found else f"`{one}` and `{other}` are the same")
    return Exit.DONE


def short(value: object) -> str:
    """Return a value on one line of a table; a dash for none."""
    import json

    text = "-" if value is None else json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "..."


def show_warnings(workspace: Workspace) -> None:
    """Print what does not stop anything but should be seen, on standard error."""
    if workspace.warnings:
        from workaday.project.diagnostics import render_text

        color = wants_color(sys.stderr)
        sys.stderr.write(render_text(workspace.warnings, workspace.loaded.sources, color=color))


def upgrade(file: Path, *, check: bool) -> int:
    """Rewrite a project file of an older version, its environments and overlays too; comments stay."""
    from workaday.cli.files import replace_file
    from workaday.project.migrations import upgrade as rewritten

    found = rewritten(file)
    for each in found:
        for change in each.changes:
            say(f"{each.path}: {change}")
        if check:
            continue
        replace_file(each.path, each.new)
    say(
        f"{len(found)} file{'s' * (len(found) != 1)} {'would be ' if check else ''}rewritten"
        if found
        else f"{file}: nothing to upgrade"
    )
    return Exit.CHANGES if check and found else Exit.DONE
