"""What overlays add to a tree and write over it, once it is rendered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from workaday.blueprint.model import Blueprint
from workaday.project.diagnostics import At, Diagnostic, KeyPath, ProjectError, SourceMap, Span
from workaday.project.nodes import Document
from workaday.project.overlays import TEMPLATED, Overlays
from workaday.project.sources import Sources
from workaday.project.spelling import meant
from workaday.render.local import as_json
from workaday.render.origins import ORIGINS, Origins, parse
from workaday.render.stock import Stock

EXTRA = "extra"
# what a values file may leave out of the path that it is meant for
_SHORT = ("{}.json", "{}/workaday.auto.tfvars.json", "{}/cluster/workaday.auto.tfvars.json", "releases/{}.json")


def over(tree: dict[str, bytes], blueprint: Blueprint, overlays: Overlays, stock: Stock) -> dict[str, bytes]:
    """Return a tree with the additional files of overlays, and their values merged over its JSON.

    Raises ProjectError: values for what is not rendered (P311) or that do not merge (P304, P305), a template with a
    mistake (P312).
    """
    merged = tree | _values(tree, overlays)
    origins = dict(parse(tree[ORIGINS]).table)
    for path, file in stock.extras().items():
        target = f"{EXTRA}/{path.removesuffix(TEMPLATED)}"
        if path.endswith(TEMPLATED):
            merged[target] = stock.fill(f"{EXTRA}/{path}", blueprint=blueprint)
        else:
            merged[target] = file.content
        origins[target] = {"": ("overlays", file.overlay)}
    merged[ORIGINS] = Origins(origins).to_bytes()
    return merged


def _values(tree: Mapping[str, bytes], overlays: Overlays) -> dict[str, bytes]:
    layers: dict[str, list[Document]] = {}
    found: list[Diagnostic] = []
    for name, document in overlays.values:
        path = next((short for each in _SHORT if (short := each.format(name)) in tree and short != ORIGINS), None)
        if path is None:
            found.append(_aimless(name, document, tree))
        else:
            layers.setdefault(path, []).append(document)
    merged: dict[str, bytes] = {}
    for path, documents in layers.items():
        rendered = Document(path, Path(path), "", None, json.loads(tree[path]))
        sources = Sources([rendered, *documents])
        found += (replace(each, path=()) for each in sources.found)
        merged[path] = as_json(sources.data)
    if found:
        raise ProjectError(found, Texts(tuple(document for _, document in overlays.values)))
    return merged


def _aimless(name: str, document: Document, tree: Mapping[str, bytes]) -> Diagnostic:
    """P311: values for a file that is not rendered."""
    known = sorted(_shortest(path) for path in tree if path.endswith(".json") and path != ORIGINS)
    label = meant(name, known, f"no `{name}.json` is rendered")
    hint = f"values can be for: {', '.join(known)}"
    return Diagnostic("P311", f"`{document.file}` is for nothing", label=label, hints=(hint,), span=_head(document))


def _shortest(path: str) -> str:
    """Return the shortest name that leads to a path."""
    fits = (each.partition("{}") for each in reversed(_SHORT))
    names = (path.removeprefix(a).removesuffix(b) for a, _, b in fits if path.startswith(a) and path.endswith(b))
    return next(names)


def _head(document: Document) -> Span:
    text = document.lines[0] if document.lines else ""
    return Span(document.file, 1, 1, len(text) + 1)


@dataclass(frozen=True)
class Texts(SourceMap):
    """A source map of several files, for findings that carry their own spans."""

    documents: tuple[Document, ...]

    def locate(self, path: KeyPath, at: At = "value") -> Span | None:
        """Return None: the findings know where they are."""
        return None

    def line(self, file: str, number: int) -> str | None:
        """Return a line of one of the files."""
        lines = next((each.lines for each in self.documents if each.file == file), [])
        return lines[number - 1] if 0 < number <= len(lines) else None
