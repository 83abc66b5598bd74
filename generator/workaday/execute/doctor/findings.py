"""What a check says, and running checks side by side: one that cannot look says so and stops no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from workaday.project.diagnostics import ProjectError

State = Literal["ok", "warning", "failed", "unknown"]
OK: State = "ok"
WARNING: State = "warning"
FAILED: State = "failed"
UNKNOWN: State = "unknown"
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at and how it is.

    Attributes:
        what: what was asked for: `credentials`, `quota L-DB2E81BA`.
        state: `ok`; `warning`, it stops something later; `failed`, it stops apply; `unknown`, it could not be seen.
        said: how it is, in words.
        fix: what to do; empty where nothing is to be done.
    """

    what: str
    state: State
    said: str
    fix: str = ""


Check = Callable[[], "Finding | Sequence[Finding]"]


def looked(checks: Mapping[str, Check]) -> tuple[Finding, ...]:
    """Run checks side by side and return all their findings, in the checks' order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda each: _look(*each), checks.items())
        return tuple(finding for each in found for finding in each)


def _look(what: str, check: Check) -> Sequence[Finding]:
    try:
        found = check()
    except ProjectError as error:
        first = error.diagnostics[0]
        return [Finding(what, UNKNOWN, first.message, "; ".join(first.hints))]
    except Exception as error:  # a check that is wrong about the world is no reason to hide the others
        return [Finding(what, UNKNOWN, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")]
    return [found] if isinstance(found, Finding) else found
