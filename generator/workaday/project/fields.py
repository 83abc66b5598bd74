"""Which keys the vocabulary has at a place: for suggestions, completions and the reference."""

from __future__ import annotations

from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from .diagnostics import KeyPath
from .schema import Project
from .sources import child


def keys_at(path: KeyPath, data: Any) -> list[str]:
    """Return the keys that the map at `path` may have; for a `kind`, its choices. `data` decides between kinds."""
    part: Any = Project
    for index, step in enumerate(path):
        if step == "kind" and index == len(path) - 1 and len(parts_of(part)) > 1:
            return [kind_of(each) for each in parts_of(part)]
        part = _below(part, step, data)
        data = child(data, step)
    chosen = _choose(part, data)
    return spelled_fields(chosen) if chosen else []


def field_at(path: KeyPath, data: Any) -> FieldInfo | None:
    """Return what the vocabulary says of the key at `path`, or None where it has none. `data` decides between kinds."""
    part: Any = Project
    for step in path[:-1]:
        part = _below(part, step, data)
        data = child(data, step)
    chosen = _choose(part, data)
    return _field(chosen, str(path[-1])) if chosen and path else None


def owners(path: KeyPath, key: str, data: Any) -> list[str]:
    """Return the kinds of the union at `path` that have a key which the chosen kind does not have."""
    part: Any = Project
    for step in path:
        part = _below(part, step, data)
        data = child(data, step)
    return [kind_of(each) for each in parts_of(part) if key in spelled_fields(each)]


@cache
def spelled_fields(part: type[BaseModel]) -> list[str]:
    """Return a part's keys as the file spells them, in the order of declaration, `kind` first."""
    names = [field.alias or name for name, field in part.model_fields.items()]
    return sorted(names, key=lambda name: name != "kind")


def parts_of(annotation: Any) -> list[type[BaseModel]]:
    """Return the parts that an annotation may hold, itself or as a union's members."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) is Annotated:
        return parts_of(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [part for member in get_args(annotation) for part in parts_of(member)]
    return []


def item_of(annotation: Any) -> Any:
    """Return the annotation of a list's items or a map's values, or None."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return item_of(arguments[0])
    if origin in (Union, UnionType):
        return next((item for member in arguments if (item := item_of(member)) is not None), None)
    if origin is tuple:
        return arguments[0]
    return arguments[1] if origin is dict else None


def kind_of(part: type[BaseModel]) -> str:
    """Return the `kind` that selects a part of a tagged union, or an empty text."""
    field = part.model_fields.get("kind")
    if field is None or get_origin(field.annotation) is not Literal:
        return ""
    return str(get_args(field.annotation)[0])


def field_annotation(part: type[BaseModel], key: str) -> Any:
    """Return the annotation of a part's key, or None where it has no such key."""
    field = _field(part, key)
    return field.annotation if field else None


def _field(part: type[BaseModel], key: str) -> FieldInfo | None:
    return next((field for name, field in part.model_fields.items() if (field.alias or name) == key), None)


def _below(annotation: Any, step: str | int, data: Any) -> Any:
    if annotation is None:
        return None
    chosen = _choose(annotation, data)
    if chosen is not None:
        return field_annotation(chosen, str(step))
    return item_of(annotation)


def _choose(annotation: Any, data: Any) -> type[BaseModel] | None:
    parts = parts_of(annotation)
    if len(parts) <= 1:
        return parts[0] if parts else None
    kind = data.get("kind") if isinstance(data, dict) else None
    return next((part for part in parts if kind_of(part) == kind), None)
