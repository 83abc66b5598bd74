"""One page per error code: why it is an error, a bad example and a good one. `workaday explain CODE` prints it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "codes"
_TITLE = re.compile(r"# ([A-Z][0-9]{3}): (.+)")
_BLOCK = re.compile(r"^## (bad|good)\n+```(\w*)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Example:
    """A fenced block: its language (`yaml`, `text`) and, for a file other than project.yaml, that file's path."""

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
    """Read a page: a title line `# P201: unknown key`, why, `## bad` and `## good`, each with its fenced block.

    Raises:
        ValueError: the page has another shape.
    """
    title = _TITLE.match(text)
    if not title or "\n## " not in text:
        raise ValueError("a page starts with `# CODE: title` and has the sections `## bad` and `## good`")
    why = text[title.end() : text.index("\n## ")].strip()
    examples: dict[str, list[Example]] = {"bad": [], "good": []}
    for section, language, file, body in _BLOCK.findall(text):
        examples[section].append(Example(body, language, file or None))
    if not (why and examples["bad"] and examples["good"]):
        raise ValueError(f"{title[1]}: a page says why, and has a block under `## bad` and one under `## good`")
    return Page(title[1], title[2], why, tuple(examples["bad"]), tuple(examples["good"]), text)
