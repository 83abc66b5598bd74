"""Weights to Azure's blobs: blocks named by their checksum, which the service lists again after a broken upload."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

from workaday.execute.clouds import azure
from workaday.execute.clouds.rest import Rest
from workaday.execute.weights import Place
from workaday.execute.weights.manifest import Entry, Piece

HOST = "https://{account}.blob.core.windows.net"
VERSION = "2023-11-03"
SHA256 = "x-ms-meta-sha256"


class Blobs:
    """A folder of a container.

    Args:
        place: which.
        rest: the storage service, asked with a token for it.
    """

    by_md5 = False

    def __init__(self, place: Place, rest: Rest) -> None:
        self.place, self.rest = place, rest
        account, _, container = place.bucket.partition("/")
        self.container = f"{HOST.format(account=account)}/{container}"
        self._digests: dict[str, str] = {}

    def listed(self) -> Mapping[str, int]:
        """Return the size of each file that is there, by path."""
        prefix = self.place.key("")
        asked = {"restype": "container", "comp": "list", "prefix": prefix, "include": "metadata"}
        found: dict[str, int] = {}
        while True:
            page = ElementTree.fromstring(self.rest.ask("GET", self.container, params=asked, headers=common()).content)
            for blob in page.iter("Blob"):
                path = (blob.findtext("Name") or "").removeprefix(prefix)
                found[path] = int(blob.findtext("Properties/Content-Length") or 0)
                self._digests[path] = blob.findtext("Metadata/sha256") or ""
            if not (marker := page.findtext("NextMarker")):
                return found
            asked["marker"] = marker

    def same(self, entry: Entry) -> bool:
        """Compare the checksum that was written beside the file when it was sent."""
        return self._digests.get(entry.path) == entry.sha256

    def begin(self, entry: Entry) -> Whole | Blocks:
        """Begin to send a file, or go on where it was broken off."""
        return (Whole if len(entry.pieces) == 1 else Blocks)(self, entry)

    def write(self, path: str, text: str) -> None:
        """Write a small file all at once."""
        self.put(path, text.encode(), {})

    def put(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Write a file in one request."""
        kind = {"x-ms-blob-type": "BlockBlob", **common(), **headers}
        self.rest.ask("PUT", self.blob(path), headers=kind, data=body, expected=(201,))

    def delete(self, path: str) -> None:
        """Delete a file."""
        self.rest.ask("DELETE", self.blob(path), headers=common(), expected=(202, 404))

    def blob(self, path: str) -> str:
        """Return a file's address."""
        return f"{self.container}/{quote(self.place.key(path))}"


class Whole:
    """A file that is sent in one request."""

    def __init__(self, store: Blobs, entry: Entry) -> None:
        self.store, self.entry = store, entry
        self.lanes: Sequence[Sequence[Piece]] = [entry.pieces]

    def send(self, piece: Piece, body: bytes) -> None:
        """Send the file."""
        self.store.put(self.entry.path, body, {"Content-MD5": md5(body), SHA256: self.entry.sha256})

    def finish(self) -> None:
        """Do nothing: it is there."""


class Blocks:
    """A file that is sent in blocks; a block that is staged under our name for it has been checked already."""

    def __init__(self, store: Blobs, entry: Entry) -> None:
        self.store, self.entry = store, entry
        self.names = {piece: block(number, piece) for number, piece in enumerate(entry.pieces)}
        staged = self._staged()
        self.lanes: Sequence[Sequence[Piece]] = [[each] for each in entry.pieces if self.names[each] not in staged]

    def send(self, piece: Piece, body: bytes) -> None:
        """Stage a block."""
        asked = {"comp": "block", "blockid": self.names[piece]}
        headers = {"Content-MD5": md5(body), **common()}
        self.store.rest.ask("PUT", self._url, params=asked, headers=headers, data=body, expected=(201,))

    def finish(self) -> None:
        """Make one blob of the blocks."""
        names = "".join(f"<Latest>{name}</Latest>" for name in self.names.values())
        body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{names}</BlockList>'.encode()
        headers = {SHA256: self.entry.sha256, **common()}
        self.store.rest.ask("PUT", self._url, params={"comp": "blocklist"}, headers=headers, data=body, expected=(201,))

    @property
    def _url(self) -> str:
        return self.store.blob(self.entry.path)

    def _staged(self) -> set[str]:
        asked = {"comp": "blocklist", "blocklisttype": "uncommitted"}
        answer = self.store.rest.ask("GET", self._url, params=asked, headers=common(), expected=(200, 404))
        if answer.status_code == 404:
            return set()
        return {each.text or "" for each in ElementTree.fromstring(answer.content).iter("Name")}


def store(place: Place, notes: Path) -> Blobs:
    """Return what takes files for a place; the service remembers broken uploads itself, for a week."""
    return Blobs(place, Rest("Azure", azure.bearer(azure.found_credentials(), azure.STORAGE_SCOPE)))


def block(number: int, piece: Piece) -> str:
    """Return a block's name: its place and its checksum, all names as long as one another."""
    return b64(f"{number:05d}{piece.sha256.hex()[:40]}".encode())


def common() -> dict[str, str]:
    """Return what the service asks of every request."""
    return {"x-ms-version": VERSION, "x-ms-date": formatdate(usegmt=True)}


def md5(body: bytes) -> str:
    """Return what the service compares a body with."""
    return b64(hashlib.md5(body, usedforsecurity=False).digest())


def b64(data: bytes) -> str:
    """Return bytes as storage services write them."""
    return base64.b64encode(data).decode()
