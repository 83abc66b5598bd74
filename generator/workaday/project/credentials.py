"""P209: a credential written where its reference belongs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .diagnostics import Diagnostic, KeyPath
from .sources import walk

# what stands in every token of a kind, its pattern, and what it is
_TOKENS = (
    ("AKIA", r"\bAKIA[0-9A-Z]{16}\b", "an AWS access key"),
    ("ASIA", r"\bASIA[0-9A-Z]{16}\b", "an AWS access key"),
    ("hf_", r"\bhf_[A-Za-z0-9]{20,}\b", "a Hugging Face token"),
    ("gh", r"\bgh[pousr]_[A-Za-z0-9]{30,}\b|\bgithub_pat_\w{30,}", "a GitHub token"),
    ("glpat-", r"\bglpat-[\w-]{20,}", "a GitLab token"),
    ("sk-", r"\bsk-(proj-|ant-)?[\w-]{20,}", "an API key"),
    ("xox", r"\bxox[abprs]-[\w-]{10,}", "a Slack token"),
    ("AIza", r"\bAIza[\w-]{35}\b", "a Google API key"),
    ("-----BEGIN", r"-----BEGIN [A-Z ]*PRIVATE KEY-----", "a private key"),
    ("eyJ", r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{5,}", "a signed token"),
    ("://", r"\b[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s@]+@", "an address with a password in it"),
)
_SECRET_NAME = re.compile(r"(^|_)(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|KEY|CREDENTIALS?)$")
# names that only look like it: text generation has tokens, databases have keys
_HARMLESS = re.compile(
    r"(^|_)(BOS|EOS|PAD|UNK|SEP|CLS|MASK|STOP|START|END|SORT|PRIMARY|PARTITION|CACHE|FOREIGN|PUBLIC)_"
)


def literal_credentials(data: Any) -> Iterator[Diagnostic]:
    """Yield a finding for each value that is a known kind of token, or that a secret's name announces."""
    for path, value in walk(data):
        if not isinstance(value, str):
            continue
        what = _token(value)
        if what:
            yield _credential(path, f"{what} is written here")
        elif _announced(path) and value and not value.startswith(("/", "file:")):
            yield _credential(path, f"`{path[-1]}` holds a credential")


def _token(value: str) -> str | None:
    """Return what kind of token a text holds; a pattern is compiled only for what has the mark of its kind."""
    for mark, pattern, what in _TOKENS:
        if mark in value and re.search(pattern, value):
            return what
    return None


def without_tokens(text: str, instead: str) -> str:
    """Return a text with something else in place of every known kind of token."""
    for mark, pattern, _ in _TOKENS:
        if mark in text:
            text = re.sub(pattern, instead, text)
    return text


def names_a_secret(name: str) -> bool:
    """Return whether a variable's name announces a credential."""
    name = name.upper()
    return bool(_SECRET_NAME.search(name)) and not _HARMLESS.search(name)


def _announced(path: KeyPath) -> bool:
    return len(path) >= 2 and path[-2] == "env" and names_a_secret(str(path[-1]))


def _credential(path: KeyPath, message: str) -> Diagnostic:
    hints: tuple[str, ...] = ("a credential in a file is a credential in its history: revoke it",)
    if len(path) >= 2 and path[-2] == "env":
        wanted = f"secrets: {{{path[-1]}: {{secret: NAME, key: KEY}}}}"
        hints = (f"name a Secret instead: `{wanted}`", *hints)
    return Diagnostic("P209", message, path, "never in the project file", hints=hints, redact=True)
