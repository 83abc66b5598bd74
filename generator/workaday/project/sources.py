"""The files of one project as layers: merged into one document, with the position of every key in its own file.

Layers, each over the one before: the overlays' `defaults.yaml`, project.yaml, the environment.
Maps merge, but one of another `kind` replaces; lists whose items all have a `name` merge by it;
`{name: x, remove: true}` deletes; all else replaces.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .diagnostics import At, Diagnostic, KeyPath, Span

if TYPE_CHECKING:
    from .nodes import Document, Node


class Sources:
    """The layers of a project, lowest first, and their merge `data`.

    Attributes:
        data: the merged document: maps, lists and scalars.
        layers: the files, lowest first.
        found: what is wrong with the merge itself (P3xx).
        removed: the file that removes an item, by the key of its list and its name.
    """

    def __init__(self, layers: Sequence[Document], base: int = 0, found: Sequence[Diagnostic] = ()) -> None:
        """Merge `layers`; `layers[base]` is project.yaml, where what no layer has is looked for."""
        self.layers = tuple(layers)
        self.found = list(found)
        self.removed: dict[tuple[str, str], str] = {}
        self._base = base
        self.data: dict[str, Any] = {}
        if len(self.layers) == 1 and "remove" not in self.layers[0].text:
            self.data = self.layers[0].data
        else:
            for layer in self.layers:
                self.data = self._merge(self.data, layer.data, layer, ())

    @property
    def base(self) -> Document:
        """The layer that is project.yaml."""
        return self.layers[self._base]

    def locate(self, path: KeyPath, at: At = "value") -> Span | None:
        """Return where `path` is written; where it is not, its nearest parent that is.

        A map or list that several files add to is located where it is declared first, a value where it is set last.
        """
        if not self.layers:
            return None
        best: tuple[int, Document, Node | None, Node | None] | None = None
        for layer in reversed(self.layers):
            depth, key, node = layer.find(self._within(layer, path))
            if best is None or depth > best[0] or (depth == best[0] and _declares(node, best[3])):
                best = (depth, layer, key, node)
        if best is None or best[0] == 0:
            base = self.base
            return base.span(None, base.root, "value")
        depth, layer, key, node = best
        return layer.span(key, node, at if depth == len(path) else "key")

    def origin(self, path: KeyPath) -> Span | None:
        """Return where the value at `path` was set, or None where no file sets it: it is a default."""
        for layer in reversed(self.layers):
            depth, key, node = layer.find(self._within(layer, path))
            if depth == len(path):
                return layer.span(key, node, "value")
        return None

    def written(self, path: KeyPath) -> list[tuple[Document, KeyPath]]:
        """Return the files that have a key, lowest first, and its key path in each: a list's item may be elsewhere."""
        inside = [(layer, self._within(layer, path)) for layer in self.layers]
        return [(layer, own) for layer, own in inside if layer.find(own)[0] == len(own)]

    def is_above(self, file: str) -> bool:
        """Return whether a file is an environment: a layer above project.yaml."""
        return any(layer.file == file for layer in self.layers[self._base + 1 :])

    def line(self, file: str, number: int) -> str | None:
        """Return a line's text, or None when there is no such line."""
        for layer in self.layers:
            if layer.file == file:
                return layer.lines[number - 1] if 0 < number <= len(layer.lines) else None
        return None

    def spelled(self, path: KeyPath) -> str | None:
        """Return a plain scalar as it is spelled where it was set last, or None for anything else."""
        for layer in reversed(self.layers):
            inner = self._within(layer, path)
            if layer.find(inner)[0] == len(path):
                return layer.spelled(inner)
        return None

    def value(self, path: KeyPath) -> Any:
        """Return what the merged document holds at `path`, or None."""
        node: Any = self.data
        for part in path:
            node = child(node, part)
        return node

    def _within(self, layer: Document, path: KeyPath) -> KeyPath:
        """Translate a key path of the merged document into one layer's own: named items by name."""
        if len(self.layers) == 1:
            return path
        inner: list[str | int] = []
        merged: Any = self.data
        own: Any = layer.data
        for part in path:
            item = child(merged, part)
            if isinstance(part, int) and named(merged):
                places = [i for i, each in enumerate(own) if each.get("name") == item["name"]] if named(own) else []
                part = places[0] if places else len(own) if isinstance(own, list) else part
            inner.append(part)
            merged, own = item, child(own, part)
        return tuple(inner)

    def _merge(self, low: Any, high: Any, layer: Document, path: KeyPath) -> Any:
        if isinstance(low, dict) and isinstance(high, dict) and _of_one_kind(low, high):
            merged = dict(low)
            for key, value in high.items():
                merged[key] = self._merge(low.get(key), value, layer, (*path, key))
            return merged
        if isinstance(high, list) and (named(low) or named(high) or any(_removes(item) for item in high)):
            return self._merge_named(low if named(low) else [], high, layer, path)
        if isinstance(high, dict):
            return {key: self._merge(None, value, layer, (*path, key)) for key, value in high.items()}
        return high

    def _merge_named(self, low: list[Any], high: list[Any], layer: Document, path: KeyPath) -> list[Any]:
        merged = list(low)
        places = {item["name"]: index for index, item in enumerate(low)}
        removed: set[int] = set()
        for index, item in enumerate(high):
            here = (*path, index)
            name = item.get("name") if isinstance(item, dict) else None
            place = places.pop(name, None) if isinstance(name, str) else None
            if _removes(item):
                if place is None:
                    self.found.append(_removes_nothing(item, layer, here))
                else:
                    removed.add(place)
                    self.removed[(str(path[-1]), str(name))] = layer.file
            elif place is not None:
                merged[place] = self._merge(merged[place], item, layer, here)
            elif low and name is None:
                self.found.append(_has_no_name(layer, here))
            else:
                merged.append(self._merge(None, item, layer, here))
        return [item for index, item in enumerate(merged) if index not in removed]


def child(node: Any, part: str | int) -> Any:
    """Return one step down plain data, or None."""
    if isinstance(part, str):
        return node.get(part) if isinstance(node, dict) else None
    return node[part] if isinstance(node, list) and 0 <= part < len(node) else None


def named(value: Any) -> bool:
    """Return whether a value is a list whose items all have a name."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(i, dict) and isinstance(i.get("name"), str) for i in value)
    )


def walk(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield every scalar of plain data with its key path."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from walk(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from walk(each, (*path, index))
    else:
        yield path, value


def _of_one_kind(low: dict[str, Any], high: dict[str, Any]) -> bool:
    """Whether two maps may merge: a torch server's keys mean nothing to vLLM, nor a local platform's to a cloud."""
    return "kind" not in low or high.get("kind", low["kind"]) == low["kind"]


def _removes(item: Any) -> bool:
    return isinstance(item, dict) and item.get("remove") is True


def _declares(node: Any, over: Any) -> bool:
    """Whether a lower layer's node is the first declaration of the map or list that `over` adds to."""
    return (
        node is not None
        and over is not None
        and node.id == over.id != "scalar"
        and (node.id == "mapping" or any(item.id == "mapping" for item in over.value))
    )


def _removes_nothing(item: dict[str, Any], layer: Document, path: KeyPath) -> Diagnostic:
    _, key, node = layer.find((*path, "remove"))
    return Diagnostic(
        "P304",
        f"`{item.get('name')}` is not there to be removed",
        path,
        label="no file below this one has it",
        hints=("`remove: true` in an environment deletes what project.yaml or an overlay has",),
        span=layer.span(key, node, "key"),
    )


def _has_no_name(layer: Document, path: KeyPath) -> Diagnostic:
    _, key, node = layer.find(path)
    return Diagnostic(
        "P305",
        "an item without `name` cannot be merged",
        path,
        label="needs `name`",
        hints=("the list below this file has named items; an item merges into the one of its name, or is added",),
        span=layer.span(key, node, "value"),
    )
