"""Edits of a project file's text: a key renamed, a value replaced, keys gathered into a map.

Paths are key paths in which `*` stands for every item of a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..diagnostics import Diagnostic, KeyPath, ProjectError, dotted
from ..nodes import Document, MappingNode, Node, ScalarNode, SequenceNode
from ..source import parse
from ..sources import Sources


@dataclass(frozen=True)
class Rename:
    """The key at `path` is called `to`."""

    path: tuple[str, ...]
    to: str


@dataclass(frozen=True)
class Replace:
    """The plain value at `path` becomes what `values` has for it; other values stay."""

    path: tuple[str, ...]
    values: Mapping[str, str]


@dataclass(frozen=True)
class Gather:
    """Of the map at `path`, the `keys` (old name to new) become a map under the key `into`."""

    path: tuple[str, ...]
    keys: Mapping[str, str]
    into: str


Edit = Rename | Replace | Gather
# (start, end, text): the characters from start to end become text
Patch = tuple[int, int, str]


def apply(edit: Edit, document: Document, changes: list[str]) -> str:
    """Return the document's text with an edit made, and add to `changes` what it did.

    Raises:
        ProjectError: the edit does not fit the file (P308).
    """
    patches: list[Patch] = []
    for path, key, node in _find(document, edit.path):
        if isinstance(edit, Rename):
            patches += _rename(edit, document, path, key, changes)
        elif isinstance(edit, Replace):
            patches += _replace(edit, path, node, changes)
        elif isinstance(node, MappingNode):
            patches += _gather(edit, document, path, node, changes)
    text = document.text
    for start, end, new in sorted(patches, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _rename(edit: Rename, document: Document, path: KeyPath, key: Node, changes: list[str]) -> list[Patch]:
    parent: Any = document.find(path[:-1])[2]
    if edit.to in document.entries(parent):
        raise _misfit(document, path, f"`{edit.to}` stands beside `{path[-1]}`, which would become it")
    changes.append(f"{dotted(path)} is now called `{edit.to}`")
    return [(key.start_mark.index, key.end_mark.index, edit.to)]


def _replace(edit: Replace, path: KeyPath, node: Node, changes: list[str]) -> list[Patch]:
    if not isinstance(node, ScalarNode) or node.value not in edit.values:
        return []
    new = edit.values[node.value]
    changes.append(f"{dotted(path)} is now `{new}`")
    return [(node.start_mark.index, node.end_mark.index, new)]


def _gather(edit: Gather, document: Document, path: KeyPath, node: Any, changes: list[str]) -> list[Patch]:
    entries = [(key, value) for key, value in node.value if isinstance(key, ScalarNode) and key.value in edit.keys]
    if not entries:
        return []
    if edit.into in document.entries(node):
        raise _misfit(document, (*path, edit.into), f"`{edit.into}` is there already")
    for key, value in entries:
        if key.start_mark.line != value.end_mark.line:
            raise _misfit(document, (*path, key.value), f"`{key.value}` takes more than one line")
    text = document.text
    inner = [edit.keys[key.value] + text[key.end_mark.index : value.end_mark.index].rstrip() for key, value in entries]
    changes.append(f"{dotted((*path, edit.into))} now holds {', '.join(f'`{key.value}`' for key, _ in entries)}")
    first_key, first_value = entries[0]
    first = (first_key.start_mark.index, first_value.end_mark.index, f"{edit.into}: {{{', '.join(inner)}}}")
    return [first, *(_removed(text, key, value, node.flow_style) for key, value in entries[1:])]


def _removed(text: str, key: Node, value: Node, flow: bool) -> Patch:
    """Return the patch that takes an entry out, with its comma in a flow map, its line in a block; comments stay."""
    start, end = key.start_mark.index, value.end_mark.index
    if flow:
        return text.rindex(",", 0, start), end, ""
    before = text.rindex("\n", 0, start) + 1
    after = text.find("\n", end)
    after = len(text) if after < 0 else after + 1
    return (before, after, "") if not text[end:after].strip() else (start, end, "")


def appended(document: Document, key: str, item: str) -> str:
    """Return the document's text with one more plain item in the list at a top-level key, which is made if need be.

    Raises:
        ProjectError: the file is written in a way that this does not understand (P308).
    """
    before, line, after = _appended(document, key, item)
    text = before + line + after
    wanted = [*(document.data.get(key) or ()), item]
    if parse(text, document.file).data != {**document.data, key: wanted}:
        raise _misfit(document, (key,), f"cannot add `{item}` to `{key}`")
    return text


def _appended(document: Document, key: str, item: str) -> tuple[str, str, str]:
    """Return the text before a new item, the item, and the text after it."""
    text, root = document.text, document.root
    node: Any = document.find((key,))[2] if key in document.data else None
    line_end = "\r\n" if "\r\n" in text else "\n"
    if isinstance(node, SequenceNode) and node.flow_style:
        at = node.value[-1].end_mark.index if node.value else node.start_mark.index + 1
        return text[:at], f", {item}" if node.value else item, text[at:]
    if isinstance(root, MappingNode) and root.flow_style:
        at = len(text[: root.end_mark.index - 1].rstrip().removesuffix(","))
        return text[:at], f", {key}: [{item}]", text[at:]
    if isinstance(node, SequenceNode):
        at = text.find("\n", node.value[-1].end_mark.index) + 1 or len(text)
        line = f"{' ' * node.start_mark.column}- {item}"
    else:
        assert root is not None
        at, line = root.end_mark.index, f"{' ' * root.start_mark.column}{key}: [{item}]"
    return text[:at] + ("" if text[:at].endswith("\n") else line_end), line + line_end, text[at:]


def _find(document: Document, pattern: tuple[str, ...]) -> Iterator[tuple[KeyPath, Node, Node]]:
    """Yield the path, key node and value node of everything that a pattern matches."""
    found: list[tuple[KeyPath, Node, Node]] = [((), None, document.root)]
    for part in pattern:
        below: list[tuple[KeyPath, Node, Node]] = []
        for path, _, node in found:
            if part == "*" and isinstance(node, SequenceNode):
                below += [((*path, index), None, item) for index, item in enumerate(node.value)]
            elif part != "*" and isinstance(node, MappingNode):
                below += [((*path, part), k, v) for k, v in node.value if isinstance(k, ScalarNode) and k.value == part]
        found = below
    # an aliased map is one text, however often it is used
    yield from {id(node): (path, key, node) for path, key, node in reversed(found)}.values()


def _misfit(document: Document, path: KeyPath, message: str) -> ProjectError:
    hint = "change it by hand, then upgrade again"
    return ProjectError([Diagnostic("P308", message, path, at="key", hints=(hint,))], Sources([document]))
