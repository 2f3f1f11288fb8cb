"""The value of an expression that is made of literals, without running it."""

from __future__ import annotations

import ast
import math
import operator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemorun_discover.discovery.scope import Names

# What is larger than these is left to an import.
_LARGEST = 100_000
_LARGEST_INT_BITS = 4_096
_DIGITS_OF_A_WIDTH = 3
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_CALLS: dict[str, Callable[..., Any]] = {
    "builtins.range": range,
    "builtins.list": list,
    "builtins.tuple": tuple,
}
_CONVERSIONS: dict[int, Callable[[Any], str]] = {-1: str, 115: str, 114: repr, 97: ascii}


class NotStaticError(Exception):
    """An expression whose value only running it can tell."""


class Unwritable(Exception):
    """A value that JSON cannot hold as it is."""


def evaluate(node: ast.expr, names: Names) -> Any:  # noqa: ANN401 - any literal
    """Return the value of a literal, of arithmetic on literals, or of a name bound once to one.

    Raises:
        NotStaticError: The expression is more than that.
    """
    try:
        return _evaluate(node, names)
    except (ArithmeticError, TypeError, ValueError, RecursionError) as error:
        # An error in the user's expression: an import shows it with its line.
        raise NotStaticError from error


def to_json(value: object) -> Any:  # noqa: ANN401 - any JSON
    """Return a literal as JSON; a tuple and a range become a list.

    Raises:
        Unwritable: JSON cannot hold it: a set, bytes, infinity, a key that is not text.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, (list, tuple, range)):
        return [to_json(item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: to_json(item) for key, item in value.items()}
    raise Unwritable


def _evaluate(node: ast.expr, names: Names) -> Any:  # noqa: ANN401 - any literal
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return _display(node, names)
    handler = _HANDLERS.get(type(node))
    if handler is None:
        raise NotStaticError
    return handler(node, names)


def _display(node: ast.List | ast.Tuple | ast.Set, names: Names) -> Any:  # noqa: ANN401
    items: list[Any] = []
    for item in node.elts:
        if isinstance(item, ast.Starred):
            items.extend(_evaluate(item.value, names))
        else:
            items.append(_evaluate(item, names))
    if isinstance(node, ast.List):
        return items
    return tuple(items) if isinstance(node, ast.Tuple) else set(items)


def _dict(node: ast.Dict, names: Names) -> dict[Any, Any]:
    result: dict[Any, Any] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            result.update(_evaluate(value, names))
        else:
            result[_evaluate(key, names)] = _evaluate(value, names)
    return result


def _name(node: ast.Name, names: Names) -> Any:  # noqa: ANN401
    value = names.value(node.id)
    if value is None:
        raise NotStaticError
    return _evaluate(value, names)


def _unary(node: ast.UnaryOp, names: Names) -> Any:  # noqa: ANN401
    sign = _SIGNS.get(type(node.op))
    if sign is None:
        raise NotStaticError
    return sign(_evaluate(node.operand, names))


def _binary(node: ast.BinOp, names: Names) -> Any:  # noqa: ANN401
    apply = _OPERATORS.get(type(node.op))
    left, right = _evaluate(node.left, names), _evaluate(node.right, names)
    if apply is None or _is_large(node.op, left, right):
        raise NotStaticError
    result = apply(left, right)
    if isinstance(result, int) and result.bit_length() > _LARGEST_INT_BITS:
        raise NotStaticError  # str() and json refuse an int of more than 4,300 digits
    return result


def _is_large(op: ast.operator, left: object, right: object) -> bool:
    """Tell whether `2 ** 10 ** 9` or `"x" * 10 ** 9` would take long."""
    if isinstance(op, ast.Pow) and isinstance(left, int) and isinstance(right, int):
        return left.bit_length() * abs(right) > _LARGEST_INT_BITS
    if isinstance(op, ast.Mult):
        sizes = [len(side) for side in (left, right) if isinstance(side, (str, bytes, list, tuple))]
        counts = [side for side in (left, right) if isinstance(side, int)]
        return bool(sizes and counts) and sizes[0] * counts[0] > _LARGEST
    return False


def _f_string(node: ast.JoinedStr, names: Names) -> str:
    return "".join(str(_evaluate(part, names)) for part in node.values)


def _formatted(node: ast.FormattedValue, names: Names) -> str:
    value = _evaluate(node.value, names)
    if node.conversion != -1:
        value = _CONVERSIONS[node.conversion](value)
    form = "" if node.format_spec is None else str(_evaluate(node.format_spec, names))
    if sum(character.isdigit() for character in form) > _DIGITS_OF_A_WIDTH:
        raise NotStaticError
    return format(value, form)


def _call(node: ast.Call, names: Names) -> Any:  # noqa: ANN401
    function = _CALLS.get(names.origin(node.func) or "")
    if function is None or node.keywords:
        raise NotStaticError
    arguments = [_evaluate(argument, names) for argument in node.args]
    if any(isinstance(each, range) and len(each) > _LARGEST for each in arguments):
        raise NotStaticError
    return function(*arguments)


_HANDLERS: dict[type[ast.expr], Callable[[Any, Names], Any]] = {
    ast.Dict: _dict,
    ast.Name: _name,
    ast.UnaryOp: _unary,
    ast.BinOp: _binary,
    ast.JoinedStr: _f_string,
    ast.FormattedValue: _formatted,
    ast.Call: _call,
}
