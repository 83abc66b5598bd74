"""The images of a project's torch models: which there are, which were pushed, and what workaday.lock says of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workaday.blueprint import images
from workaday.execute.prices import replace_text, text_of
from workaday.layout import DEFAULT_STAGE
from workaday.project.diagnostics import Diagnostic, ProjectError, mistake
from workaday.project.lock import LOCK_NAME

if TYPE_CHECKING:
    from workaday.blueprint.model import Blueprint, Model
    from workaday.blueprint.serving import Serving
    from workaday.execute.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Wanted:
    """One image that a project needs.

    Attributes:
        reference: its name with its tag.
        index: the place of its model in the project.
        model: whose code is in it: the model, or its canary.
    """

    reference: str
    index: int
    model: Model

    @property
    def variant(self) -> str:
        """What torch is installed for: `cuda` where the model asks for a GPU."""
        return "cuda" if self.model.compute.gpu_count else "cpu"

    @property
    def file(self) -> str:
        """What files of it are called: `story-3f9a0c1d2b4e`."""
        return "-".join(self.reference.rpartition("/")[2].split(":"))


def wanted(blueprint: Blueprint) -> list[Wanted]:
    """Return every image that we build for a project, each once, in the order of the models."""
    found: dict[str, Wanted] = {}
    for index, model, serving in released(blueprint):
        if serving.container.built:
            found.setdefault(serving.container.built, Wanted(serving.container.built, index, model))
    return list(found.values())


def released(blueprint: Blueprint) -> Iterator[tuple[int, Model, Serving]]:
    """Yield each model in a cluster, then each canary, with the model's place in the project."""
    # on this machine nothing is served from images: `serving` is empty
    for index, serving in enumerate(blueprint.serving):
        yield index, blueprint.models[index], serving
    for canary in blueprint.canaries:
        yield canary.index, canary.model, canary.serving


def wanted_for(workspace: Workspace, names: Collection[str]) -> list[Wanted]:
    """Return the images of some models, their canaries' included; no names are all models.

    Raises:
        ProjectError: X176, a model that was named has no image that we build, or none has.
    """
    blueprint = workspace.blueprint
    if blueprint.platform == "local":
        hint = "name an environment with a cluster: `--env prod`"
        raise mistake("X176", "on this machine models run without images", hint)
    every = wanted(blueprint)
    for index, model in enumerate(blueprint.models):
        if model.name in names and not any(each.index == index for each in every):
            image = blueprint.serving[index].container.image
            message = f"`{model.name}` has a ready-made image, {image}: there is nothing to build"
            raise ProjectError([Diagnostic("X176", message, ("models", index, "server"))], workspace.loaded.sources)
    found = [each for each in every if not names or blueprint.models[each.index].name in names]
    if not found:
        raise mistake("X176", "no model of the project has an image that is built here")
    return found


def unbuilt(workspace: Workspace) -> list[Diagnostic]:
    """X174: images that nobody pushed, as far as workaday.lock knows; without asking a registry.

    A warning where nothing was ever pushed for a model: somebody else may build. An error where it was pushed, and its
    files have changed since: the new tag is surely not there.
    """
    found, known = [], {images.repository(each) for each in pushed(workspace)}
    for index, model, serving in released(workspace.blueprint):
        container = serving.container
        if container.built is None or container.image != container.built:
            continue
        command = f"workaday image {workspace.blueprint.models[index].name} --push"
        if workspace.stage != DEFAULT_STAGE:
            command += f" --env {workspace.stage}"
        stale = images.repository(container.built) in known
        what = "has changed since its image was pushed" if stale else f"has no image in {LOCK_NAME} yet"
        found.append(
            Diagnostic(
                "X174",
                f"`{model.name}` {what}: {container.built}",
                ("models", index, "server"),
                hints=(f"`{command}` builds it",),
                severity="error" if stale else "warning",
            )
        )
    return found


def pushed(workspace: Workspace) -> Mapping[str, str]:
    """Return the digest of each image that was pushed, by reference with its tag, as workaday.lock says."""
    return images.parse(text_of(workspace.root / LOCK_NAME))


def record(workspace: Workspace, pushed: Mapping[str, str]) -> None:
    """Write the digests of images that were pushed into workaday.lock.

    Raises:
        ProjectError: X133, the lock cannot be read or written.
    """
    path = workspace.root / LOCK_NAME
    replace_text(path, images.with_images(text_of(path), pushed, expected(workspace)))


def expected(workspace: Workspace) -> set[str] | None:
    """Return every image that an environment of the project needs, or None where one of them cannot be read."""
    from workaday.execute.workspace import open_workspace
    from workaday.project.environments import environments

    found = {each.reference for each in wanted(workspace.blueprint)}
    file = workspace.loaded.files[0]
    try:
        for stage in (None, *environments(workspace.root)):
            found |= {each.reference for each in wanted(open_workspace(file, stage).blueprint)}
    except ProjectError:
        return None
    return found
