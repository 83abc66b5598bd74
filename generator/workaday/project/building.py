"""From nodes to plain data: maps, lists, text, numbers, booleans and nothing else."""

from __future__ import annotations

import math
from typing import Any

from .diagnostics import Diagnostic
from .nodes import BOOL, FLOAT, INT, NULL, Document, MappingNode, Node, ScalarNode, SequenceNode

MAX_NODES = 1_000_000
_TRUE = frozenset({"yes", "true", "on"})


class Builder:
    """Builds plain data from nodes and collects what a project may not hold."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.found: list[Diagnostic] = []
        self._done: dict[int, tuple[Any, int]] = {}
        self._open: set[int] = set()

    def run(self) -> Any:
        """Return the root's data, an empty map where the root is no map; what is wrong is in `found`."""
        root = self.document.root
        if not isinstance(root, MappingNode):
            hint = "the file is a map of keys: `version: 1`, `name: ...`, `platform: ...`, `models: ...`"
            self._find("P108", "the file is not a map", root, hints=(hint,))
            return {}
        return self._build(root)[0]

    def _build(self, node: Node) -> tuple[Any, int]:
        if isinstance(node, ScalarNode):
            return self._scalar(node), 1
        known = self._done.get(id(node))
        if known is not None:
            return known
        if id(node) in self._open:
            self._find("P107", "an alias refers to what it is part of", node)
            return None, 1
        self._open.add(id(node))
        built: tuple[Any, int] = self._sequence(node) if isinstance(node, SequenceNode) else self._mapping(node)
        self._open.discard(id(node))
        if built[1] > MAX_NODES:
            self._find("P107", "aliases (`*name`) unfold to more than a million values", node)
            built = None, 1
        self._done[id(node)] = built
        return built

    def _sequence(self, node: SequenceNode) -> tuple[Any, int]:
        self._check_tag(node, "tag:yaml.org,2002:seq")
        pairs = [self._build(item) for item in node.value]
        return [value for value, _ in pairs], 1 + sum(size for _, size in pairs)

    def _mapping(self, node: Node) -> tuple[Any, int]:
        self._check_tag(node, "tag:yaml.org,2002:map")
        seen: dict[str, Node] = {}
        for key, value in node.value:
            self._check_key(key, value, seen)
        data: dict[str, Any] = {}
        size = 1
        for name, (_, value) in self.document.entries(node).items():
            if id(value) in self._open:
                self._find("P107", "an alias refers to what it is part of", value)
                continue
            data[name], more = self._build(value)
            size += more
        return data, size

    def _check_key(self, key: Node, value: Node, seen: dict[str, Node]) -> None:
        if not isinstance(key, ScalarNode):
            self._find("P109", "a key must be a word", key)
        elif key.tag.endswith(":merge"):
            parts = value.value if isinstance(value, SequenceNode) else [value]
            if not all(isinstance(part, MappingNode) for part in parts):
                self._find("P109", "`<<` merges maps only", value)
        elif key.tag != "tag:yaml.org,2002:str" and not key.style:
            kind = key.tag.rsplit(":", 1)[-1]
            meaning = {"bool": "true or false", "null": "nothing"}.get(kind, "a number")
            self._find("P109", f"the key `{key.value}` is read as {meaning}", key, label=f'quote it: "{key.value}"')
        elif key.value in seen:
            first = seen[key.value].start_mark.line + 1
            self._find("P106", f"`{key.value}` is given twice", key, label=f"first given on line {first}")
        else:
            seen[key.value] = key

    def _scalar(self, node: ScalarNode) -> Any:
        tag, value = node.tag, node.value
        if tag == "tag:yaml.org,2002:str":
            return value
        kind = tag.removeprefix("tag:yaml.org,2002:")
        if kind == "int" and INT.match(value):
            # a number that no machine word holds is no number that any key wants
            return int(value, 0 if value[:2] in ("0o", "0x") else 10) if len(value) < 20 else value
        if kind == "float" and FLOAT.match(value):
            return float(value) if math.isfinite(float(value)) else value
        if kind == "bool" and BOOL.match(value):
            return value.lower() in _TRUE
        if kind == "null" and NULL.match(value):
            return None
        if kind == "merge":
            return value
        self._find("P111", f"the tag `{_short(tag)}` is not supported", node, hints=("write the plain value",))
        return None

    def _check_tag(self, node: Node, plain: str) -> None:
        if node.tag != plain:
            self._find("P111", f"the tag `{_short(node.tag)}` is not supported", node, hints=("write the plain value",))

    def _find(self, code: str, message: str, node: Node | None, label: str = "", hints: tuple[str, ...] = ()) -> None:
        span = self.document.span(None, node, "value")
        self.found.append(Diagnostic(code, message, label=label, hints=hints, span=span))


def _short(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")
