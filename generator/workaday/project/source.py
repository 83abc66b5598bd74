"""Reading one YAML file, and saying what is wrong with it (P1xx).

The file is composed once into nodes, which keep positions, and the data is built from the nodes. That costs what
PyYAML's own loading costs and, unlike it, sees duplicate keys, merge keys and how each value was spelled.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from .building import Builder
from .diagnostics import At, Diagnostic, KeyPath, ProjectError, Span
from .nodes import Document, Loader, TooDeep
from .speed import without_collection
from .spelling import meant

MAX_BYTES = 4 * 1024 * 1024


def read(path: Path, file: str) -> Document:
    """Read and compose one file.

    Raises:
        ProjectError: it cannot be read, is not UTF-8, or is not the YAML that a project may be (P1xx).
    """
    return parse(decode(read_bytes(path, file), file), file, path)


def read_bytes(path: Path, file: str) -> bytes:
    """Return the file's bytes, refusing what is missing, no file, or larger than any project."""
    where = Span(file, 1, 1, 1)
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise _error("P101", f"`{file}` is not a file", where, ("name the file itself: `-f DIR/project.yaml`",))
        if size > MAX_BYTES:
            limit = f"a project file has at most {MAX_BYTES // 2**20} MiB; this one has {size / 2**20:.0f}"
            raise _error("P103", f"`{file}` is too large", where, (limit,))
        return path.read_bytes()
    except FileNotFoundError:
        beside = [each.name for each in path.parent.glob("*.yaml")]
        hint = meant(path.name, beside, "`workaday init` writes one; `-f FILE` names another")
        raise _error("P101", f"`{file}` does not exist", where, (hint,)) from None
    except OSError as error:
        raise _error("P101", f"`{file}` cannot be read: {(error.strerror or str(error)).lower()}", where) from None


def decode(raw: bytes, file: str) -> str:
    """Return the text of UTF-8 bytes, a byte order mark dropped."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        where = Span(file, 1, 1, 1)
        raise _error(
            "P102", "the file is UTF-16, not UTF-8", where, (f"convert it: `iconv -f utf-16 -t utf-8 {file}`",)
        )
    try:
        return raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        byte = raw[error.start]
        hint = "save it as UTF-8; from Latin-1: `iconv -f latin1 -t utf-8`"
        message = f"the file is not UTF-8: byte 0x{byte:02x}"
        text = raw.decode("utf-8", "replace")
        raise _error("P102", message, Span(file, line, column, column + 1), (hint,), text) from None


def parse(text: str, file: str, path: Path | None = None) -> Document:
    """Compose `text` and build its data. Raises ProjectError (P1xx)."""
    document = Document(file, path or Path(file), text, None, None)
    try:
        with without_collection():
            document.root = yaml.compose(text, Loader=Loader)
    except TooDeep as error:
        raise ProjectError([document.too_deep(error.node)], TextSource(document)) from None
    except (yaml.YAMLError, ValueError) as error:
        from .syntax import explain_yaml_error

        raise ProjectError([explain_yaml_error(error, document)], TextSource(document)) from None
    if document.root is None:
        raise _error("P108", f"`{file}` is empty", Span(file, 1, 1, 1), text=text)
    build = Builder(document)
    with without_collection():
        document.data = build.run()
    if build.found:
        raise ProjectError(build.found, TextSource(document))
    return document


class TextSource:
    """A source map for findings that carry their own spans."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def locate(self, path: KeyPath, at: At = "value") -> Span | None:
        """Return None: the file has no key paths yet."""
        return None

    def line(self, file: str, number: int) -> str | None:
        """Return a line of the one file."""
        lines = self._document.lines
        return lines[number - 1] if file == self._document.file and 0 < number <= len(lines) else None


def _error(code: str, message: str, span: Span, hints: tuple[str, ...] = (), text: str = "") -> ProjectError:
    document = Document(span.file, Path(span.file), text, None, None)
    return ProjectError([Diagnostic(code, message, hints=hints, span=span)], TextSource(document))
