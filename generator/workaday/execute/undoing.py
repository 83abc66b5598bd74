"""What an earlier revision of a release was made from, and how the project file would have to read for it.

A revision keeps the values that it was given, not the project file that they came from, and many values are derived.
So the keys are guessed, by the origin table and by what the file says now, and the guess is proven: only a file that
renders to the very values of the revision is written.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workaday.execute import existing, kube, releases
from workaday.execute.refusals import at_its_origin, origins_of
from workaday.project.diagnostics import Diagnostic, KeyPath, ProjectError, dotted, mistake
from workaday.project.rewriting import leaves, rewritten
from workaday.render.origins import json_pointer

if TYPE_CHECKING:
    from workaday.execute.workspace import Workspace
    from workaday.project.nodes import Document

MISSING = object()


@dataclass(frozen=True)
class Target:
    """A revision to go back to.

    Attributes:
        revision: Helm's number of it.
        values: what it was given.
        now: what the project file gives.
        path: the values' file in the tree.
    """

    revision: int
    values: Mapping[str, Any]
    now: Mapping[str, Any]
    path: str


@dataclass(frozen=True)
class Edit:
    """What makes a project file render to a revision.

    Attributes:
        document: the file.
        text: its new text.
        sets: the values that are set in it, by key path.
        removes: the keys that are taken out of it.
    """

    document: Document
    text: str
    sets: Mapping[KeyPath, Any] = field(default_factory=dict)
    removes: tuple[KeyPath, ...] = ()


def target_of(workspace: Workspace, release: str, to: int | None) -> Target:
    """Return the revision to go back to: the one that is named, or the newest with other values than the file's.

    Raises:
        ProjectError: X187, there is none.
    """
    from workaday.render import render

    with at_its_origin(workspace):
        place = existing.place_of(workspace)
        secrets = place.cluster.every(kube.SECRET, place.namespace, {"owner": "helm", "name": release})
    known = releases.revisions_of(secrets).get(release, {})
    path = f"{releases.RELEASES}/{release}.json"
    now = json.loads(render(workspace.blueprint)[path])
    good = [each for each in known.values() if each["info"]["status"] in ("deployed", "superseded")]
    others = [each for each in good if (each.get("config") or {}) != now]
    chosen: int = max((each["version"] for each in others), default=0) if to is None else to
    if chosen not in {each["version"] for each in good}:
        there = ", ".join(str(each["version"]) for each in sorted(good, key=lambda each: each["version"])) or "none"
        what = f"no revision {to}" if to is not None else "no earlier revision with other values"
        raise mistake("X187", f"release `{release}` has {what}", f"there are: {there}")
    return Target(chosen, known[chosen].get("config") or {}, now, path)


def edit_of(workspace: Workspace, index: int, target: Target) -> Edit | None:
    """Return what makes the project file render to a revision, or None where nothing that is tried does."""
    sources = workspace.loaded.sources
    origins = origins_of(workspace)
    sets: dict[KeyPath, Any] = {}
    removes: list[KeyPath] = []
    document: Document | None = None
    for at, old in pairs(target.now, target.values):
        origin = origins.lookup(target.path, json_pointer(*at)) or ("models", index)
        key = written_key(sources.data, origin, value_at(target.now, at), at)
        if key is None:
            continue  # derived from another one, or not there: the proof tells
        layer, own = sources.written(key)[-1]
        if document not in (None, layer) or layer.path.absolute().parent != workspace.root:
            return None  # an environment cannot be tried without being written
        document = layer
        if old is MISSING:
            removes.append(own)
        else:
            sets[own] = spelled(old, value_at(sources.data, key))
    if document is None:
        return None
    try:
        text = rewritten(document, sets, removes)
    except ProjectError:
        return None
    edit = Edit(document, text, sets, tuple(removes))
    return edit if proven(workspace, edit, target) else None


def pairs(now: Any, then: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield where values of now differ from those of then, and what was there, or MISSING."""
    if isinstance(now, Mapping) and isinstance(then, Mapping):
        for key in sorted({*now, *then}):
            yield from pairs(now.get(key, MISSING), then.get(key, MISSING), (*at, key))
    elif isinstance(now, list) and isinstance(then, list) and len(now) == len(then):
        for place, (one, other) in enumerate(zip(now, then, strict=True)):
            yield from pairs(one, other, (*at, place))
    elif now != then:
        yield at, then


def value_at(values: Any, at: Sequence[str | int]) -> Any:
    """Return a part of values, or MISSING."""
    for part in at:
        if isinstance(values, Mapping):
            values = values.get(part, MISSING)
        elif isinstance(values, list) and isinstance(part, int):
            values = values[part]
        else:
            return MISSING
    return values


def written_key(data: Any, origin: KeyPath, value: Any, at: Sequence[str | int]) -> KeyPath | None:
    """Return the key below an origin that has a value now: the one of the same name, or else the only one."""
    below = value_at(data, origin)
    while below is MISSING and origin:
        origin, below = origin[:-1], value_at(data, origin[:-1])
    same = [(*origin, *key) for key, it in leaves(below) if it == value or str(it) == str(value)]
    named = [key for key in same if key and key[-1] == at[-1]]
    return named[0] if len(named) == 1 else same[0] if len(same) == 1 else None


def spelled(value: Any, like: Any) -> Any:
    """Return a value as the project file would have it: `cpu: 1` there is `"1"` in Kubernetes."""
    import yaml

    return yaml.safe_load(value) if isinstance(value, str) and not isinstance(like, str) else value


def proven(workspace: Workspace, edit: Edit, target: Target) -> bool:
    """Return whether a project with an edited file renders to a revision's values; nothing of it is written."""
    from workaday.execute.workspace import open_workspace
    from workaday.layout import DEFAULT_STAGE
    from workaday.render import render

    stage = None if workspace.stage == DEFAULT_STAGE else workspace.stage
    with tempfile.NamedTemporaryFile("w", dir=workspace.root, prefix=".workaday-", suffix=".yaml") as tried:
        tried.write(edit.text)
        tried.flush()
        try:
            tree = render(open_workspace(Path(tried.name), stage).blueprint)
        except ProjectError:
            return False
    return bool(json.loads(tree.get(target.path, b"null")) == target.values)


def roll_back(workspace: Workspace, release: str, target: Target) -> list[str]:
    """Have Helm roll a release back; return the values that the tree still has otherwise."""
    from workaday.execute.helm import Helm, find_binary

    with at_its_origin(workspace):
        place = existing.place_of(workspace)
        helm = Helm(find_binary(os.environ), place.cluster.kubeconfig, place.cluster.context, place.namespace)
        asyncio.run(helm.rollback(release, target.revision))
    keys = releases.differences(target.now, target.values)
    return [each.removeprefix(releases.ONLY_MODEL) for each in keys]


def says_otherwise(workspace: Workspace, index: int, target: Target, left: Sequence[str]) -> ProjectError:
    """Return that a release was rolled back, and that the project file does not say so."""
    message = f"revision {target.revision} runs again, but project.yaml says otherwise: {', '.join(left)}"
    hints = (
        f"bring {dotted(('models', index))} to what it was (`git log -p`), before the next apply brings it back",
        "`workaday plan` shows what is left",
    )
    return ProjectError([Diagnostic("X188", message, ("models", index), hints=hints)], workspace.loaded.sources)
