"""Take out of a bundle what nobody else should see: credentials, and whose machine it was."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from workaday.project.credentials import names_a_secret, without_tokens

HIDDEN = "***"
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"  # the whole object once more, as text
# what follows these words, wherever somebody logged them
SAID = re.compile(
    r"(?i)(\b(?:authorization|x-api-key|cookie|set-cookie|password|passwd|secret|token|api[_-]?key|access[_-]?key)"
    r"[\"']?\s*[:=]\s*[\"']?)(?:(?:bearer|basic)\s+)?[^\s\"',;}]+"
)
BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")


def text(said: str, home: Path | None = None) -> str:
    """Return a text without credentials, and with the home folder as `~`."""
    said = SAID.sub(lambda found: found[1] + HIDDEN, said)
    said = BEARER.sub(lambda found: f"{found[1]} {HIDDEN}", without_tokens(said, HIDDEN))
    return said.replace(str(home), "~") if home is not None and home != home.parent else said


def document(value: Any) -> Any:
    """Return a JSON value without credentials: what a secret's name announces, and tokens wherever they stand."""
    if isinstance(value, dict):
        if isinstance(value.get("name"), str) and "value" in value and names_a_secret(value["name"]):
            return {**value, "value": HIDDEN}  # a container's environment
        return {
            key: HIDDEN if isinstance(each, str) and key != "key" and names_a_secret(str(key)) else document(each)
            for key, each in value.items()
            if key not in (APPLIED, "managedFields")
        }
    if isinstance(value, list):
        return [document(each) for each in value]
    return without_tokens(value, HIDDEN) if isinstance(value, str) else value


def as_json(value: Any) -> str:
    """Return a JSON document without credentials."""
    return json.dumps(document(value), indent=2, default=str) + "\n"
