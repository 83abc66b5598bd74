"""`images.txt`: every image that a tree makes a cluster pull, for whoever copies them into a closed network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from workaday.blueprint.gateway import ENVOY
from workaday.blueprint.images import original
from workaday.blueprint.model import Blueprint, Model
from workaday.blueprint.serving import OCI, Serving
from workaday.render import addons

IMAGES = "images.txt"


def images(blueprint: Blueprint) -> Iterator[str]:
    """Yield what a cluster pulls for models, canaries, warm nodes and the gateway; one may come more than once."""
    for model, serving in zip(blueprint.models, blueprint.serving, strict=True):
        if model.name not in blueprint.held:
            yield from of_release(model, serving)
    for pipeline in blueprint.pipelines:
        assert pipeline.serving is not None
        if pipeline.graph is None:
            yield from of_release(pipeline.model, pipeline.serving)
    for canary in blueprint.canaries:
        yield from of_release(canary.model, canary.serving)
    yield from addons.images(blueprint)
    if blueprint.gateway and blueprint.gateway.door:
        yield blueprint.gateway.door.image or ENVOY


def of_release(model: Model, serving: Serving) -> Iterator[str]:
    """Yield the images of one release."""
    yield serving.container.image
    if model.scale.headroom and not model.paused:
        yield serving.pause_image
    if serving.weights and serving.weights.startswith(OCI):
        yield serving.weights.removeprefix(OCI)


def listing(found: Iterable[str], mirror: str | None) -> bytes:
    """Return the file, in order: a line for each image, and before one that is mirrored what it is a mirror of."""
    lines = {" ".join(filter(None, (original(each, mirror), each))) for each in found}
    return "".join(f"{line}\n" for line in sorted(lines)).encode()
