"""Where a finding of Terraform's is: it speaks of the copy that it runs in, people know the tree."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from workaday.execute.terraform import Event, Terraform, TerraformFailure

CONTEXT = re.compile(r'(?P<kind>resource|data) "(?P<type>[^"]+)" "(?P<name>[^"]+)"|module "(?P<module>[^"]+)"')


def located(failure: TerraformFailure, terraform: Terraform, root: Path) -> TerraformFailure:
    """Return a failure whose findings say the file and line in the tree, and the address where Terraform left it out.

    Args:
        failure: what Terraform said.
        terraform: the adapter on the copy that it said it of.
        root: the root that was copied.
    """
    found = [_located(each, _modules(terraform), root) for each in failure.diagnostics]
    return TerraformFailure(failure.verb, found, failure.output)


def _located(raw: Event, modules: dict[str, str], root: Path) -> Event:
    place = raw.get("range")
    if not place:
        return raw
    more: dict[str, Any] = {}
    file = os.path.relpath(os.path.normpath(root.absolute() / place["filename"]))
    code = (raw.get("snippet") or {}).get("code", "").strip()
    line, column = place["start"]["line"], place["start"]["column"]
    more["detail"] = f"{raw.get('detail', '')}\nat {file}:{line}:{column}: {code}".strip()
    address = _address((raw.get("snippet") or {}).get("context") or "")
    if address and not raw.get("address"):
        module = modules.get(os.path.dirname(place["filename"]) or ".", "")  # noqa: PTH120 - Terraform's text
        more["address"] = f"{module}.{address}".removeprefix(".")
    return {**raw, **more}


def _address(context: str) -> str:
    found = CONTEXT.fullmatch(context)
    if not found:
        return ""
    if found["module"]:
        return f"module.{found['module']}"
    return ("data." if found["kind"] == "data" else "") + f"{found['type']}.{found['name']}"


def _modules(terraform: Terraform) -> dict[str, str]:
    """Return each module folder's address, as `init` noted them; of several calls of a folder, the first."""
    try:
        noted = json.loads((terraform.data_dir / "modules" / "modules.json").read_bytes())["Modules"]
    except (OSError, ValueError, KeyError):
        return {}
    found: dict[str, str] = {}
    for each in noted:
        address = ".".join(f"module.{part}" for part in each["Key"].split(".")) if each["Key"] else ""
        found.setdefault(os.path.normpath(each["Dir"]), address)
    return found
