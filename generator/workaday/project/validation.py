"""From data to `Project`, and from pydantic's errors to findings that a user can act on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from .diagnostics import At, Diagnostic, KeyPath, dotted
from .fields import keys_at, owners
from .nodes import FLOAT, INT
from .schema import Project
from .sources import Sources, child
from .speed import without_plugins
from .spelling import closest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_KINDS = {
    "bool": "`true` or `false`",
    "int": "a whole number",
    "float": "a number",
    "string": "text",
    "tuple": "a list",
    "list": "a list",
    "dict": "a map",
    "model": "a map",
    "mapping": "a map",
    "model_attributes": "a map",
}
_BOUNDS = {
    "greater_than": ("gt", "must be more than {}"),
    "greater_than_equal": ("ge", "must be {} or more"),
    "less_than": ("lt", "must be less than {}"),
    "less_than_equal": ("le", "must be at most {}"),
}


def validate(sources: Sources) -> tuple[Project | None, list[Diagnostic]]:
    """Return the project, or None and what is wrong with the merged data (P2xx)."""
    try:
        with without_plugins():
            return Project.model_validate(sources.data), []
    except ValidationError as error:
        return None, findings(error, sources)


def findings(error: ValidationError, sources: Sources, prefix: KeyPath = ()) -> list[Diagnostic]:
    """Return pydantic's errors as findings; a misspelt required key gives one, not two."""
    details = error.errors(include_url=False)
    places = [(each, key_path((*prefix, *each["loc"]), sources.data, each["type"])) for each in details]
    missing = dict.fromkeys(path for each, path in places if each["type"] == "missing")
    found: list[Diagnostic] = []
    for each, path in places:
        if each["type"] == "extra_forbidden":
            suggestion = closest(str(path[-1]), keys_at(path[:-1], sources.data))
            found.append(_unknown(path, suggestion, sources))
            missing.pop((*path[:-1], suggestion), None)
        elif each["type"] != "missing":
            found.append(_finding(each, path, sources))
    parents = dict.fromkeys(path[:-1] for path in missing)
    return found + [_missing(parent, [str(p[-1]) for p in missing if p[:-1] == parent], sources) for parent in parents]


def key_path(loc: Sequence[str | int], data: Any, kind: str) -> KeyPath:
    """Return the key path of a pydantic location: without the tags of unions, which the data does not have."""
    path: list[str | int] = []
    node = data
    for index, part in enumerate(loc):
        below = child(node, part)
        exists = isinstance(node, dict) and part in node if isinstance(part, str) else below is not None
        last = index == len(loc) - 1
        if exists or (last and kind == "missing") or isinstance(part, int):
            path.append(part)
            node = below
    return tuple(path)


def _has(data: Any, path: KeyPath) -> bool:
    for part in path[:-1]:
        data = child(data, part)
    return isinstance(data, dict) and path[-1] in data


def _unknown(path: KeyPath, suggestion: str, sources: Sources) -> Diagnostic:
    key, parent = str(path[-1]), path[:-1]
    hints: tuple[str, ...] = ()
    if suggestion and _has(sources.data, (*parent, suggestion)):
        label = f"`{suggestion}` is given already"
    elif suggestion:
        label = f"did you mean `{suggestion}`?"
    else:
        others = owners(parent, key, sources.data)
        label = f"only {' and '.join(f'`{kind}`' for kind in others)} has it" if others else ""
        known = keys_at(parent, sources.data)
        hints = (f"keys here: {', '.join(known)}",) if known else ()
    return Diagnostic("P201", f"unknown key `{key}`", path, label, "key", hints)


def _missing(parent: KeyPath, keys: Sequence[str], sources: Sources) -> Diagnostic:
    listed = _listed(keys, "and")
    where = f" in `{dotted(parent)}`" if parent else ""
    message = f"{listed} {'is' if len(keys) == 1 else 'are'} missing{where}"
    return Diagnostic("P203", message, parent, f"needs {listed}", "key", _new_item(parent, sources))


def _new_item(path: KeyPath, sources: Sources) -> tuple[str, ...]:
    """Say of an item that only a file above project.yaml has that it is new, since its name may be misspelt."""
    span, items = sources.locate(path), sources.value(path[:-1])
    name = child(sources.value(path), "name")
    if span is None or not isinstance(items, list) or not isinstance(name, str) or not sources.is_above(span.file):
        return ()
    guess = closest(name, [other for item in items if isinstance(other := child(item, "name"), str) and other != name])
    return (f"`{name}` is new in this file" + (f"; did you mean `{guess}`?" if guess else ""),)


def _finding(error: ErrorDetails, path: KeyPath, sources: Sources) -> Diagnostic:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _CUSTOM:
        return _custom(kind, context, path, sources)
    if kind in ("literal_error", "union_tag_invalid", "union_tag_not_found"):
        return _choice(error, context, path, sources)
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        bound = words.format(f"{context[name]:g}")
        return Diagnostic("P205", f"`{_shown(error['input'])}` is out of range for `{_last_key(path)}`", path, bound)
    if kind in ("too_short", "string_too_short"):
        return Diagnostic("P205", f"`{_last_key(path)}` is empty", path, "needs at least one")
    return _type(error, path, sources)


_CUSTOM = {
    "malformed": "P206",
    "misread": "P208",
    "range": "P205",
    "choice": "P204",
    "conflict": "P207",
    "absent": "P203",
    "type": "P202",
}


def _custom(kind: str, context: Mapping[str, Any], path: KeyPath, sources: Sources) -> Diagnostic:
    message, label, hints = context["message"], context["label"], tuple(context["hints"])
    value = sources.value(path)
    if kind == "type":
        return _wrong_type(message, value, path, sources, hints=(label,) if label else ())
    if kind == "choice":
        return _not_a_choice(path, str(value), list(context["choices"]))
    if isinstance(value, float):
        spelled = sources.spelled(path)
        message = message.replace(f"`{value}`", f"`{spelled}`") if spelled else message
    at: At = "key" if kind in ("conflict", "absent") else "value"
    below = context.get("key", "")
    where = (*path, below) if isinstance(below, int) else (*path, *below.split())
    return Diagnostic(_CUSTOM[kind], message, where, label, at, hints)


def _choice(error: ErrorDetails, context: Mapping[str, Any], path: KeyPath, sources: Sources) -> Diagnostic:
    if error["type"] == "literal_error":
        choices = [part.strip().strip("'") for part in context["expected"].replace(" or ", ", ").split(",")]
        if not isinstance(error["input"], str) or choices == ["1"]:
            return _wrong_type(_listed(choices), error["input"], path, sources)
        return _not_a_choice(path, error["input"], choices)
    if not isinstance(error["input"], dict):
        return _wrong_type("a map", error["input"], path, sources)
    tags = [tag for tag in keys_at((*path, "kind"), sources.data) if tag]
    if error["type"] == "union_tag_not_found":
        label = f"needs `kind`: {', '.join(tags)}"
        return Diagnostic("P203", f"`kind` is missing in `{dotted(path)}`", path, label, "key")
    return _not_a_choice((*path, "kind"), str(context["tag"]), tags)


def _not_a_choice(path: KeyPath, value: str, choices: Sequence[str]) -> Diagnostic:
    guess = closest(value, choices)
    label = f"did you mean `{guess}`?" if guess else f"must be {_listed(choices)}"
    hints = (f"choices: {', '.join(choices)}",) if guess and len(choices) > 1 else ()
    return Diagnostic("P204", f"`{value}` is no choice for `{_last_key(path)}`", path, label, hints=hints)


def _listed(words: Sequence[str], last: str = "or") -> str:
    quoted = [f"`{word}`" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} {last} {quoted[-1]}"


def _type(error: ErrorDetails, path: KeyPath, sources: Sources) -> Diagnostic:
    name = error["type"].removesuffix("_type").removesuffix("_parsing").removesuffix("_from_float")
    return _wrong_type(_KINDS.get(name, "something else"), error["input"], path, sources)


def _wrong_type(wanted: str, value: Any, path: KeyPath, sources: Sources, hints: tuple[str, ...] = ()) -> Diagnostic:
    spelled = sources.spelled(path)
    if wanted == "text" and spelled is not None and isinstance(value, bool | int | float):
        became = f"`{_shown(value)}`" if _shown(value) != spelled else describe(value)
        message = f"`{spelled}` is read as {became}, but `{_last_key(path)}` is text"
        return Diagnostic("P208", message, path, f'quote it: "{spelled}"')
    key = _last_key(path)
    message = f"`{key}` must be {wanted}" if key else f"the file must be {wanted}"
    if (
        wanted.endswith("number")
        and isinstance(value, str)
        and value == spelled
        and (INT.match(value) or FLOAT.match(value))
    ):
        return Diagnostic("P205", f"`{value}` is out of range for `{key}`", path, "too large a number")
    if wanted == "a whole number" and isinstance(value, float):
        return Diagnostic("P202", message, path, "this has a fraction")
    return Diagnostic("P202", message, path, f"this is {describe(value)}", hints=hints or _rewriting(wanted, value))


def _rewriting(wanted: str, value: Any) -> tuple[str, ...]:
    """Say how a map becomes a list, or the other way round."""
    if wanted == "a list" and isinstance(value, dict):
        return ("write each item with `- ` before its first key: `- name: ...`",)
    if wanted == "a list" and isinstance(value, str | int | float):
        return (f"write `[{_shown(value)}]`",)
    if wanted == "a map" and isinstance(value, list):
        return ("write `key: value`, without `- `",)
    return ()


def describe(value: Any) -> str:
    """Return what a value is, in the words of the file's reader."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list | tuple) else "a map"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _last_key(path: KeyPath) -> str:
    keys = [index for index, part in enumerate(path) if isinstance(part, str)]
    return dotted(path[keys[-1] :]) if keys else dotted(path)
