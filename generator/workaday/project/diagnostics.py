"""What the user is told: findings as values, and the two ways to print them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

KeyPath = tuple[str | int, ...]
At = Literal["key", "value"]
Severity = Literal["error", "warning"]

_COLOURS = {"error": "\033[1;31m", "warning": "\033[1;33m", "hint": "\033[1;36m", "gutter": "\033[1;34m"}
_WIDTH = 160
_BOLD, _RESET = "\033[1m", "\033[0m"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one line. Lines and columns count from 1; `end_column` is the first column after it.

    A stretch without length stands for the whole file.
    """

    file: str
    line: int
    column: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Label:
    """A second place worth seeing, such as the one where a pool is declared."""

    path: KeyPath
    text: str
    at: At = "value"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about the project file.

    Attributes:
        code: `P201`; its page is what `workaday explain P201` prints.
        message: one line, lower-case, with names in backticks.
        path: the key path it is about; positions are looked up only when it is printed.
        label: what stands beside the caret: why, or the likely correction.
        at: whether the caret points at the key or at its value.
        hints: what to do, one line each.
        secondary: further places shown in the same excerpt.
        span: a position that no key path has, such as a syntax error's; it wins over `path`.
        redact: the value is a credential, so the excerpt must not repeat it.
    """

    code: str
    message: str
    path: KeyPath = ()
    label: str = ""
    at: At = "value"
    hints: tuple[str, ...] = ()
    secondary: tuple[Label, ...] = ()
    span: Span | None = None
    severity: Severity = "error"
    redact: bool = False


class SourceMap(Protocol):
    """What printing needs to know about the files that were read."""

    def locate(self, path: KeyPath, at: At = "value") -> Span | None:
        """Return where `path` is written, or its nearest parent that exists."""

    def line(self, file: str, number: int) -> str | None:
        """Return a line's text without its line end, or None when there is no such line."""


class NoSources:
    """A source map of nothing, for findings that are about no file's text."""

    def locate(self, path: KeyPath, at: At = "value") -> Span | None:
        """Return None: nothing was read."""
        return None

    def line(self, file: str, number: int) -> str | None:
        """Return None: nothing was read."""
        return None


class ProjectError(Exception):
    """The user's files have mistakes; `diagnostics` holds all of them, ordered by position."""

    def __init__(self, diagnostics: Iterable[Diagnostic], sources: SourceMap | None = None) -> None:
        self.sources: SourceMap = sources or NoSources()
        self.diagnostics: tuple[Diagnostic, ...] = in_order(diagnostics, self.sources)
        super().__init__("; ".join(f"{found.code}: {found.message}" for found in self.diagnostics))


def mistake(code: str, message: str, *hints: str) -> ProjectError:
    """Return the error of one finding that is about no place in a file: a command line, the world."""
    return ProjectError([Diagnostic(code, message, hints=hints)])


def dotted(path: KeyPath) -> str:
    """Return a key path as people write it: `models[2].scale.target`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")


def span_of(found: Diagnostic, sources: SourceMap) -> Span | None:
    """Return where a finding points: its own span, or that of its key path."""
    return found.span or sources.locate(found.path, found.at)


def in_order(diagnostics: Iterable[Diagnostic], sources: SourceMap) -> tuple[Diagnostic, ...]:
    """Return the findings without repeats, by file (in order of appearance), line and column."""
    found = list(dict.fromkeys(diagnostics))
    spans = [span_of(each, sources) for each in found]
    files: dict[str, int] = {}
    for span in spans:
        if span is not None:
            files.setdefault(span.file, len(files))

    def place(index: int) -> tuple[int, int, int, str]:
        span = spans[index]
        code = found[index].code
        return (-1, 0, 0, code) if span is None else (files[span.file], span.line, span.column, code)

    return tuple(found[index] for index in sorted(range(len(found)), key=place))


def render_text(diagnostics: Sequence[Diagnostic], sources: SourceMap, *, color: bool = False) -> str:
    """Return the findings for a terminal, each with its excerpt, and a count when there are several."""
    hidden = [span for each in diagnostics if each.redact and (span := span_of(each, sources))]
    blocks = [_render(each, sources, hidden, color) for each in diagnostics]
    if len(diagnostics) > 1:
        errors = sum(each.severity == "error" for each in diagnostics)
        warnings = len(diagnostics) - errors
        counts = [f"{n} {word}{'s' if n > 1 else ''}" for n, word in ((errors, "error"), (warnings, "warning")) if n]
        blocks.append(", ".join(counts) + "\n")
    return "\n".join(blocks)


def to_json(diagnostics: Sequence[Diagnostic], sources: SourceMap) -> list[dict[str, Any]]:
    """Return the findings as plain data for editors and CI annotations.

    Each has `code`, `severity`, `message`, `label`, `key` (`models[0].name`), `path`, `hints`, `position` and
    `related`; a position has `file`, `line`, `column` and `end_column` (counted from 1) or is null.
    """
    return [
        {
            "code": each.code,
            "severity": each.severity,
            "message": each.message,
            "label": each.label,
            "key": dotted(each.path),
            "path": list(each.path),
            "hints": list(each.hints),
            "position": _position(span_of(each, sources)),
            "related": [
                {"message": label.text, "key": dotted(label.path), "position": _position(span)}
                for label in each.secondary
                if (span := sources.locate(label.path, label.at))
            ],
        }
        for each in diagnostics
    ]


def _position(span: Span | None) -> dict[str, Any] | None:
    if span is None:
        return None
    return {"file": span.file, "line": span.line, "column": span.column, "end_column": span.end_column}


def _render(found: Diagnostic, sources: SourceMap, hidden: Sequence[Span], color: bool) -> str:
    paint = _paint if color else _plain
    head = paint(f"{found.severity}[{found.code}]", found.severity) + (
        f"{_BOLD}: {found.message}{_RESET}" if color else f": {found.message}"
    )
    lines = [head]
    span = span_of(found, sources)
    if span is not None and span.column == span.end_column:
        lines.append(paint(" -->", "gutter") + f" {span.file}" + (f"  {found.label}" if found.label else ""))
    elif span is not None:
        marks = [(span, "^", found.label)]
        marks += [(s, "-", each.text) for each in found.secondary if (s := sources.locate(each.path, each.at))]
        lines += _excerpt(span, marks, dotted(found.path), sources, hidden, found.severity, color)
    elif found.label:
        lines.append(f"  {found.label}")
    lines += [f"{paint('hint', 'hint')}: {hint}" for hint in found.hints]
    return "\n".join(lines) + "\n"


def _excerpt(
    primary: Span,
    marks: Sequence[tuple[Span, str, str]],
    key: str,
    sources: SourceMap,
    hidden: Sequence[Span],
    severity: Severity,
    color: bool,
) -> list[str]:
    paint = _paint if color else _plain
    width = len(str(max(span.line for span, _, _ in marks)))
    bar = paint(" " * width + " |", "gutter")
    where = f"{primary.file}:{primary.line}:{primary.column}" + (f"  ({key})" if key else "")
    lines = [paint(" " * width + "-->", "gutter") + f" {where}"]
    files = list(dict.fromkeys(span.file for span, _, _ in marks))
    for file in files:
        here = sorted(
            (mark for mark in marks if mark[0].file == file), key=lambda mark: (mark[0].line, -mark[0].column)
        )
        if file != primary.file:
            lines.append(paint(" " * width + ":::", "gutter") + f" {file}:{here[0][0].line}:{here[0][0].column}")
        lines.append(bar)
        shown, raw, cut = 0, "", 0
        for span, sign, text in here:
            if span.line != shown:
                whole = _redacted(sources.line(file, span.line) or "", file, span.line, hidden)
                raw, cut = _cropped(whole.expandtabs(1), span)
                lines.append(paint(f"{span.line:>{width}} |", "gutter") + (f" {raw}" if raw else ""))
                shown = span.line
            start = min(span.column - 1 - cut, len(raw))
            length = max(1, min(span.end_column - span.column, len(raw) - start))
            caret = " " * start + sign * length + (f" {text}" if text else "")
            lines.append(f"{bar} " + paint(caret, severity if sign == "^" else "gutter"))
    return lines


def _cropped(text: str, span: Span) -> tuple[str, int]:
    """Return a very long line's part around the span, and how many columns went before it."""
    if len(text) <= _WIDTH:
        return text, 0
    start = max(0, span.column - 1 - _WIDTH // 3)
    stop = start + _WIDTH
    return ("..." if start else "") + text[start:stop] + ("..." if stop < len(text) else ""), start - (
        3 if start else 0
    )


def _redacted(text: str, file: str, line: int, hidden: Sequence[Span]) -> str:
    for span in hidden:
        if (span.file, span.line) == (file, line):
            text = text[: span.column - 1] + "*" * (span.end_column - span.column) + text[span.end_column - 1 :]
    return text


def _plain(text: str, kind: str) -> str:
    return text


def _paint(text: str, kind: str) -> str:
    return f"{_COLOURS[kind]}{text}{_RESET}"
