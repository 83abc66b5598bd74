"""One page per error code: why it is an error, a bad example and a good one. `workaday explain CODE` prints it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "codes"
_TITLE = re.compile(r"# ([A-Z][0-9]{3}): (.+)")
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Example:
    """A fenced block.

    Attributes:
        text: what stands in it.
        language: `yaml` (a project file), `console` (a command), `text` (output), or that of another file.
        file: the path of the file that it is, if not project.yaml.
    """

    text: str
    language: str
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The page of one code; `text` is the whole of it, in Markdown."""

    code: str
    title: str
    why: str
    bad: tuple[Example, ...]
    good: tuple[Example, ...]
    text: str


def codes() -> list[str]:
    """Return every code that has a page, in order."""
    return sorted(path.stem for path in FOLDER.glob("[A-Z][0-9][0-9][0-9].md"))


def page(code: str) -> Page | None:
    """Return the page of a code, in either case, or None where there is none."""
    wanted = code.upper()
    return parse((FOLDER / f"{wanted}.md").read_text("utf-8")) if wanted in codes() else None


def parse(text: str) -> Page:
    """Read a page: a title line `# P201: unknown key`, why, and the sections `## bad` and `## good` with fenced blocks.

    Raises:
        ValueError: the page has another shape.
    """
    title = _TITLE.match(text)
    head, *rest = _SECTION.split(text)
    sections = dict(zip(rest[::2], rest[1::2], strict=True))
    examples = {
        name: tuple(Example(text, language, file or None) for language, file, text in _BLOCK.findall(body))
        for name, body in sections.items()
    }
    why = head[title.end() :].strip() if title else ""
    if not title or not why or list(examples) != ["bad", "good"] or not all(examples.values()):
        raise ValueError("a page is `# CODE: title`, why, `## bad` and `## good`, each with a fenced block")
    return Page(title[1], title[2], why, examples["bad"], examples["good"], text)
