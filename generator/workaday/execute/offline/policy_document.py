"""`data.aws_iam_policy_document`, which is no lookup but a formatter: blocks in, the policy's JSON out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

VERSION = "2012-10-17"


class PolicyError(ValueError):
    """The statements do not make one policy; the text says why."""


def render(config: Mapping[str, Any]) -> tuple[str, str]:
    """Return the document as indented and as minified JSON.

    Raises PolicyError: a source is no policy, or two statements share a sid.
    """
    statements: list[dict[str, Any]] = []
    for source in config.get("source_policy_documents") or ():
        for each in _statements(source):
            if each.get("Sid") and any(known.get("Sid") == each["Sid"] for known in statements):
                raise PolicyError(f"duplicate Sid ({each['Sid']}) in source_policy_documents")
            statements.append(each)
    own = [_statement(each) for each in config.get("statement") or ()]
    sids = [each["Sid"] for each in own if each.get("Sid")]
    if len(set(sids)) != len(sids):
        raise PolicyError(f"duplicate Sid ({next(sid for sid in sids if sids.count(sid) > 1)})")
    _lay_over(statements, own)
    for source in config.get("override_policy_documents") or ():
        _lay_over(statements, _statements(source))
    document: dict[str, Any] = {"Version": config.get("version") or VERSION}
    if config.get("policy_id"):
        document["Id"] = config["policy_id"]
    document["Statement"] = statements
    return json.dumps(document, indent=2), json.dumps(document, separators=(",", ":"))


def _statements(source: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(source or "{}").get("Statement", [])
    except (ValueError, AttributeError):
        raise PolicyError("a source is no policy document") from None
    return list(found) if isinstance(found, list) else [found]


def _lay_over(statements: list[dict[str, Any]], more: Iterable[dict[str, Any]]) -> None:
    """Add statements; one with the sid of an earlier one takes its place."""
    for each in more:
        same = [index for index, known in enumerate(statements) if each.get("Sid") and known.get("Sid") == each["Sid"]]
        if same:
            statements[same[0]] = each
        else:
            statements.append(each)


def _statement(block: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if block.get("sid"):
        made["Sid"] = block["sid"]
    made["Effect"] = block.get("effect") or "Allow"
    for argument, key in (("actions", "Action"), ("not_actions", "NotAction")):
        if block.get(argument):
            made[key] = _one_or_many(block[argument])
    for argument, key in (("resources", "Resource"), ("not_resources", "NotResource")):
        if block.get(argument):
            made[key] = _one_or_many(block[argument])
    for argument, key in (("principals", "Principal"), ("not_principals", "NotPrincipal")):
        if block.get(argument):
            made[key] = _principals(block[argument])
    conditions: dict[str, dict[str, Any]] = {}
    for each in block.get("condition") or ():
        conditions.setdefault(each["test"], {})[each["variable"]] = _one_or_many(each["values"])
    if conditions:
        made["Condition"] = conditions
    return made


def _principals(blocks: Iterable[Mapping[str, Any]]) -> Any:
    found: dict[str, list[str]] = {}
    for each in blocks:
        found.setdefault(each["type"], []).extend(each["identifiers"])
    if found == {"*": ["*"]}:
        return "*"
    return {kind: _one_or_many(identifiers) for kind, identifiers in found.items()}


def _one_or_many(values: Iterable[str]) -> Any:
    # `&{aws:username}` is how HCL writes what a policy calls `${aws:username}`.
    listed = sorted({str(value).replace("&{", "${") for value in values}, reverse=True)
    return listed[0] if len(listed) == 1 else listed
