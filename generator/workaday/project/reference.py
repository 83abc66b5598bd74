"""What the schema says of itself: the JSON Schema for editors, the reference page, key paths for completions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .schema import Project
from .units import build_all

SCHEMA_FILE = "project.schema.json"
MODELINE = f"# yaml-language-server: $schema=./{SCHEMA_FILE}"
_NAMES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}

_INTRODUCTION = """\
# Reference of project.yaml

Generated from the schema; `docs/project-file.md` teaches the file. A key without "required" may be left out: what then
holds, and why, is what `workaday explain KEY` says.

Values: **memory** is `512Mi`, `6Gi`; a **duration** is `5ms`, `60s`, `5m`, `10h`, `15d`; **cpu** is `3`, `0.5` or
`500m`; a **percentage** is `10` or `10%`; **cron** is five fields, `0 8 * * 1-5`; a **network** is `10.40.0.0/16`.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One key: `path` is `models[].scale.target`, `kind` the member of a tagged union that has it, or empty."""

    path: str
    type: str
    required: bool
    description: str
    kind: str = ""
    choices: tuple[str, ...] = ()


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a project file."""
    build_all(Project)
    schema = Project.model_json_schema()
    schema = _without_titles(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Workaday project file",
        **schema,
    }


def json_schema_text() -> str:
    """Return the text of `schemas/project.schema.json`."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def entries() -> list[Entry]:
    """Return every key of the vocabulary, in its order; where kinds differ, each kind's own."""
    schema = json_schema()
    return list(_entries(schema, schema["$defs"], "", ""))


def key_paths() -> list[str]:
    """Return every key path once, for completions: `platform.kind`, `models[].scale.target`, ..."""
    return list(dict.fromkeys(entry.path for entry in entries()))


def describe(path: str) -> list[Entry]:
    """Return the entries of a key path; numbers and names in brackets count as `[]`."""
    plain = _generic(path)
    return [entry for entry in entries() if entry.path == plain]


def markdown() -> str:
    """Return the text of `docs/reference.md`."""
    schema = json_schema()
    lines = [_INTRODUCTION]
    for place, kind, part in _sections(schema, schema["$defs"], "", ""):
        title = f"`{place}`" if place else "The file"
        lines += [f"## {title}{f' of kind `{kind}`' if kind else ''}", "", part.get("description", ""), ""]
        lines += ["| key | value | |", "| --- | --- | --- |"]
        required = part.get("required", [])
        for key, value in _kind_first(part):
            about = ("required. " if key in required else "") + value.get("description", "")
            lines.append(f"| `{key}` | {_type(value, schema['$defs']).replace('|', '/')} | {about} |")
        lines.append("")
    return "\n".join(lines)


def _generic(path: str) -> str:
    text, depth = "", 0
    for character in path:
        if character == "]":
            depth -= 1
        text += character if depth == 0 else ""
        if character == "[":
            depth += 1
    return text


def _entries(part: Mapping[str, Any], definitions: Mapping[str, Any], place: str, kind: str) -> Iterator[Entry]:
    for key, value in part["properties"].items():
        path = f"{place}.{key}".lstrip(".")
        choices = tuple(_choices(value, definitions))
        type_ = _type(value, definitions)
        yield Entry(path, type_, key in part.get("required", ()), value.get("description", ""), kind, choices)
        for inner, inner_kind, below in _parts(value, definitions, path):
            yield from _entries(below, definitions, inner, inner_kind or kind)


def _sections(
    part: Mapping[str, Any], definitions: Mapping[str, Any], place: str, kind: str
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield each part once, where it is met first, with the kind that selects it."""
    seen: list[int] = []
    queue = [(place, kind, part)]
    while queue:
        place, kind, part = queue.pop(0)
        if id(part) in seen:
            continue
        seen.append(id(part))
        yield place, kind, part
        properties = _kind_first(part)
        below = [each for key, value in properties for each in _parts(value, definitions, _join(place, key))]
        queue = below + queue


def _kind_first(part: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(part["properties"].items(), key=lambda item: item[0] != "kind")


def _join(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def _parts(
    value: Mapping[str, Any], definitions: Mapping[str, Any], path: str
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield the parts that a value may hold: their place, their kind in a tagged union, their schema."""
    if "$ref" in value:
        part = definitions[value["$ref"].rsplit("/", 1)[1]]
        kind = part["properties"].get("kind", {}).get("const", "")
        yield path, kind, part
    for member in [*value.get("anyOf", ()), *value.get("oneOf", ())]:
        yield from _parts(member, definitions, path)
    if isinstance(value.get("items"), dict):
        yield from _parts(value["items"], definitions, f"{path}[]")
    if inner := _values(value):
        yield from _parts(inner, definitions, f"{path}[]")


def _values(value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the schema of a free map's values, or None where anything may stand."""
    for inner in (*value.get("patternProperties", {}).values(), value.get("additionalProperties")):
        if isinstance(inner, dict) and inner:
            return inner
    return None


def _type(value: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return " or ".join(f"`{choice}`" for choice in value["enum"])
    if "$ref" in value or "oneOf" in value or value.get("discriminator"):
        kinds = _choices(value, definitions)
        return f"map; `kind` is {', '.join(f'`{kind}`' for kind in kinds)}" if kinds else "map"
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(_type(m, definitions) for m in value["anyOf"] if m.get("type") != "null"))
    if "format" in value:
        return str(value["format"])
    if value.get("type") == "array":
        return f"list of {_type(value.get('items', {}), definitions)}"
    if value.get("type") == "object":
        inner = _values(value)
        return f"map of {_type(inner, definitions)}" if inner else "map of anything"
    return _NAMES.get(value.get("type", ""), "anything") + _bounds(value)


def _bounds(value: Mapping[str, Any]) -> str:
    low, high = value.get("minimum"), value.get("maximum")
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if "exclusiveMinimum" in value:
        return f" above {value['exclusiveMinimum']:g}"
    return f", at least {low}" if low else ""


def _choices(value: Mapping[str, Any], definitions: Mapping[str, Any]) -> list[str]:
    if "enum" in value:
        return [str(choice) for choice in value["enum"]]
    if "oneOf" in value:
        return [kind for member in value["oneOf"] for _, kind, _ in _parts(member, definitions, "") if kind]
    return [choice for member in value.get("anyOf", ()) for choice in _choices(member, definitions)]


def _without_titles(node: Any) -> Any:
    """Drop the titles that pydantic makes of names, which editors would show before the description."""
    if isinstance(node, dict):
        return {
            key: _without_titles(value)
            for key, value in node.items()
            if not (key == "title" and isinstance(value, str)) and not (key == "default" and value is None)
        }
    return [_without_titles(each) for each in node] if isinstance(node, list) else node
