"""What a predictor's file says about itself, read without importing it."""

from __future__ import annotations

import ast
from typing import Any


def example_of(source: str, class_name: str) -> Any:
    """Return the class's `example` payload, a literal, or None.

    A text that begins with `@` names a file beside the predictor, whose bytes are the payload.
    """
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            for statement in node.body:
                value = _value_of(statement, "example")
                if value is not None:
                    try:
                        return ast.literal_eval(value)
                    except ValueError:
                        return None
    return None


def _value_of(statement: ast.stmt, name: str) -> ast.expr | None:
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    if any(isinstance(target, ast.Name) and target.id == name for target in targets):
        return statement.value  # type: ignore[attr-defined, no-any-return]
    return None
