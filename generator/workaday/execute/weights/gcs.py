"""Weights to Cloud Storage: resumable sessions, whose addresses are kept here until they end."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from workaday.execute.clouds import gcp
from workaday.execute.clouds.rest import TRIES, Rest
from workaday.execute.weights import Place
from workaday.execute.weights.manifest import Entry, Piece
from workaday.project.diagnostics import ProjectError

SHA256 = "sha256"
# A session ends by itself after a week, and with what it refuses.
GOES_ON, GONE = 308, (400, 404, 410)
_RANGE = re.compile(r"bytes=0-(\d+)")


class Gcs:
    """A folder of a bucket.

    Args:
        place: which.
        rest: Google's APIs.
        notes: a folder of this machine, where the addresses of sessions are kept.
    """

    by_md5 = True

    def __init__(self, place: Place, rest: Rest, notes: Path) -> None:
        self.place, self.rest, self.notes = place, rest, notes
        self.bucket = f"{gcp.STORAGE}/storage/v1/b/{place.bucket}/o"
        self.uploads = f"{gcp.STORAGE}/upload/storage/v1/b/{place.bucket}/o"
        self._digests: dict[str, str] = {}

    def listed(self) -> Mapping[str, int]:
        """Return the size of each file that is there, by path."""
        prefix = self.place.key("")
        asked = {"prefix": prefix, "fields": "items(name,size,metadata),nextPageToken"}
        found: dict[str, int] = {}
        while True:
            page = self.rest.get(self.bucket, params=asked)
            for each in page.get("items", ()):
                path = each["name"].removeprefix(prefix)
                found[path] = int(each["size"])
                self._digests[path] = each.get("metadata", {}).get(SHA256, "")
            if not page.get("nextPageToken"):
                return found
            asked["pageToken"] = page["nextPageToken"]

    def same(self, entry: Entry) -> bool:
        """Compare the checksum that was written beside the file when it was sent."""
        return self._digests.get(entry.path) == entry.sha256

    def begin(self, entry: Entry) -> Session:
        """Begin to send a file, or go on where it was broken off."""
        return Session(self, entry)

    def write(self, path: str, text: str) -> None:
        """Write a small file all at once."""
        asked = {"uploadType": "media", "name": self.place.key(path)}
        self.rest.ask("POST", self.uploads, params=asked, headers={"Content-Type": "text/plain"}, data=text.encode())

    def delete(self, path: str) -> None:
        """Delete a file."""
        self.rest.ask("DELETE", f"{self.bucket}/{quote(self.place.key(path), safe='')}", expected=(204, 404))


class Session:
    """A file that is sent piece by piece; the service says how far it has come."""

    def __init__(self, store: Gcs, entry: Entry) -> None:
        self.store, self.entry = store, entry
        key = f"{store.place.bucket}/{store.place.key(entry.path)} {entry.sha256}"
        self.note = store.notes / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.session"
        self.url, self.offset = self._resumed() or (self._new(), 0)
        left = [each for each in entry.pieces if each.start + each.size > self.offset or not entry.size]
        self.lanes: Sequence[Sequence[Piece]] = [left] if left else []

    def send(self, piece: Piece, body: bytes) -> None:
        """Send what is missing of a piece; where the connection breaks, ask how far it came and go on."""
        left = TRIES
        while self.offset < piece.start + piece.size or not piece.size:
            before = self.offset
            try:
                self._put(body[before - piece.start :], before)
            except ProjectError:
                left -= 1
                reached = self._reached(self.url)
                if not left or reached is None or reached < piece.start:
                    raise
                self.offset = reached
            if not piece.size:
                return
            left = TRIES if self.offset > before else left

    def _put(self, body: bytes, start: int) -> None:
        size, end = self.entry.size, start + len(body)
        stretch = f"bytes {start}-{end - 1}/{size}" if body else f"bytes */{size}"
        answer = self.store.rest.ask(
            "PUT", self.url, headers={"Content-Range": stretch}, data=body, expected=(200, 201, GOES_ON), tries=1,
            allow_redirects=False,
        )  # fmt: skip
        self.offset = self._far(answer)

    def finish(self) -> None:
        """Forget the session: the service has compared the whole file's MD5 when its last piece came."""
        self.note.unlink(missing_ok=True)

    def _new(self) -> str:
        entry = self.entry
        answer = self.store.rest.ask(
            "POST",
            self.store.uploads,
            params={"uploadType": "resumable", "name": self.store.place.key(entry.path)},
            headers={"X-Upload-Content-Length": str(entry.size)},
            json={"metadata": {SHA256: entry.sha256}, "md5Hash": base64.b64encode(entry.md5 or b"").decode()},
        )
        url: str = answer.headers["Location"]
        self.note.parent.mkdir(parents=True, exist_ok=True)
        # Whoever has the address may write the file.
        with os.fdopen(os.open(self.note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(url)
        return url

    def _resumed(self) -> tuple[str, int] | None:
        try:
            url = self.note.read_text()
        except FileNotFoundError:
            return None
        reached = self._reached(url)
        return None if reached is None else (url, reached)

    def _reached(self, url: str) -> int | None:
        """Return how many bytes the service has, None where the session has ended without the file."""
        answer = self.store.rest.ask(
            "PUT", url, headers={"Content-Range": f"bytes */{self.entry.size}"}, data=b"",
            expected=(200, 201, GOES_ON, *GONE), allow_redirects=False,
        )  # fmt: skip
        return None if answer.status_code in GONE else self._far(answer)

    def _far(self, answer: Any) -> int:
        if answer.status_code != GOES_ON:
            return self.entry.size
        found = _RANGE.fullmatch(answer.headers.get("Range", ""))
        return int(found[1]) + 1 if found else 0


def store(place: Place, notes: Path) -> Gcs:
    """Return what takes files for a place."""
    return Gcs(place, gcp.rest_of()[0], notes)
