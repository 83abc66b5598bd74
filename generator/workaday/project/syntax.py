"""YAML's own complaints in words that say what to change."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from .diagnostics import Diagnostic, Span

if TYPE_CHECKING:
    from .nodes import Document

_ALIGN = ("lines of one map or list start in one column",)

# what libyaml and PyYAML say -> what is meant, and what to do
_WORDS = (
    ("could not find expected ':'", "a key without its `:`", ("write `key: value`, with a space after the colon",)),
    ("expected ',' or '}'", "a `{` is not closed", ("separate entries with `, ` and close them with `}`",)),
    ("expected ',' or ']'", "a `[` is not closed", ("separate entries with `, ` and close them with `]`",)),
    (
        "did not find expected key",
        "this line is indented unlike its neighbours",
        _ALIGN,
    ),
    (
        "expected '-' indicator",
        "this line is indented unlike its neighbours",
        _ALIGN,
    ),
    ("expected <block end>", "this line is indented unlike its neighbours", _ALIGN),
    (
        "block sequence entries are not allowed",
        "a list cannot start here",
        ("put `- ` on a line of its own below the key",),
    ),
    (
        "block mapping entries are not allowed",
        "a map cannot start here",
        ("put it on a line of its own below the key",),
    ),
    ("undefined alias", "an alias (`*name`) without its anchor (`&name`)", ("quote it if it is text",)),
    ("duplicate anchor", "an anchor (`&name`) is given twice", ()),
    (
        "unknown escape",
        "an unknown escape in a quoted text",
        ("in double quotes `\\` escapes: write `\\\\`, or use single quotes",),
    ),
    ("quoted scalar", "a quote is not closed", ("close it on the same line",)),
    ("control characters", "a control character", ("remove it",)),
    ("special characters", "a control character", ("remove it",)),
    ("cannot start any token", "a value cannot start with this character", ("quote the value",)),
    (
        "unexpected end of stream",
        "the file ends in the middle of a value",
        ("close what is open: a quote, `{` or `[`",),
    ),
    ("undefined tag handle", "a value cannot start with `!`", ("quote the value",)),
)


def explain_yaml_error(error: Exception, document: Document) -> Diagnostic:
    """Return the finding for an exception of PyYAML's parser, at the place it names."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = " ".join(str(part) for part in (getattr(error, "problem", ""), getattr(error, "context", "")) if part)
    said = said or str(error)
    span = _span(document, mark.line, mark.column) if mark is not None else _reader_span(document, error)
    tabbed = _tab(document, span.line)
    if tabbed is not None:
        hint = "indent with spaces: two a level; most editors can convert"
        return Diagnostic(
            "P105", "a tab in the indentation", label="YAML takes spaces only", hints=(hint,), span=tabbed
        )
    if "expected a single document" in said:
        hint = "one project a file: split it, and name each with `-f`"
        return Diagnostic(
            "P112", "the file holds several documents", label="the second starts here", hints=(hint,), span=span
        )
    if "mapping values are not allowed" in said:
        return _misplaced_colon(document, span)
    for needle, meaning, hints in _WORDS:
        if needle in said:
            return Diagnostic("P104", meaning, hints=hints, span=_opening(error, needle, span, document))
    return Diagnostic("P104", "this is not YAML", label=said.split("\n")[0].lower(), span=span)


def _misplaced_colon(document: Document, span: Span) -> Diagnostic:
    """Return the finding for a `:` that starts no key: the line is indented too deep, or its text has a `: ` in it."""
    before = document.lines[span.line - 1][: span.column - 1]
    if re.fullmatch(r"\s*(- +)*[^\s:]+", before):
        start = len(before) - len(before.lstrip()) + 1
        where = Span(span.file, span.line, start, span.column)
        return Diagnostic("P104", "this line is indented unlike its neighbours", hints=_ALIGN, span=where)
    return Diagnostic(
        "P104", "a `: ` inside a text", label="reads as a second key", hints=("quote the text",), span=span
    )


def _opening(error: Exception, needle: str, span: Span, document: Document) -> Span:
    """Return the error's context for what is not closed: it is mended where it was opened."""
    context = getattr(error, "context_mark", None)
    if context is None or not any(part in needle for part in ("expected ','", "quoted scalar", "expected ':'")):
        return span
    return _span(document, context.line, context.column)


def _span(document: Document, line: int, column: int) -> Span:
    # at the file's end the mark is past the last line: the last line that says something is the one to look at
    line = min(line, max(len(document.lines) - 1, 0))
    text = document.lines[line] if document.lines else ""
    column = min(column, len(text))
    return Span(document.file, line + 1, column + 1, column + 2)


def _reader_span(document: Document, error: Exception) -> Span:
    if isinstance(error, yaml.reader.ReaderError):
        index = error.position if isinstance(error.position, int) else 0
        before = (
            document.text.encode()[:index].decode("utf-8", "ignore") if _counts_bytes(error) else document.text[:index]
        )
        line = len(before.splitlines()) - 1 if before and not before.endswith("\n") else before.count("\n")
        return _span(document, line, len(before) - (before.rfind("\n") + 1))
    return Span(document.file, 1, 1, 2)


def _counts_bytes(error: yaml.reader.ReaderError) -> bool:
    return str(error.encoding) in {"utf-8", "unicode"} and hasattr(yaml, "CSafeLoader")


def _tab(document: Document, number: int) -> Span | None:
    """Return the first tab in the indentation of the line or of the one above it."""
    for line in (number, number - 1):
        if 0 < line <= len(document.lines):
            text = document.lines[line - 1]
            indent = text[: len(text) - len(text.lstrip())]
            if "\t" in indent:
                column = indent.index("\t") + 1
                return Span(document.file, line, column, column + 1)
    return None
