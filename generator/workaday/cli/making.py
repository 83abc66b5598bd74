"""The verbs that make something of a project: from its first file to what runs, and away again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from workaday.cli import complete
from workaday.cli.program import PROJECT, Answer, File, Format, Only, Stage, Yes, app


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to write the project to.")] = Path(),
    platform: Annotated[str, typer.Option("--platform", help="local, aws, gcp or azure.")] = "local",
    example: Annotated[str, typer.Option("--example", help="What to start from.")] = "hello",
) -> int:
    """Write a first project that works as it is."""
    from workaday.cli import start

    return start.init(folder, platform, example)


@app.command()
def validate(file: File = PROJECT, env: Stage = None, format: Answer = Format.text) -> int:
    """Check the project file and all that it names."""
    from workaday.cli import tree

    return tree.validate(file, env, as_json=format is Format.json)


@app.command()
def render(
    file: File = PROJECT,
    env: Stage = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 2 if something would change.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Print the changes to the files.")] = False,
    format: Answer = Format.text,
) -> int:
    """Write the tree that the project file describes."""
    from workaday.cli import tree

    return tree.render(file, env, check=check, diff=diff, as_json=format is Format.json)


@app.command()
def plan(
    file: File = PROJECT,
    env: Stage = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no account: plan against pinned schemas.")] = False,
    against: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--against", help="With --offline: an earlier rendered tree, to show the change from it."),
    ] = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit 2 if there are changes.")
    ] = False,
    only: Only = None,
    format: Answer = Format.text,
) -> int:
    """Show what apply would do, and save the plan."""
    from workaday.cli import deploy

    as_json = format is Format.json
    if offline or against:
        return deploy.plan_offline(file, env, against=against, detailed=detailed_exitcode, as_json=as_json)
    return deploy.plan(file, env, only=only, detailed=detailed_exitcode, as_json=as_json)


@app.command()
def apply(
    file: File = PROJECT, env: Stage = None, only: Only = None, yes: Yes = False, format: Answer = Format.text
) -> int:
    """Run the saved plan; wait until every model is ready."""
    from workaday.cli import deploy

    return deploy.apply(file, env, only=only, yes=yes, as_json=format is Format.json)


@app.command()
def destroy(
    file: File = PROJECT,
    env: Stage = None,
    yes: Yes = False,
    only: Only = None,
    confirm: Annotated[Optional[str], typer.Option("--confirm", help="The cluster's name; on a cloud.")] = None,  # noqa: UP045
    format: Answer = Format.text,
) -> int:
    """Stop and remove everything that apply made."""
    from workaday.cli import deploy

    return deploy.destroy(file, env, only=only, yes=yes, confirm=confirm, as_json=format is Format.json)


@app.command()
def explain(
    what: Annotated[
        str,
        typer.Argument(
            help="An error code, or a key such as models.story.scale.target.", autocompletion=complete.explained
        ),
    ],
    file: File = PROJECT,
    env: Stage = None,
    format: Answer = Format.text,
) -> int:
    """Explain an error code, or where a key's value comes from."""
    from workaday.cli import explain as room

    return room.explain(what, file, env, as_json=format is Format.json)


@app.command()
def diff(
    one: Annotated[
        str, typer.Argument(help="An environment; `default` is project.yaml alone.", autocompletion=complete.stages)
    ],
    other: Annotated[str, typer.Argument(help="The one to compare it with.", autocompletion=complete.stages)],
    file: File = PROJECT,
    format: Answer = Format.text,
) -> int:
    """Show what differs between two environments."""
    from workaday.cli import tree

    return tree.diff(one, other, file, as_json=format is Format.json)


@app.command()
def upgrade(
    file: File = PROJECT,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 2 if something would change.")] = False,
) -> int:
    """Rewrite a project file of an older version."""
    from workaday.cli import tree

    return tree.upgrade(file, check=check)


@app.command()
def eject(
    parts: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(
            help="Modules or templates, such as infra/aws/network; all that are used by default.",
            autocompletion=complete.parts,
        ),
    ] = None,
    file: File = PROJECT,
    env: Stage = None,
    into: Annotated[str, typer.Option("--into", help="The overlay to copy them to.")] = "overlays/own",
) -> int:
    """Take over modules and templates: copy them to an overlay."""
    from workaday.cli import eject as room

    return room.eject(parts or [], file, env, into)
