"""A YAML file as nodes, which know where they stand; `Document` answers questions about key paths."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import yaml

from .diagnostics import At, Diagnostic, KeyPath, Span

MAX_DEPTH = 64

Node = Any  # PyYAML's stubs know neither flow_style nor id
ScalarNode = yaml.nodes.ScalarNode
MappingNode = yaml.nodes.MappingNode
SequenceNode = yaml.nodes.SequenceNode
Entries = dict[str, tuple[Node, Node]]

try:
    _Base: Any = yaml.CSafeLoader
except AttributeError:  # PyYAML was built without libyaml: slower, the same result
    _Base = yaml.SafeLoader


class TooDeep(Exception):
    """A node opened one level too many; `node` is the one around it."""

    def __init__(self, node: Node | None) -> None:
        self.node = node


class Loader(_Base):  # type: ignore[misc]
    """Composes nodes; booleans and nulls are YAML 1.1's, numbers YAML 1.2's, and there are no dates."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}
    depth = 0

    def descend_resolver(self, current_node: Node | None, current_index: Any) -> None:
        """Count one level down."""
        # libyaml's composer recurses on the C stack: thousands of levels would end the process without a word.
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooDeep(current_node)

    def ascend_resolver(self) -> None:
        """Count one level up."""
        self.depth -= 1


BOOL = re.compile(r"^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$")
INT = re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$")
FLOAT = re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$")
NULL = re.compile(r"^(?:~|null|Null|NULL|)$")
_MERGE = re.compile(r"^<<$")
for _tag, _regexp, _first in (
    ("bool", BOOL, "yYnNtTfFoO"),
    ("int", INT, "-+0123456789"),
    ("float", FLOAT, "-+0123456789."),
    ("null", NULL, ["~", "n", "N", ""]),
    ("merge", _MERGE, "<"),
):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _regexp, list(_first))

_TRUE = frozenset({"yes", "true", "on"})


@dataclass
class Document:
    """One file as it was read: `file` is how messages call it, `data` its plain value (maps, lists, scalars)."""

    file: str
    path: Path
    text: str
    root: Node | None
    data: Any
    _entries: dict[int, Entries] = field(default_factory=dict, repr=False)

    @cached_property
    def lines(self) -> list[str]:
        """The file's lines without their line ends."""
        return self.text.splitlines()

    def find(self, path: KeyPath) -> tuple[int, Node | None, Node | None]:
        """Return how many parts of `path` exist here, and the key node and value node that the last of them led to."""
        key: Node | None = None
        node = self.root
        for depth, part in enumerate(path):
            step = self._step(node, part)
            if step is None:
                return depth, key, node
            key, node = step
        return len(path), key, node

    def _step(self, node: Node | None, part: str | int) -> tuple[Node | None, Node] | None:
        if isinstance(node, MappingNode):
            return self.entries(node).get(str(part)) if isinstance(part, str) else None
        if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
            return None, node.value[part]
        return None

    def entries(self, node: MappingNode) -> Entries:
        """Return a mapping's keys with their nodes, merge keys (`<<`) taken in."""
        known = self._entries.get(id(node))
        if known is None and all(_is_name(key) for key, _ in node.value):
            known = self._entries[id(node)] = {key.value: (key, value) for key, value in node.value}
        if known is None:
            # known before it is complete, so that a merge of what it is part of ends
            known = self._entries[id(node)] = {}
            own = {key.value: (key, value) for key, value in reversed(node.value) if _is_name(key)}
            for key, value in node.value:
                if isinstance(key, ScalarNode) and key.tag.endswith(":merge"):
                    for part in value.value if isinstance(value, SequenceNode) else [value]:
                        if isinstance(part, MappingNode):
                            own = {**self.entries(part), **own}
            known.update((key.value, own[key.value]) for key, _ in node.value if _is_name(key))
            known.update((name, entry) for name, entry in own.items() if name not in known)
        return known

    def span(self, key: Node | None, node: Node | None, at: At) -> Span:
        """Return the stretch of text of a key or its value; of a value over several lines, its first."""
        block = node is not None and not isinstance(node, ScalarNode) and not node.flow_style
        empty = isinstance(node, ScalarNode) and node.start_mark.index == node.end_mark.index
        # a block's own mark is its first child's, an empty value has none: the key says better what is meant
        chosen = key if key is not None and (at == "key" or block or empty) else node
        if chosen is None:
            return Span(self.file, 1, 1, 2)
        start, end = chosen.start_mark, chosen.end_mark
        line = self.lines[start.line] if start.line < len(self.lines) else ""
        stop = end.column if end.line == start.line else len(line.split(" #")[0].rstrip())
        return Span(self.file, start.line + 1, start.column + 1, max(stop, start.column + 1) + 1)

    def too_deep(self, node: Node | None) -> Diagnostic:
        """Return the finding for a node that opens one level too many; it has no end yet."""
        line, column = (node.start_mark.line + 1, node.start_mark.column + 1) if node is not None else (1, 1)
        return Diagnostic(
            "P110", f"nested more than {MAX_DEPTH} levels deep", span=Span(self.file, line, column, column + 1)
        )

    def spelled(self, path: KeyPath) -> str | None:
        """Return a plain scalar as it is spelled in the file, or None for anything else."""
        depth, _, node = self.find(path)
        if depth < len(path) or not isinstance(node, ScalarNode) or node.style:
            return None
        return str(node.value)


def _is_name(key: Node) -> bool:
    return isinstance(key, ScalarNode) and key.tag != "tag:yaml.org,2002:merge"
