"""The verbs and their options. Bodies import what they need, so that `--help` imports nothing heavy."""

from __future__ import annotations

from copy import copy
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


@app.command()
def status(
    file: File = PROJECT,
    env: Stage = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on, and print it again when it changes.")] = False,
    format: Answer = Format.text,
) -> int:
    """Show what each model does, and what stands in its way."""
    from workaday.cli import use

    return use.status(file, env, watch=watch, as_json=format is Format.json)


@app.command()
def logs(
    model: ModelName,
    file: File = PROJECT,
    env: Stage = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 50,
) -> int:
    """Print the end of a model's server log."""
    from workaday.cli import use

    return use.logs(model, file, env, lines=lines)


@app.command()
def promote(
    model: ModelName, file: File = PROJECT, env: Stage = None, yes: Yes = False, format: Answer = Format.text
) -> int:
    """Make a model's canary the model: edits the project file, and applies it."""
    from workaday.cli import versions

    return versions.promote(model, file, env, yes=yes, as_json=format is Format.json)


@app.command()
def rollback(
    model: ModelName,
    file: File = PROJECT,
    env: Stage = None,
    to: Annotated[Optional[int], typer.Option("--to", help="A revision of `helm history`; the last other one.")] = None,  # noqa: UP045
    yes: Yes = False,
    format: Answer = Format.text,
) -> int:
    """Make a model what it was before: edits the project file where it can, and applies it."""
    from workaday.cli import versions

    return versions.rollback(model, file, env, to=to, yes=yes, as_json=format is Format.json)


@app.command()
def pause(
    model: ModelName, file: File = PROJECT, env: Stage = None, yes: Yes = False, format: Answer = Format.text
) -> int:
    """Take all replicas of a model away for a while: edits the project file, and applies it."""
    from workaday.cli import pausing

    return pausing.pause(model, file, env, yes=yes, as_json=format is Format.json)


@app.command()
def resume(
    model: ModelName, file: File = PROJECT, env: Stage = None, yes: Yes = False, format: Answer = Format.text
) -> int:
    """Bring a paused model back: edits the project file, and applies it."""
    from workaday.cli import pausing

    return pausing.resume(model, file, env, yes=yes, as_json=format is Format.json)


@app.command()
def predict(
    model: ModelName,
    payload: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(help="JSON, or @FILE; the predictor's own example by default."),
    ] = None,
    file: File = PROJECT,
    env: Stage = None,
) -> int:
    """Ask a model for one prediction."""
    from workaday.cli import use

    return use.predict(model, payload, file, env)


@app.command()
def serve(
    predictor: Annotated[Path, typer.Argument(help="A predictor's file.")],
    name: Annotated[Optional[str], typer.Option("--name", help="Its name in URLs; the file's stem by default.")] = None,  # noqa: UP045
    port: Annotated[int, typer.Option("--port", help="Port on 127.0.0.1.")] = 8080,
    reload: Annotated[bool, typer.Option("--reload", help="Load it again when its files change.")] = False,
) -> int:
    """Serve one predictor alone, in the foreground."""
    from workaday.cli import start

    return start.serve(predictor, name, port, reload=reload)


@app.command()
def doctor(file: File = PROJECT, env: Stage = None, format: Answer = Format.text) -> int:
    """Look for what would stop apply: credentials, permissions, quotas, reachability. Changes nothing."""
    from workaday.cli import doctor as room

    return room.doctor(file, env, as_json=format is Format.json)


@app.command()
def debug(
    file: File = PROJECT,
    env: Stage = None,
    into: Annotated[Path | None, typer.Option("--into", help="Where to write it; by default here.")] = None,
    format: Answer = Format.text,
) -> int:
    """Write a bundle to send to who can help: state, logs, the rendered tree; credentials are taken out."""
    from workaday.cli import debug as room

    return room.debug(file, env, into, as_json=format is Format.json)


@app.command()
def kubeconfig(
    file: File = PROJECT,
    env: Stage = None,
    write: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--write", help="Merge it into this kubeconfig; .workaday/ENV/kubeconfig by default."),
    ] = None,
    show: Annotated[bool, typer.Option("--print", help="Print it, write nothing.")] = False,
) -> int:
    """Write a kubeconfig of the cluster; kubectl then needs no cloud's command line."""
    from workaday.cli import kubeconfig as room

    return room.kubeconfig(file, env, into=write, show=show)


@app.command("kube-token", hidden=True)
def kube_token(
    kind: Annotated[str, typer.Argument(help="aws, gcp or azure.")],
    cluster: Annotated[str, typer.Option("--cluster", help="The cluster's name (aws).")] = "",
    region: Annotated[str, typer.Option("--region", help="Its region (aws).")] = "",
) -> int:
    """Print a token for a cluster's API, as kubectl asks for it."""
    from workaday.cli import kubeconfig as room

    return room.kube_token(kind, cluster, region)


@app.command()
def image(
    model: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(help="A model's name.", autocompletion=complete.models),
    ] = None,
    file: File = PROJECT,
    env: Stage = None,
    every: Annotated[bool, typer.Option("--all", help="Every model that has an image of its own.")] = False,
    push: Annotated[bool, typer.Option("--push", help="Push it, and note its digest in workaday.lock.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Push it even if workaday.lock has it already.")] = False,
    builder: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--builder", help="buildah, podman or docker; the first that is there by default."),
    ] = None,
    build_arg: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--build-arg", help="KEY=VALUE for the Dockerfile, such as BASE=...; may be repeated."),
    ] = None,
    platform: Annotated[str, typer.Option("--platform", help="The nodes' kind of machine.")] = "linux/amd64",
    context: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--context", help="Build nothing; write the folder that it is built from here."),
    ] = None,
    format: Answer = Format.text,
) -> int:
    """Build a model's image: server, packages and code; says what is in it, pushes it where asked."""
    from workaday.cli import image as room

    names = room.names(model, every=every)
    if context:
        return room.context(names, file, env, context)
    options = room.Options(builder, room.arguments(build_arg or []), platform, push, again)
    return room.image(names, file, env, options, as_json=format is Format.json)


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


def command_line(verb: list[str]) -> typer.Typer:
    """Return the command with one verb alone, where there is such a verb: Typer builds all it has at each start."""
    kept = [each for each in app.registered_commands if each.callback and each.callback.__name__ in verb]
    if not kept:
        return app
    alone = copy(app)
    alone.registered_commands, alone.registered_groups = kept, []
    return alone
