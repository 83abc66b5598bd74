"""The verbs that come in groups: weights, prices, keys."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from workaday.cli.program import PROJECT, Answer, File, Format, ModelName, Stage, Yes, app

weights = typer.Typer(help="The models' weights in the project's bucket.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(weights, name="weights")


@weights.command("push")
def weights_push(
    model: ModelName,
    file: File = PROJECT,
    env: Stage = None,
    source: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--from", help="A folder, or hf://org/name[@revision]; the model's `weights.local` by default."),
    ] = None,
    include: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--include", help="Only files like this, such as *.safetensors; may be repeated."),
    ] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Delete there what is not here.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent; send nothing.")] = False,
    format: Answer = Format.text,
) -> int:
    """Send a model's weights to its place in the bucket: checksummed, resumable."""
    from workaday.cli import weights as room

    return room.push(
        model, file, env, source, tuple(include or ()), prune=prune, dry_run=dry_run, as_json=format is Format.json
    )


prices = typer.Typer(help="What the project's machines cost.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(prices, name="prices")


@prices.command("refresh")
def prices_refresh(
    file: File = PROJECT,
    env: Stage = None,
    region: Annotated[Optional[str], typer.Option("--region", help="Another region than the project's.")] = None,  # noqa: UP045
    format: Answer = Format.text,
) -> int:
    """Fetch on-demand and spot prices into workaday.lock."""
    from workaday.cli import prices as room

    return room.refresh(file, env, region, as_json=format is Format.json)


keys = typer.Typer(help="The keys that callers show at the gateway.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(keys, name="keys")
KeyName = Annotated[str, typer.Argument(help="The caller's name.")]


@keys.command("add")
def keys_add(name: KeyName, file: File = PROJECT, env: Stage = None, format: Answer = Format.text) -> int:
    """Make a key for a caller, and show it: this once."""
    from workaday.cli import keys as room

    return room.add(name, file, env, as_json=format is Format.json)


@keys.command("list")
def keys_list(file: File = PROJECT, env: Stage = None, format: Answer = Format.text) -> int:
    """Show who has a key; never the keys."""
    from workaday.cli import keys as room

    return room.show(file, env, as_json=format is Format.json)


@keys.command("revoke")
def keys_revoke(
    name: KeyName, file: File = PROJECT, env: Stage = None, yes: Yes = False, format: Answer = Format.text
) -> int:
    """Take a caller's key away."""
    from workaday.cli import keys as room

    return room.revoke(name, file, env, yes=yes, as_json=format is Format.json)
