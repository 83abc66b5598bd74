"""The language of a pipeline's `when`, `input` and `output`, as far as it can be checked before anything runs.

The server has its own reader (`workaday_server.pipelines.expressions`); a test compares what the two refuse.
"""

from __future__ import annotations

import ast

LENGTH, DEPTH = 2000, 32
REQUEST = "request"
CONSTANTS = frozenset({"true", "false", "null"})
_OPERATORS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn)
_PLAIN = (ast.Name, ast.Attribute, ast.Subscript, ast.List, ast.BoolOp)


class NoExpression(ValueError):
    """A text that is no expression; the message says why."""


def spoken(step: str) -> str:
    """Return what a step is called in an expression, where `-` would be a minus."""
    return step.replace("-", "_")


def parse(text: str) -> ast.expr:
    """Return an expression's tree.

    Raises:
        NoExpression: it is none.
    """
    if len(text) > LENGTH:
        raise NoExpression(f"longer than {LENGTH} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise NoExpression("this is no expression") from None
    _check(tree, DEPTH)
    return tree


def names(tree: ast.expr) -> set[str]:
    """Return what an expression refers to: steps, as they are spoken, and `request`."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - CONSTANTS


def _check(node: ast.expr, depth: int) -> None:
    if depth == 0:
        raise NoExpression(f"nested deeper than {DEPTH}")
    if not _known(node):
        raise NoExpression(f"`{ast.unparse(node)[:60]}` is not part of the language")
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr) and not (isinstance(node, ast.Dict) and child in node.keys):
            _check(child, depth - 1)


def _known(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=value):
            return isinstance(value, str | int | float | None)
        case ast.Compare(ops=operators):
            return all(isinstance(each, _OPERATORS) for each in operators)
        case ast.Dict(keys=keys):
            return all(isinstance(each, ast.Constant) and isinstance(each.value, str) for each in keys)
        case ast.UnaryOp(op=ast.Not()):
            return True
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=value)):
            return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(node, _PLAIN)
