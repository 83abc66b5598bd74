"""Where each part of the tree comes from in project.yaml, so that a failure of the tree is shown at the user's line.

A part is a path of the tree and a pointer into it: a JSON pointer (`/models/0/limits`) in a file of values, a Terraform
address (`module.local.terraform_data.model["story"]`) in the folder of a Terraform root. It maps to a key path, never
to a line number: a comment added to project.yaml changes no byte of the tree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from workaday.project.diagnostics import KeyPath

ORIGINS = "origins.json"
VERSION = 1
_LAST_KEY = re.compile(r'\["(?:[^"\\]|\\.)*"\](?=[^\[\]]*$)')
_ADDRESS_PART = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|[^\]"]*)\]|\.?[^.\[\]]+')


@dataclass(frozen=True)
class Origins:
    """The origin table of one tree: path → pointer → key path."""

    table: Mapping[str, Mapping[str, KeyPath]] = field(default_factory=dict)

    def lookup(self, path: str, pointer: str = "") -> KeyPath | None:
        """Return the origin of a part, or of the nearest part around it; None where nothing is known of that path."""
        known = self.table.get(path, {})
        return next((known[each] for each in _outwards(pointer) if each in known), None)

    def lookup_address(self, path: str, address: str) -> KeyPath | None:
        """Return the origin of a Terraform address; where only the root is known, that of the last key in it.

        A cloud's modules make several resources of one node group or model, each under the user's own name for it:
        `module.node_groups.aws_launch_template.this["gpu-spot"]` comes from where `var.node_groups["gpu-spot"]` does.
        """
        known = self.table.get(path, {})
        exact = next((known[each] for each in _outwards(address) if each and each in known), None)
        if exact is None and (key := _LAST_KEY.search(address)):
            exact = next((origin for pointer, origin in known.items() if pointer.endswith(key[0])), None)
        return exact if exact is not None else known.get("")

    def to_bytes(self) -> bytes:
        """Return the table as `origins.json` has it: sorted, one part a line."""
        lines = [
            f"    {_text(path)}: {{\n"
            + ",\n".join(f"      {_text(pointer)}: {_text(list(key))}" for pointer, key in sorted(parts.items()))
            + "\n    }"
            for path, parts in sorted(self.table.items())
        ]
        body = "{\n" + ",\n".join(lines) + "\n  }" if lines else "{}"
        return f'{{\n  "version": {VERSION},\n  "origins": {body}\n}}\n'.encode()


class OriginsBuilder:
    """Collects origins while a tree is rendered; the order of `add` does not matter."""

    def __init__(self) -> None:
        self._table: dict[str, dict[str, KeyPath]] = {}

    def add(self, path: str, pointer: str, key: KeyPath) -> None:
        """Say that a part comes from a key path; the empty pointer is the whole of a path.

        Raises ValueError: another key path was added for it.
        """
        if self._table.setdefault(path, {}).setdefault(pointer, key) != key:
            raise ValueError(f"two origins for {path} {pointer}: {self._table[path][pointer]} and {key}")

    def build(self) -> Origins:
        """Return what was added so far."""
        return Origins({path: dict(parts) for path, parts in self._table.items()})


def parse(raw: bytes) -> Origins:
    """Read `origins.json`.

    Raises ValueError: it is no such table.
    """
    data = json.loads(raw)
    if not isinstance(data, dict) or data.get("version") != VERSION or not isinstance(data.get("origins"), dict):
        raise ValueError(f"not an origin table of version {VERSION}")
    builder = OriginsBuilder()
    for path, parts in data["origins"].items():
        if not isinstance(parts, dict):
            raise ValueError(f"no map of origins: {path}")
        for pointer, key in parts.items():
            if not isinstance(key, list) or not all(type(part) in (str, int) for part in key):
                raise ValueError(f"no key path: {path} {pointer}")
            builder.add(path, pointer, tuple(key))
    return builder.build()


def json_pointer(*parts: str | int) -> str:
    """Return the JSON pointer (RFC 6901) that leads through keys and positions."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def _outwards(pointer: str) -> list[str]:
    """Return a pointer and all that lies around it, the nearest first, the whole last."""
    if pointer.startswith("/"):
        ends = [place for place, char in enumerate(pointer) if char == "/"] + [len(pointer)]
    else:
        ends = [0] + [match.end() for match in _ADDRESS_PART.finditer(pointer)]
    return [pointer[:end] for end in reversed(ends)]


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
