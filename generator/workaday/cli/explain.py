"""`explain`: an error code's page, or a key's value and where it comes from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from workaday.cli.output import answer_json, say
from workaday.cli.run import Exit

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from workaday.execute.workspace import Workspace

CODE = re.compile(r"[A-Za-z][0-9]{3}")


def explain(what: str, file: Path, stage: str | None, *, as_json: bool) -> int:
    """Print a code's page or a key's origin."""
    return (
        explain_code(what.upper(), as_json=as_json)
        if CODE.fullmatch(what)
        else explain_key(what, file, stage, as_json=as_json)
    )


def explain_code(code: str, *, as_json: bool) -> int:
    """Print the page of an error code."""
    from dataclasses import asdict

    from workaday.project.codes import codes, page

    found = page(code)
    if found is None:
        raise unknown(code, code, [each for each in codes() if each[0] == code[0]] or codes())
    if as_json:
        answer_json(asdict(found))
    else:
        say(found.text.rstrip("\n"))
    return Exit.DONE


def explain_key(key: str, file: Path, stage: str | None, *, as_json: bool) -> int:
    """Print a key's value and where it comes from: a line of a file, or a derivation."""
    from workaday.execute.workspace import open_workspace
    from workaday.project.fields import field_at

    workspace = open_workspace(file, stage)
    path = parse_key(key, workspace)
    value, origin = look_up(workspace, path, key)
    if as_json:
        answer_json({"key": key, "value": value, "origin": origin})
    else:
        field = field_at(path, workspace.loaded.sources.data)
        say(f"{key}{'' if value is None else f' = {shown(value, field)}'}\n  {origin}")
        for line in placement_of(workspace, path):
            say(f"  {line}")
    return Exit.DONE


def placement_of(workspace: Workspace, path: tuple[str | int, ...]) -> list[str]:
    """Return, for `models.NAME.pools`, which instance types fit on each pool and why the others do not."""
    if len(path) != 3 or path[0] != "models" or path[2] != "pools":
        return []
    from workaday.blueprint.placement import described, placements
    from workaday.catalog import read

    blueprint = workspace.blueprint
    name = blueprint.models[int(path[1])].name
    region = getattr(workspace.loaded.project.platform, "region", None)
    catalogue = read(blueprint.platform)
    return [
        line
        for each in placements(blueprint, region)
        if each.model == name
        for line in described(each, catalogue, region=region)
    ]


def parse_key(key: str, workspace: Workspace) -> tuple[str | int, ...]:
    """Turn `models.story.scale.target` or `models[0].scale.target` into a key path; list items go by name."""
    parts: list[str | int] = []
    written: Any = workspace.loaded.project
    for part in re.findall(r"[^.\[\]]+", key):
        items = (
            getattr(written, str(parts[-1]))
            if parts and isinstance(parts[-1], str) and hasattr(written, parts[-1])
            else None
        )
        if isinstance(items, tuple):
            names = [getattr(item, "name", None) for item in items]
            index = names.index(part) if part in names else int(part) if part.isdigit() else None
            if index is None or index >= len(items):
                raise unknown(key, part, [name for name in names if name])
            parts.append(index)
            written = items[index]
            continue
        if items is not None:
            written = items
        parts.append(part)
    return tuple(parts)


def look_up(workspace: Workspace, path: tuple[str | int, ...], key: str) -> tuple[Any, str]:
    """Return a key's value and its origin in words; the value is None where nothing is set and nothing follows."""
    from workaday.project.fields import field_at

    values, sources = workspace.blueprint.values, workspace.loaded.sources
    chosen = values.get(path)
    if chosen is not None and chosen.because is not None:
        return chosen.value, f"derived: {chosen.because}"
    written = value_at(workspace.loaded.project, path)
    if written is not None or chosen is not None:
        value = written if chosen is None else chosen.value
        span = next((span for end in range(len(path), 0, -1) if (span := sources.origin(path[:end]))), None)
        is_default = not value and sources.origin(path) is None
        return value, f"written: {span.file}:{span.line}" if span and not is_default else "not set: empty by default"
    if below := {str(each[-1]): value.value for each, value in values.items() if each[:-1] == path}:
        return below, f"derived, key by key: `workaday explain {key}.{next(iter(below))}`"
    field = field_at(path, sources.data)
    if field is None:
        raise unknown(key, *misspelt(workspace, path))
    return None, f"not set: {field.description}"


def misspelt(workspace: Workspace, path: tuple[str | int, ...]) -> tuple[str, list[str]]:
    """Return the first part of a path that the vocabulary does not have, and what it has in that place."""
    from workaday.project.fields import keys_at

    for place, part in enumerate(path):
        known = keys_at(path[:place], workspace.loaded.sources.data)
        if known and part not in known:
            return str(part), known
    return str(path[-1]), []


def value_at(written: Any, path: tuple[str | int, ...]) -> Any:
    """Return what the project's models hold at a key path, or None."""
    for part in path:
        if isinstance(written, dict):
            written = written.get(part)
        elif isinstance(part, int):
            written = written[part] if isinstance(written, tuple) and part < len(written) else None
        else:
            written = getattr(written, part, getattr(written, f"{part}_", None))
        if written is None:
            return None
    return written.model_dump(by_alias=True, exclude_none=True) if hasattr(written, "model_dump") else written


def shown(value: Any, field: FieldInfo | None = None) -> str:
    """Return a value on one line, amounts as the file would spell them."""
    import json

    from workaday.project.units import format_duration, format_memory

    kind = format_of(field.annotation) if field else ""
    if kind == "memory" and isinstance(value, int):
        return format_memory(value)
    if kind == "duration" and isinstance(value, float):
        return format_duration(value)
    return json.dumps(value, default=lambda each: each.model_dump(exclude_none=True), ensure_ascii=False)


def format_of(annotation: Any) -> str:
    """Return what an annotation calls its values in the JSON Schema, such as `memory`, or an empty text."""
    schemas = [getattr(each, "json_schema", None) or {} for each in getattr(annotation, "__metadata__", ())]
    inner = [format_of(each) for each in get_args(annotation)]
    return next(filter(None, [*(str(schema.get("format", "")) for schema in schemas), *inner]), "")


def unknown(key: str, part: str, known: list[str]) -> Exception:
    """Return the error of a key that the vocabulary does not have."""
    from workaday.project.diagnostics import mistake
    from workaday.project.spelling import meant

    otherwise = f"there is: {', '.join(known)}" if known else "see `workaday explain models`"
    return mistake("X122", f"there is no `{key}`", meant(part, known, otherwise))
