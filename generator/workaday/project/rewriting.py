"""Values set and keys removed in a project file's text: comments, order and spelling of everything else stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from .diagnostics import Diagnostic, KeyPath, ProjectError, dotted
from .nodes import Document, MappingNode, Node, ScalarNode, SequenceNode
from .source import parse
from .sources import Sources


def rewritten(document: Document, sets: Mapping[KeyPath, Any], removes: Sequence[KeyPath] = ()) -> str:
    """Return a document's text with values set and keys removed.

    Args:
        document: the file as it was read.
        sets: the new value of each key path; maps on the way that are not there are made.
        removes: key paths of which each must be there.

    Raises:
        ProjectError: P308, the file is written in a way that this does not understand; nothing was changed.
    """
    expected = _unshared(document.data)  # an alias is one map in the text, and must stay several in what is meant
    current = document
    for path, value in sets.items():
        _set(expected, path, value)
        current = _parsed(document, _with(current, path, value), path)
    for path in removes:
        del _at(expected, path[:-1])[path[-1]]
        current = _parsed(document, _without(current, path), path)
    if current.data != expected:
        raise _misfit(document, next(iter((*sets, *removes)), ()))
    return current.text


def leaves(value: Any, at: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield the key path and value of all that is no map in a value."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from leaves(below, (*at, key))
    else:
        yield at, value


def flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    import yaml

    text: str = yaml.safe_dump(value, default_flow_style=True, width=2**20, allow_unicode=True, sort_keys=False)
    return text.removesuffix("...\n").strip()


def _with(document: Document, path: KeyPath, value: Any) -> str:
    depth, key, node = document.find(path)
    text = document.text
    if depth == len(path):
        assert node is not None
        return _replaced(text, key, node, flow(value))
    entry: Any = value
    for part in reversed(path[depth + 1 :]):
        entry = {part: entry}
    line = f"{flow(path[depth])}: {flow(entry)}"
    if not isinstance(node, MappingNode) or not node.value:
        return _replaced(text, key, node, f"{{{line}}}")
    last = _end(text, node.value[-1][1])
    if node.flow_style:
        return f"{text[:last]}, {line}{text[last:]}"
    at = text.find("\n", last)
    at = len(text) if at < 0 else at
    return f"{text[:at]}\n{' ' * node.value[0][0].start_mark.column}{line}{text[at:]}"


def _replaced(text: str, key: Node | None, node: Node, new: str) -> str:
    if key is None:
        return text[: node.start_mark.index] + new + text[_end(text, node) :]
    colon = key.end_mark.index
    if isinstance(node, ScalarNode) and node.start_mark.index == node.end_mark.index:  # nothing is written there
        return f"{text[:colon]}: {new}{text[colon + 1 :]}"
    if _is_flow(node):
        return text[: node.start_mark.index] + new + text[_end(text, node) :]
    return f"{text[:colon]}: {new}{text[_end(text, node) :]}"


def _without(document: Document, path: KeyPath) -> str:
    text, parent = document.text, document.find(path[:-1])[2]
    depth, key, node = document.find(path)
    if depth < len(path) or not isinstance(parent, MappingNode) or key is None or node is None:
        raise _misfit(document, path)
    start, end = key.start_mark.index, _end(text, node)
    if parent.flow_style:
        comma = text.rfind(",", parent.start_mark.index, start)
        if comma >= 0 and not text[comma + 1 : start].strip():
            return text[:comma] + text[end:]
        rest = text[end:].lstrip()
        return text[:start] + rest.removeprefix(",").lstrip()
    line = text.rfind("\n", 0, start) + 1
    after = text.find("\n", end)
    after = len(text) if after < 0 else after + 1
    if text[line:start].strip():  # the first key of a list's item: the dash stays, for the key behind it
        following = next((each for each, _ in parent.value if each.start_mark.index > start), None)
        if following is None:
            raise _misfit(document, path)
        return text[:start] + text[following.start_mark.index :]
    return text[:line] + text[after:]


def _is_flow(node: Node) -> bool:
    if isinstance(node, ScalarNode):
        return node.style not in ("|", ">")
    return bool(node.flow_style)


def _end(text: str, node: Node) -> int:
    """Return where a node's own text ends: PyYAML's mark of a block is where the next thing begins."""
    if isinstance(node, MappingNode) and not node.flow_style and node.value:
        return _end(text, node.value[-1][1])
    if isinstance(node, SequenceNode) and not node.flow_style and node.value:
        return _end(text, node.value[-1])
    end: int = node.end_mark.index
    return len(text[:end].rstrip("\r\n")) if getattr(node, "style", None) in ("|", ">") else end


def _unshared(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _unshared(value) for key, value in data.items()}
    return [_unshared(value) for value in data] if isinstance(data, list) else data


def _set(data: Any, path: KeyPath, value: Any) -> None:
    for part, following in pairwise(path):
        if isinstance(data, dict) and not isinstance(data.get(part), dict | list):
            data[part] = {} if isinstance(following, str) else []
        data = data[part]
    data[path[-1]] = value


def _at(data: Any, path: KeyPath) -> Any:
    for part in path:
        data = data[part]
    return data


def _parsed(document: Document, text: str, path: KeyPath) -> Document:
    try:
        return parse(text, document.file, document.path)
    except ProjectError:
        raise _misfit(document, path) from None


def _misfit(document: Document, path: KeyPath) -> ProjectError:
    hint = "change it by hand, then run `workaday apply`"
    message = f"cannot change `{dotted(path)}` here"
    return ProjectError([Diagnostic("P308", message, path, hints=(hint,))], Sources([document]))
