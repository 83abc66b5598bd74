"""Printing: tables, sizes, JSON. Plain text that reads without colour."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence


def say(line: str = "") -> None:
    """Print one line of the answer."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def note(line: str) -> None:
    """Print one line about what is going on: on standard error, and only to a person."""
    if sys.stderr.isatty():
        sys.stderr.write(line + "\n")


def answer_json(value: object) -> None:
    """Print one JSON document."""
    say(json.dumps(value, indent=2, default=str))


def table(rows: Iterable[Sequence[str]], *, indent: str = "") -> str:
    """Return rows as aligned columns, two spaces apart, without trailing blanks."""
    listed = [tuple(map(str, row)) for row in rows]
    if not listed:
        return ""
    widths = [max(len(row[column]) for row in listed) for column in range(len(listed[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in listed)
    return "\n".join(indent + line.rstrip() for line in lines)


def seconds(value: float | None) -> str:
    """Return a duration as people read it, or a dash."""
    return "-" if value is None else f"{value:.1f} s"


def latency(value: float | None) -> str:
    """Return a short time in milliseconds or seconds, or a dash."""
    if value is None:
        return "-"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def size(value: int | None) -> str:
    """Return a number of bytes in MiB or GiB, or a dash."""
    if value is None:
        return "-"
    mebibytes = value / 2**20
    return f"{mebibytes:.0f} MiB" if mebibytes < 10 * 1024 else f"{mebibytes / 1024:.1f} GiB"


def confirmed(question: str) -> bool:
    """Ask a person yes or no; without a person at hand the answer is no."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    sys.stdout.write(f"{question} [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
