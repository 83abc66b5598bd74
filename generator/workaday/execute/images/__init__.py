"""The images of a project's torch models: which there are, which were pushed, and what workaday.lock says of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workaday.blueprint import images
from workaday.execute.prices import replace_text, text_of
from workaday.layout import DEFAULT_STAGE
from workaday.project.diagnostics import Diagnostic, KeyPath, ProjectError, mistake
from workaday.project.lock import LOCK_NAME

if TYPE_CHECKING:
    from workaday.blueprint.model import Blueprint, Model
    from workaday.blueprint.serving import Container, Serving
    from workaday.execute.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Wanted:
    """One image that a project needs.

    Attributes:
        reference: its name with its tag.
        owner: the model, or the pipeline, that it is built for.
        path: where that is in the project file.
        models: whose code is in it: one model or its canary, or all that share a pipeline's pod.
    """

    reference: str
    owner: str
    path: KeyPath
    models: tuple[Model, ...]

    @property
    def variant(self) -> str:
        """What torch is installed for: `cuda` where a model asks for a GPU."""
        return "cuda" if any(each.compute.gpu_count for each in self.models) else "cpu"

    @property
    def requirements(self) -> tuple[str, ...]:
        """The requirements files of its models, each once."""
        return tuple(dict.fromkeys(each.requirements for each in self.models if each.requirements))

    @property
    def file(self) -> str:
        """What files of it are called: `story-3f9a0c1d2b4e`."""
        return "-".join(self.reference.rpartition("/")[2].split(":"))


def wanted(blueprint: Blueprint) -> list[Wanted]:
    """Return every image that we build for a project, each once, in the order of the models."""
    found: dict[str, Wanted] = {}
    for each, _ in released(blueprint):
        found.setdefault(each.reference, each)
    return list(found.values())


def released(blueprint: Blueprint) -> Iterator[tuple[Wanted, Container]]:
    """Yield the image of each release that has one of ours, and its container: models, canaries, pipelines."""
    # on this machine nothing is served from images: `serving` is empty
    for index, serving in enumerate(blueprint.serving):
        if serving.model not in blueprint.held:
            yield from built((blueprint.models[index],), serving, serving.model, ("models", index, "server"))
    for canary in blueprint.canaries:
        yield from built((canary.model,), canary.serving, canary.of, ("models", canary.index, "server"))
    lenders = {
        serving.container.built: model for model, serving in zip(blueprint.models, blueprint.serving, strict=False)
    }
    for pipeline in blueprint.pipelines:
        if pipeline.serving and (name := pipeline.serving.container.built):
            # without models in its pod it needs the server alone, and runs from the image of one of them
            held = pipeline.held or (lenders[name],)
            yield from built(held, pipeline.serving, pipeline.model.name, ("pipelines", pipeline.index))


def built(models: tuple[Model, ...], serving: Serving, owner: str, path: KeyPath) -> Iterator[tuple[Wanted, Container]]:
    """Yield a release's image and container, where the image is one of ours."""
    if serving.container.built:
        yield Wanted(serving.container.built, owner, path, models), serving.container


def wanted_for(workspace: Workspace, names: Collection[str]) -> list[Wanted]:
    """Return the images of some models and pipelines, canaries included; no names are all.

    Raises:
        ProjectError: X176, one that was named has no image that we build, or none has.
    """
    blueprint = workspace.blueprint
    if blueprint.platform == "local":
        hint = "name an environment with a cluster: `--env prod`"
        raise mistake("X176", "on this machine models run without images", hint)
    every = [each for each, _ in released(blueprint)]
    for name in names:
        if not any(each.owner == name for each in every):
            raise nothing_to_build(workspace, name)
    found = {each.reference: each for each in every if not names or each.owner in names}
    if not found:
        raise mistake("X176", "no model of the project has an image that is built here")
    return list(found.values())


def nothing_to_build(workspace: Workspace, name: str) -> ProjectError:
    """Return that a model, or a pipeline, has no image of its own."""
    blueprint = workspace.blueprint
    for index, serving in enumerate(blueprint.serving):
        if serving.model == name:
            image = serving.container.image
            message = f"`{name}` has a ready-made image, {image}: there is nothing to build"
            if name in blueprint.held:
                owner = next(it.model.name for it in blueprint.pipelines if name in {each.name for each in it.held})
                message = f"`{name}` is in the image of pipeline `{owner}`: `workaday image {owner}` builds it"
            return ProjectError([Diagnostic("X176", message, ("models", index, "server"))], workspace.loaded.sources)
    return mistake("X176", f"`{name}` has a ready-made image: there is nothing to build")


def unbuilt(workspace: Workspace) -> list[Diagnostic]:
    """X174: images that nobody pushed, as far as workaday.lock knows; without asking a registry.

    A warning where nothing was ever pushed for a model: somebody else may build. An error where it was pushed, and its
    files have changed since: the new tag is surely not there.
    """
    found: dict[str, Diagnostic] = {}
    known = {images.repository(each) for each in pushed(workspace)}
    stage = "" if workspace.stage == DEFAULT_STAGE else f" --env {workspace.stage}"
    for each, container in released(workspace.blueprint):
        if container.image != each.reference or each.reference in found:
            continue
        stale = images.repository(each.reference) in known
        what = "has changed since its image was pushed" if stale else f"has no image in {LOCK_NAME} yet"
        found[each.reference] = Diagnostic(
            "X174",
            f"`{each.owner}` {what}: {each.reference}",
            each.path,
            hints=(f"`workaday image {each.owner} --push{stage}` builds it",),
            severity="error" if stale else "warning",
        )
    return list(found.values())


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
