"""A model's weights, from a folder or a hub to the model's place in the project's bucket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from workaday.execute.weights.manifest import Entry, Piece
from workaday.project.diagnostics import mistake

if TYPE_CHECKING:
    from workaday.execute.workspace import Workspace

STORES = {"aws": "s3", "gcp": "gcs", "azure": "blobs"}
SCHEMES = {"aws": "s3", "gcp": "gs"}
# The container that infra/azure/storage makes.
CONTAINER = "weights"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of a bucket.

    Attributes:
        cloud: whose bucket.
        region: the project's.
        bucket: azure: ACCOUNT/CONTAINER.
        prefix: without slashes around it; may be empty.
    """

    cloud: str
    region: str
    bucket: str
    prefix: str

    def key(self, path: str) -> str:
        """Return the name of an object in the bucket."""
        return f"{self.prefix}/{path}" if self.prefix else path

    @property
    def uri(self) -> str:
        """As project.yaml writes it."""
        if self.cloud == "azure":
            account, _, container = self.bucket.partition("/")
            return f"https://{account}.blob.core.windows.net/{container}/{self.prefix}".rstrip("/")
        return f"{SCHEMES[self.cloud]}://{self.bucket}/{self.prefix}".rstrip("/")


class Upload(Protocol):
    """One file on its way.

    Attributes:
        lanes: the pieces that are not there yet: those of one lane in turn, lanes side by side.
    """

    lanes: Sequence[Sequence[Piece]]

    def send(self, piece: Piece, body: bytes) -> None:
        """Send a piece; the service compares it with its checksum."""

    def finish(self) -> None:
        """Make one object of all pieces."""


class Store(Protocol):
    """A place that takes files. Each call raises ProjectError where it fails.

    Attributes:
        by_md5: it wants to be told each file's MD5 beforehand.
    """

    by_md5: bool

    def listed(self) -> Mapping[str, int]:
        """Return the size of each file that is there, by path."""

    def same(self, entry: Entry) -> bool:
        """Return whether a file that is there, of the same size, has the same checksum."""

    def begin(self, entry: Entry) -> Upload:
        """Begin to send a file, or go on where it was broken off."""

    def write(self, path: str, text: str) -> None:
        """Write a small file all at once."""

    def delete(self, path: str) -> None:
        """Delete a file."""


def place_of(workspace: Workspace, name: str) -> Place:
    """Return where a model's pods find its weights.

    Raises:
        ProjectError: X160, that is no bucket of the project's cloud.
    """
    blueprint = workspace.blueprint
    cloud = blueprint.cloud
    if cloud is None:
        raise mistake("X160", f"`{blueprint.platform}` has no bucket: models read their weights where `weights` says")
    written = next(each for each in workspace.loaded.project.models if each.name == name)
    found = next(each.weights for each in cloud.identities if each.model == name)
    if written.weights is None:
        hint = "`weights: {local: FOLDER}` in project.yaml, or `uri` with a place in a bucket"
        raise mistake("X160", f"`{name}` has no weights", hint)
    uri = written.weights.uri or ""
    if found is None or (uri and not uri.startswith({"aws": "s3:", "gcp": "gs:", "azure": "https:"}[cloud.kind])):
        hint = "leave `uri` out, and they are kept in the project's bucket"
        raise mistake("X160", f"`{name}` reads its weights at {uri}: no bucket of {cloud.kind}", hint)
    bucket = found.bucket
    if cloud.kind == "azure" and "/" not in bucket:
        bucket = f"{bucket}/{CONTAINER}"
    return Place(cloud.kind, cloud.region, bucket, found.prefix.strip("/"))


def store_of(place: Place, notes: Path) -> Store:
    """Return what takes files for a place; `notes` is a folder for what must be remembered of a broken upload."""
    found: Store = import_module(f"workaday.execute.weights.{STORES[place.cloud]}").store(place, notes)
    return found
