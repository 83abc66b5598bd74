"""The language of `when`, `input` and `output`: names, members, constants, lists, mappings, comparisons, `and or not`.

Its syntax is a part of Python's. Nothing is called or computed, and nothing fails: what is not there is null, and what
cannot be compared is false.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

LENGTH, DEPTH = 2000, 32
REQUEST = "request"
CONSTANTS: Mapping[str, Any] = {"true": True, "false": False, "null": None}
Scope = Callable[[str], Any]  # a name's value
Term = Callable[[Scope], Any]


class ExpressionError(ValueError):
    """A text that is no expression; the message says why."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression.

    Attributes:
        text: as it was written.
        names: the steps that it uses, and `request`, as they are written in it.
        only: the name that it consists of, or None.
        evaluate: returns its value where a name's value is known.
    """

    text: str
    names: frozenset[str]
    only: str | None
    evaluate: Term


def parse(text: str) -> Expression:
    """Return an expression.

    Raises:
        ExpressionError: it is not one.
    """
    if len(text) > LENGTH:
        raise ExpressionError(f"longer than {LENGTH} characters")
    try:
        body = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ExpressionError("no expression") from None
    names: set[str] = set()
    term = _term(body, names, DEPTH)
    only = body.id if isinstance(body, ast.Name) and body.id in names else None
    return Expression(text, frozenset(names), only, term)


def spoken(step: str) -> str:
    """Return what a step is called in an expression, where `-` would be a minus."""
    return step.replace("-", "_")


def _term(node: ast.expr, names: set[str], depth: int) -> Term:
    if depth == 0:
        raise ExpressionError(f"nested deeper than {DEPTH}")
    found = _TERMS.get(type(node))
    if found is None:
        raise ExpressionError(f"`{ast.unparse(node)[:60]}` is not part of the language")
    return found(node, names, depth - 1)


def _name(node: ast.Name, names: set[str], depth: int) -> Term:
    name = node.id
    if name in CONSTANTS:
        value = CONSTANTS[name]
        return lambda scope: value
    names.add(name)
    return lambda scope: scope(name)


def _constant(node: ast.Constant, names: set[str], depth: int) -> Term:
    value = node.value
    if not isinstance(value, str | int | float | bool | None):
        raise ExpressionError(f"`{ast.unparse(node)[:60]}` is no constant here")
    return lambda scope: value


def _attribute(node: ast.Attribute, names: set[str], depth: int) -> Term:
    inner, key = _term(node.value, names, depth), node.attr
    return lambda scope: _member(inner(scope), key)


def _subscript(node: ast.Subscript, names: set[str], depth: int) -> Term:
    inner, key = _term(node.value, names, depth), _term(node.slice, names, depth)
    return lambda scope: _member(inner(scope), key(scope))


def _list(node: ast.List, names: set[str], depth: int) -> Term:
    terms = [_term(each, names, depth) for each in node.elts]
    return lambda scope: [each(scope) for each in terms]


def _mapping(node: ast.Dict, names: set[str], depth: int) -> Term:
    terms: dict[str, Term] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            raise ExpressionError("a mapping's keys are texts in quotes")
        terms[key.value] = _term(value, names, depth)
    return lambda scope: {key: each(scope) for key, each in terms.items()}


def _all_or_any(node: ast.BoolOp, names: set[str], depth: int) -> Term:
    terms = [_term(each, names, depth) for each in node.values]
    stops = isinstance(node.op, ast.Or)  # at the first value that decides, which is the value of the whole

    def value(scope: Scope) -> Any:
        found: Any = None
        for each in terms:
            found = each(scope)
            if bool(found) == stops:
                break
        return found

    return value


def _signed(node: ast.UnaryOp, names: set[str], depth: int) -> Term:
    inner = _term(node.operand, names, depth)
    if isinstance(node.op, ast.Not):
        return lambda scope: not inner(scope)
    if isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        value = node.operand.value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return lambda scope: -value
    raise ExpressionError(f"`{ast.unparse(node)[:60]}` is not part of the language")


def _comparison(node: ast.Compare, names: set[str], depth: int) -> Term:
    terms = [_term(each, names, depth) for each in (node.left, *node.comparators)]
    tests = [_COMPARISONS.get(type(each)) for each in node.ops]
    if None in tests:
        raise ExpressionError("comparisons are `==`, `!=`, `<`, `<=`, `>`, `>=`, `in` and `not in`")

    def holds(scope: Scope) -> bool:
        values = [each(scope) for each in terms]
        return all(
            _compares(test, left, right) for test, left, right in zip(tests, values, values[1:], strict=False) if test
        )

    return holds


def _compares(test: Callable[[Any, Any], Any], left: Any, right: Any) -> bool:
    try:
        return bool(test(left, right))
    except TypeError:
        return False


def _member(value: Any, key: Any) -> Any:
    if isinstance(value, Mapping):
        return value.get(key) if isinstance(key, str) else None
    if isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    return None


def _not_in(left: Any, right: Any) -> bool:
    return right is None or left not in right


_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: _not_in,
}
_TERMS: Mapping[type[ast.expr], Callable[[Any, set[str], int], Term]] = {
    ast.Name: _name,
    ast.Constant: _constant,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.List: _list,
    ast.Dict: _mapping,
    ast.BoolOp: _all_or_any,
    ast.UnaryOp: _signed,
    ast.Compare: _comparison,
}
