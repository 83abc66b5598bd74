"""States of real clouds, made readable for the pinned schemas."""

from __future__ import annotations

import json
from typing import Any


def usable(text: str) -> str:
    """Return a state file in which every resource has the pinned schemas' version.

    The pinned schemas do not know the real providers' schema versions and are all of version 0; a state of a later
    version would be refused. Values keep their names, and names that the schema does not have are dropped on reading.

    Raises ValueError: it is no state file.
    """
    document = json.loads(text)
    if not isinstance(document, dict) or "resources" not in document:
        raise ValueError("not a Terraform state")
    for resource in document["resources"]:
        for instance in resource.get("instances", ()):
            _reset(instance)
    return json.dumps(document)


def _reset(instance: dict[str, Any]) -> None:
    instance["schema_version"] = 0
    for name in ("private", "identity", "identity_schema_version"):
        instance.pop(name, None)
