"""`validate` and `render`: what needs no network, no credentials and no other program."""

from __future__ import annotations

from pathlib import Path

from workaday.cli.output import answer_json, say
from workaday.cli.run import Exit


def validate(file: Path, stage: str | None, *, as_json: bool) -> int:
    """Check a project; findings are raised and printed by `run`."""
    from workaday.execute.workspace import open_workspace

    workspace = open_workspace(file, stage)
    blueprint = workspace.blueprint
    if as_json:
        answer_json([])
    else:
        models = len(blueprint.models)
        say(f"{file}: ok ({models} model{'s' * (models != 1)}, platform {blueprint.platform})")
    return Exit.DONE


def render(file: Path, stage: str | None, *, check: bool, diff: bool, as_json: bool) -> int:
    """Write the tree, or with `check` only say whether it would change."""
    from workaday.execute.workspace import open_workspace
    from workaday.render import render as rendered
    from workaday.render.tree import compare, diff_text, write

    workspace = open_workspace(file, stage)
    files = rendered(workspace.blueprint)
    plan = compare(workspace.tree, files) if check else write(workspace.tree, files)
    changed = [change for change in plan.changes if change.kind != "unchanged"]
    if as_json:
        answer_json({"tree": str(workspace.tree), "changes": [{"path": c.path, "kind": c.kind} for c in changed]})
    else:
        if diff or check:
            say(diff_text(plan).rstrip("\n")) if changed else None
        where = workspace.tree.relative_to(workspace.root)
        say(f"{where}: {len(files)} files, {len(changed)} {'would change' if check else 'written'}")
    return Exit.CHANGES if check and changed else Exit.DONE
