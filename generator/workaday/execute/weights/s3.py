"""Weights to S3: parts whose checksums S3 compares, and which it lists again after a broken upload."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from workaday.execute.clouds.aws import asked, client_of
from workaday.execute.weights import Place
from workaday.execute.weights.manifest import Entry, Piece


class S3:
    """A folder of a bucket.

    Args:
        place: which.
        client: a boto3 client of S3.
    """

    by_md5 = False

    def __init__(self, place: Place, client: Any) -> None:
        self.place = place
        self.client = client

    def listed(self) -> Mapping[str, int]:
        """Return the size of each file that is there, by path."""
        prefix = self.place.key("")
        with asked():
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.place.bucket, Prefix=prefix)
            return {
                each["Key"].removeprefix(prefix): each["Size"] for page in pages for each in page.get("Contents", ())
            }

    def same(self, entry: Entry) -> bool:
        """Compare the checksum that S3 keeps: of the whole file, or of its parts' checksums."""
        with asked():
            found = self.client.head_object(**self._object(entry.path), ChecksumMode="ENABLED")
        return str(found.get("ChecksumSHA256", "")).partition("-")[0] == checksum(entry)

    def begin(self, entry: Entry) -> Whole | Multipart:
        """Begin to send a file, or go on where it was broken off."""
        if len(entry.pieces) == 1:
            return Whole(self.client, self._object(entry.path), entry)
        with asked():
            return Multipart(self.client, self._object(entry.path), entry)

    def write(self, path: str, text: str) -> None:
        """Write a small file all at once."""
        with asked():
            self.client.put_object(**self._object(path), Body=text.encode(), ChecksumAlgorithm="SHA256")

    def delete(self, path: str) -> None:
        """Delete a file."""
        with asked():
            self.client.delete_object(**self._object(path))

    def _object(self, path: str) -> dict[str, str]:
        return {"Bucket": self.place.bucket, "Key": self.place.key(path)}


class Whole:
    """A file that is sent in one request."""

    def __init__(self, client: Any, target: Mapping[str, str], entry: Entry) -> None:
        self.client, self.target, self.entry = client, target, entry
        self.lanes: Sequence[Sequence[Piece]] = [entry.pieces]

    def send(self, piece: Piece, body: bytes) -> None:
        """Send the file."""
        with asked():
            self.client.put_object(
                **self.target, Body=BytesIO(body), ChecksumAlgorithm="SHA256", ChecksumSHA256=b64(piece.sha256)
            )

    def finish(self) -> None:
        """Do nothing: it is there."""


class Multipart:
    """A file that is sent in parts; those that an earlier run has sent are taken from S3's own list."""

    def __init__(self, client: Any, target: Mapping[str, str], entry: Entry) -> None:
        self.client, self.target, self.entry = client, target, entry
        self.upload, self.done = self._unfinished()
        if not self.upload:
            self.upload = client.create_multipart_upload(**target, ChecksumAlgorithm="SHA256")["UploadId"]
        left = [each for number, each in enumerate(entry.pieces, 1) if number not in self.done]
        self.lanes: Sequence[Sequence[Piece]] = [[each] for each in left]

    def send(self, piece: Piece, body: bytes) -> None:
        """Send a part."""
        number = self.entry.pieces.index(piece) + 1
        with asked():
            answer = self.client.upload_part(
                **self.target, UploadId=self.upload, PartNumber=number, Body=BytesIO(body),
                ChecksumAlgorithm="SHA256", ChecksumSHA256=b64(piece.sha256),
            )  # fmt: skip
        self.done[number] = answer["ETag"]

    def finish(self) -> None:
        """Make one object of the parts."""
        parts = [
            {"PartNumber": number, "ETag": self.done[number], "ChecksumSHA256": b64(piece.sha256)}
            for number, piece in enumerate(self.entry.pieces, 1)
        ]
        with asked():
            self.client.complete_multipart_upload(
                **self.target, UploadId=self.upload, MultipartUpload={"Parts": parts}
            )  # fmt: skip

    def _unfinished(self) -> tuple[str, dict[int, str]]:
        """Return the unfinished upload that has most of this file, and its parts; those of other content are ended."""
        bucket, key = self.target["Bucket"], self.target["Key"]
        pages = self.client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=key)
        best: tuple[str, dict[int, str]] = ("", {})
        for page in pages:
            for each in page.get("Uploads", ()):
                if each["Key"] != key or each.get("ChecksumAlgorithm") != "SHA256":
                    continue
                held = self._held(each["UploadId"])
                if held is None:
                    self.client.abort_multipart_upload(**self.target, UploadId=each["UploadId"])
                elif not best[0] or len(held) > len(best[1]):
                    best = each["UploadId"], held
        return best

    def _held(self, upload: str) -> dict[int, str] | None:
        pages = self.client.get_paginator("list_parts").paginate(**self.target, UploadId=upload)
        held = {}
        for page in pages:
            for part in page.get("Parts", ()):
                number = part["PartNumber"]
                if number > len(self.entry.pieces) or not matches(part, self.entry, self.entry.pieces[number - 1]):
                    return None
                held[number] = part["ETag"]
        return held


def store(place: Place, notes: Path) -> S3:
    """Return what takes files for a place; S3 remembers broken uploads itself."""
    return S3(place, client_of(place.region)("s3"))


def matches(part: Mapping[str, Any], entry: Entry, piece: Piece) -> bool:
    """Return whether a part that is there is a piece: by its SHA-256, or where the service keeps none by its MD5."""
    if part["Size"] != piece.size:
        return False
    if "ChecksumSHA256" in part:
        return bool(part["ChecksumSHA256"] == b64(piece.sha256))
    return bool(part["ETag"].strip('"') == hashlib.md5(entry.read(piece), usedforsecurity=False).hexdigest())


def checksum(entry: Entry) -> str:
    """Return the checksum that S3 keeps of a file that was sent in these pieces."""
    if len(entry.pieces) == 1:
        return b64(entry.pieces[0].sha256)
    return b64(hashlib.sha256(b"".join(each.sha256 for each in entry.pieces)).digest())


def b64(digest: bytes) -> str:
    """Return a digest as storage services write it."""
    return base64.b64encode(digest).decode()
