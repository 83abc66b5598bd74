"""The verbs for what runs: looking at it, asking it, changing one model of it, and the way to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from workaday.cli import complete
from workaday.cli.program import PROJECT, Answer, File, Format, ModelName, Stage, Yes, app


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
