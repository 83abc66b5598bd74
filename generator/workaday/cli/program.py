"""The command itself, and the options that several verbs share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer

from workaday.cli import complete

app = typer.Typer(
    name="workaday",
    help="Put a model into production: one project.yaml in, a reviewable GPU platform out.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Format(StrEnum):
    """How a verb answers."""

    text = "text"
    json = "json"


File = Annotated[Path, typer.Option("--file", "-f", help="The project file.")]
# Optional, not `| None`: Typer reads these annotations at run time on every supported Python.
Stage = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--env", "-e", help="An environment of environments/.", autocompletion=complete.environments),
]
ModelName = Annotated[str, typer.Argument(help="A model's name.", autocompletion=complete.models)]
Answer = Annotated[Format, typer.Option("--format", help="text for people, json for programs.")]
Only = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--only", help="One stage or model: infra, addons, models, MODEL.", autocompletion=complete.only),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
PROJECT = Path("project.yaml")


@app.callback()
def top(
    version: Annotated[
        bool, typer.Option("--version", "-V", help="Print the version.")
    ] = False,  # answered in __main__
) -> None:
    """Put a model into production: one project.yaml in, a reviewable GPU platform out."""
