"""`workaday.lock`, the document: one JSON object beside project.yaml, committed; each verb that fills it owns part."""

from __future__ import annotations

import json
from typing import Any

from .diagnostics import Diagnostic, ProjectError

LOCK_NAME = "workaday.lock"


def document(text: str | None) -> dict[str, Any]:
    """Return what a lock file's text holds; None is no file.

    Raises:
        ProjectError: X133, the text is no such lock.
    """
    try:
        found = json.loads(text) if text is not None else {}
    except ValueError as error:
        raise unreadable(str(error)) from None
    if not isinstance(found, dict):
        raise unreadable("it is no JSON object")
    return found


def written(document: dict[str, Any]) -> str:
    """Return a lock file's text."""
    return json.dumps(document, indent=2) + "\n"


def unreadable(why: str) -> ProjectError:
    """Return the error of a lock that cannot be read."""
    hint = (
        f"restore it from version control, or remove it and fill it anew: {LOCK_NAME} is JSON, of "
        "`workaday prices refresh` and `workaday image --all --push`"
    )
    return ProjectError([Diagnostic("X133", f"cannot read {LOCK_NAME}: {why}", hints=(hint,))])
