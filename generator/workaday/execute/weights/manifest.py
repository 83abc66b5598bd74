"""What is pushed: files with their checksums, and the list of them that is written last. Pure but for reading files.

The list is `SHA256SUMS`, as `sha256sum` writes and checks it: the server checks weights by it, and so can anyone. A
folder of a bucket that has one is whole; docs/weights.md says how it is used.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from workaday.project.diagnostics import mistake

MANIFEST = "SHA256SUMS"
MIB = 2**20
PIECE_BYTES = 16 * MIB
# S3 takes 10,000 parts, Azure 50,000 blocks.
MOST_PIECES = 9_000
CHUNK_BYTES = 4 * MIB
_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](?:\./)?(.+)")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a file, sent in one request."""

    start: int
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the weights.

    Attributes:
        path: relative to the folder, with `/`.
        source: where it is on this machine.
        size: bytes.
        sha256: in hexadecimal digits.
        pieces: all of it, in order; an empty file is one empty piece.
        md5: of the whole file, for the service that checks by it; None elsewhere.
    """

    path: str
    source: Path
    size: int
    sha256: str
    pieces: tuple[Piece, ...]
    md5: bytes | None = None

    def read(self, piece: Piece) -> bytes:
        """Return a piece's bytes.

        Raises:
            OSError: it cannot be read.
            ProjectError: X163, it is no longer what it was when it was measured.
        """
        with self.source.open("rb") as file:
            file.seek(piece.start)
            body = file.read(piece.size)
        if hashlib.sha256(body).digest() != piece.sha256:
            raise mistake("X163", f"{self.path} has changed meanwhile", "wait until whatever writes it is done")
        return body


def piece_size(size: int) -> int:
    """Return the size of a file's pieces: the same for the same file, always."""
    least = -(-size // MOST_PIECES)
    return max(PIECE_BYTES, -(-least // MIB) * MIB)


def measured(path: str, source: Path, *, md5: bool = False) -> Entry:
    """Read a file once and return it with its checksums.

    Raises:
        OSError: it cannot be read.
    """
    size = source.stat().st_size
    length, start = piece_size(size), 0
    whole, whole_md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    pieces: list[Piece] = []
    with source.open("rb") as file:
        while not pieces or start < size:
            digest, left = whole if size <= length else hashlib.sha256(), length
            while left and (chunk := file.read(min(CHUNK_BYTES, left))):
                for each in {whole, digest, whole_md5} if md5 else {whole, digest}:
                    each.update(chunk)
                left -= len(chunk)
            pieces.append(Piece(start, length - left, digest.digest()))
            start += length
    return Entry(path, source, size, whole.hexdigest(), tuple(pieces), whole_md5.digest() if md5 else None)


def files(source: Path, include: Sequence[str] = ()) -> Iterator[tuple[str, Path]]:
    """Give each file of a folder with its relative path, or the one file; hidden ones and a list of ours are left out.

    Args:
        source: a folder or a file.
        include: patterns such as `*.safetensors`, of which one must match the path or the name; none is all.

    Raises:
        ProjectError: X161, nothing is there, or a name cannot stand in the list.
    """
    if not source.exists():
        raise mistake("X161", f"no weights at {source}", "`--from FOLDER`, or `--from hf://org/name`")
    found = sorted(each for each in source.rglob("*") if each.is_file()) if source.is_dir() else [source]
    count = 0
    for each in found:
        path = each.relative_to(source).as_posix() if source.is_dir() else each.name
        name = path.rpartition("/")[2]
        if path == MANIFEST or any(part.startswith(".") for part in path.split("/")):
            continue
        if include and not any(fnmatch(path, pattern) or fnmatch(name, pattern) for pattern in include):
            continue
        if any(character in path for character in "\\\n\r"):
            raise mistake("X161", f"a file's name has a backslash or a line end in it: {path!r}", "rename it")
        count += 1
        yield path, each
    if not count:
        raise mistake("X161", f"no weights at {source}: no file" + (f" like {', '.join(include)}" if include else ""))


def text(entries: Iterable[Entry]) -> str:
    """Return the list of some files."""
    return "".join(f"{each.sha256}  {each.path}\n" for each in sorted(entries, key=lambda each: each.path))


def parse(listed: str) -> dict[str, str]:
    """Return the checksum of each path in a list.

    Raises:
        ValueError: a line is not one of `sha256sum`.
    """
    found = {}
    for number, line in enumerate(listed.splitlines(), 1):
        if line.strip():
            if not (match := _LINE.fullmatch(line)):
                raise ValueError(f"line {number} is not `CHECKSUM  FILE`")
            found[match[2]] = match[1].lower()
    return found


def check(entries: Sequence[Entry], listed: Mapping[str, str]) -> None:
    """Compare files with the list that came with them; it may name others.

    Raises:
        ProjectError: X163, one differs.
    """
    for each in entries:
        if listed.get(each.path, each.sha256) != each.sha256:
            message = f"{each.path} has SHA-256 {each.sha256}, not {listed[each.path]} as in {MANIFEST}"
            raise mistake("X163", message, f"fetch it again; or, if it was changed on purpose, remove {MANIFEST}")
