"""`image`: build the images of models, push them, and write their digests into workaday.lock."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workaday.cli.output import answer_json, note, say, seconds
from workaday.cli.run import Exit, wants_color

if TYPE_CHECKING:
    from workaday.execute.images import Wanted
    from workaday.execute.images.builders import Builder
    from workaday.execute.workspace import Workspace
    from workaday.project.diagnostics import Diagnostic


@dataclass(frozen=True)
class Options:
    """How images are built.

    Attributes:
        builder: one of the builders, None the first that can be used.
        arguments: build arguments over those that the model gives.
        platform: the machine's kind that it is built for; None is this one's.
        push: to the registry, and note the digest.
        again: even what workaday.lock has already; a registry whose tags do not move will refuse it.
    """

    builder: str | None
    arguments: Mapping[str, str]
    platform: str | None
    push: bool
    again: bool = False


@dataclass(frozen=True)
class Built:
    """One image that was built, or was there; `digest` is None unless it is in the registry, `sbom` if it was there."""

    model: str
    image: str
    digest: str | None
    sbom: str | None


def image(names: tuple[str, ...], file: Path, stage: str | None, options: Options, *, as_json: bool) -> int:
    """Build the images of some models, or of all where none is named."""
    from workaday.execute import images
    from workaday.execute.images import builders

    workspace, wanted = opened(names, file, stage)
    kept = workspace.state / "images"
    there = images.pushed(workspace) if options.push and not options.again else {}
    found = [
        Built(each.owner, each.reference, there[each.reference], None) for each in wanted if each.reference in there
    ]
    missing = [each for each in wanted if each.reference not in there]
    for it in found if not as_json else ():
        say(f"{it.model}  {it.image}  is pushed: {it.digest}")
    builder = builders.find(options.builder, kept / "build.log") if missing else None
    for each in missing:
        assert builder is not None
        made = build(workspace, each, builder, options, kept, as_json=as_json)
        if made.digest:
            images.record(workspace, {made.image: made.digest})  # at once: the next one may fail
        found.append(made)
    if as_json:
        answer_json([asdict(each) for each in found])
    elif not options.push:
        say("nothing was pushed: `--push` sends it to the registry, and its digest to workaday.lock")
    return Exit.DONE


def names(model: str | None, *, every: bool) -> tuple[str, ...]:
    """Return the models that are meant; none is all.

    Raises:
        ProjectError: X100, neither a model nor all, or both.
    """
    from workaday.project.diagnostics import mistake

    if bool(model) == every:
        raise mistake("X100", "which model's image?", "name one: `workaday image story`; or `workaday image --all`")
    return (model,) if model else ()


def arguments(given: Iterable[str]) -> dict[str, str]:
    """Return build arguments.

    Raises:
        ProjectError: X100, one is not KEY=VALUE.
    """
    from workaday.project.diagnostics import mistake

    found = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not key or not equals:
            raise mistake("X100", f"`--build-arg {each}` has no value", "write it as KEY=VALUE")
        found[key] = value
    return found


def context(names: tuple[str, ...], file: Path, stage: str | None, into: Path) -> int:
    """Write the folder that a model's image is built from, for a builder elsewhere.

    Raises:
        ProjectError: X100, several images are meant; X177, the folder is there and not empty.
    """
    from workaday.execute.images.context import write
    from workaday.project.diagnostics import mistake

    workspace, [found, *more] = opened(names, file, stage)
    if more:
        raise mistake("X100", "`--context` takes one image", "name a model: `workaday image story --context FOLDER`")
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise mistake("X177", f"{into} is there and not empty", "name a folder that is not there yet")
    warn(workspace, write(workspace, found, into))
    say(f"docker build --build-arg TORCH={found.variant} --tag {found.reference} {into}")
    return Exit.DONE


def opened(names: tuple[str, ...], file: Path, stage: str | None) -> tuple[Workspace, list[Wanted]]:
    """Return the project, and the images of the models with these names, or of all."""
    from workaday.cli.use import find_model
    from workaday.execute import images
    from workaday.execute.workspace import open_workspace

    workspace = open_workspace(file, stage)
    for name in names:
        find_model(workspace, name)
    return workspace, images.wanted_for(workspace, names)


def build(
    workspace: Workspace, wanted: Wanted, builder: Builder, options: Options, kept: Path, *, as_json: bool
) -> Built:
    """Build one image and list what is in it; push it where that is asked for."""
    from workaday.execute.images.context import write

    begun = time.monotonic()
    note(f"building {wanted.reference} with {builder.name}; its words go to {builder.log}")
    arguments = {"TORCH": wanted.variant, "NAME": wanted.reference, **options.arguments}
    sbom = kept / f"{wanted.file}.cdx.json"
    folder = Path(tempfile.mkdtemp(prefix="workaday-image-"))
    try:
        warn(workspace, write(workspace, wanted, folder))
        builder.build(folder, [wanted.reference], arguments, options.platform)
        builder.inventory(folder, arguments, options.platform, sbom)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    digest = builder.push(wanted.reference) if options.push else None
    place = sbom.relative_to(workspace.root).as_posix()
    if not as_json:
        say(f"{wanted.owner}  {wanted.reference}  {seconds(time.monotonic() - begun)}")
        say(f"  what is in it: {place}")
        if digest:
            say(f"  pushed: {digest}, now in workaday.lock")
    return Built(wanted.owner, wanted.reference, digest, place)


def show_unbuilt(workspace: Workspace) -> None:
    """Print which images apply would ask for though nobody has pushed them, as far as workaday.lock knows."""
    from workaday.execute.images import unbuilt

    warn(workspace, unbuilt(workspace))


def refuse_unbuilt(workspace: Workspace) -> None:
    """Stop where a model has changed since its image was pushed: the cluster would wait for an image in vain.

    Raises:
        ProjectError: X174.
    """
    from workaday.execute.images import unbuilt
    from workaday.project.diagnostics import ProjectError

    found = [each for each in unbuilt(workspace) if each.severity == "error"]
    if found:
        raise ProjectError(found, workspace.loaded.sources)


def warn(workspace: Workspace, found: Iterable[Diagnostic]) -> None:
    """Print warnings on standard error."""
    from workaday.project.diagnostics import render_text

    listed = list(found)
    if listed:
        sys.stderr.write(render_text(listed, workspace.loaded.sources, color=wants_color(sys.stderr)))
