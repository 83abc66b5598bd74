"""Images: what ours are called, which digest the lock has of them, and where those of others are mirrored. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from workaday.project import lock

if TYPE_CHECKING:
    from workaday.project import schema

# The first part of a reference is a registry if it looks like a host; without one it is Docker's.
HOST = re.compile(r"^(localhost|[^/]*[.:][^/]*)/")
DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")
SECTION = "images"


def reference(prefix: str, model: str, code: object, requirements: object, *, gpu: bool) -> str:
    """Return `<prefix>/<model>:<hash>`: the tag changes exactly when what is in the image does.

    So a replica that restarts runs what it ran before.

    Args:
        prefix: of the registry.
        model: whose image it is.
        code: a digest of the predictor and what lies beside it.
        requirements: a digest of the model's requirements file, or None.
        gpu: it is built for GPUs.
    """
    from workaday.blueprint.resolve import SERVER_GENERATION, digest

    return f"{prefix}/{model}:{digest('image', SERVER_GENERATION, code, requirements, *(['cuda'] if gpu else []))}"


def repository(image: str) -> str:
    """Return a reference without its tag and digest."""
    head, _, last = image.partition("@")[0].rpartition("/")
    return f"{head}/{last.partition(':')[0]}".lstrip("/")


def pinned(image: str, digests: Mapping[str, str]) -> str:
    """Return a reference by its digest where the lock has one of this very tag: `<prefix>/<model>@sha256:...`."""
    found = digests.get(image)
    return f"{repository(image)}@{found}" if found else image


def mirrored(image: str, registry: schema.Registry | None) -> str:
    """Return where an image of others is pulled from: below `registry.mirror`, under its full name.

    What is below `registry.prefix` or the mirror already stays as it is.
    """
    if registry is None or registry.mirror is None:
        return image
    if any(image.startswith(f"{each}/") for each in (registry.prefix, registry.mirror)):
        return image
    return f"{registry.mirror}/{full_name(image)}"


def full_name(image: str) -> str:
    """Return an image's name with its registry: `vllm/vllm-openai:v1` is `docker.io/vllm/vllm-openai:v1`."""
    if HOST.match(image):
        return image
    return f"docker.io/{image if '/' in image else f'library/{image}'}"


def original(image: str, mirror: str | None) -> str | None:
    """Return what an image is a mirror of, or None where it is none."""
    name = image.removeprefix(f"{mirror}/")
    return name if mirror and name != image and HOST.match(name) else None


def parse(text: str | None) -> dict[str, str]:
    """Return the digest of each image in a lock file's text, by reference with its tag; None is no file.

    Raises:
        ProjectError: X133, the text is no such lock.
    """
    section = lock.document(text).get(SECTION, {})
    if not isinstance(section, dict) or not all(
        isinstance(each, str) and DIGEST.match(each) for each in section.values()
    ):
        raise lock.unreadable("its images are no map from a reference to a digest `sha256:...`")
    return section


def with_images(text: str | None, pushed: Mapping[str, str], expected: Collection[str] | None) -> str:
    """Return a lock file's text with some images' digests set, everything else as it was.

    Other tags of the same images go, unless they are `expected` by an environment; None is not known, and all stay.

    Raises:
        ProjectError: X133, the text is no such lock.
    """
    kept = parse(text)
    ours = {repository(each) for each in pushed}
    if expected is not None:
        kept = {each: digest for each, digest in kept.items() if repository(each) not in ours or each in expected}
    return lock.written(lock.document(text) | {SECTION: dict(sorted({**kept, **pushed}.items()))})
