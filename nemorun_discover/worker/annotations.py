"""Annotations as types, also where not every one of them can be evaluated."""

from __future__ import annotations

import sys
import types

TYPE_CHECKING = False
_PLAIN = {key: cls for cls in (int, float, str, bool) for key in (cls, cls.__name__)}
_READS_UNIONS = sys.version_info >= (3, 10)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def hints_of(owner: Callable[..., Any] | type) -> dict[str, Any]:
    """The annotations of a function, or of a class with its bases, by name.

    One that cannot be evaluated here (a name that only a type checker imports) is left as it is written;
    the others are not lost with it.
    """
    import typing  # noqa: PLC0415 - 5 ms that plain annotations do not cost

    try:
        return typing.get_type_hints(owner)
    except Exception:  # noqa: BLE001 - evaluating an annotation runs the user's code
        return {
            name: _evaluated(hint, _namespace(holder))
            for holder in _holders(owner)
            for name, hint in _written(holder).items()
        }


def plain_hints_of(function: Callable[..., Any]) -> dict[str, Any] | None:
    """The annotations of a function whose every annotation is int, float, str or bool; else None."""
    hints = {
        name: _PLAIN.get(hint) for name, hint in _written(function).items() if name != "return"
    }
    return None if None in hints.values() else hints


def unwrap(hint: Any) -> Any:  # noqa: ANN401 - any annotation
    """What a NewType, a `type X = ...` or an InitVar stands for."""
    for name in ("__supertype__", "__value__"):
        while hasattr(hint, name):
            hint = getattr(hint, name)
    return getattr(hint, "type", hint) if type(hint).__name__ == "InitVar" else hint


def _holders(owner: Any) -> list[Any]:  # noqa: ANN401 - a function or a class
    return list(reversed(owner.__mro__)) if isinstance(owner, type) else [owner]


def _written(holder: Any) -> dict[str, Any]:  # noqa: ANN401
    try:
        return dict(getattr(holder, "__annotations__", {}))
    except Exception:  # noqa: BLE001 - from Python 3.14 on, reading them evaluates them
        return {}


def _namespace(holder: Any) -> dict[str, Any]:  # noqa: ANN401
    while hasattr(holder, "__wrapped__"):
        holder = holder.__wrapped__
    names = getattr(holder, "__globals__", None)
    return dict(vars(sys.modules[holder.__module__])) if names is None else names


def _evaluated(hint: Any, namespace: dict[str, Any]) -> Any:  # noqa: ANN401
    import typing  # noqa: PLC0415 - likewise

    probe = types.SimpleNamespace(__annotations__={"hint": _readable(hint)})
    try:
        return typing.get_type_hints(probe, {**namespace, "_Union": typing.Union})["hint"]
    except Exception:  # noqa: BLE001 - the user's code again
        return hint


def _readable(hint: Any) -> Any:  # noqa: ANN401
    """The annotation so that this Python can evaluate it: `X | Y` came with 3.10."""
    if _READS_UNIONS or not isinstance(hint, str) or "|" not in hint:
        return hint
    import ast  # noqa: PLC0415 - costs more than all else here, and only old Pythons need it

    class Unions(ast.NodeTransformer):
        def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
            self.generic_visit(node)
            members = ast.Tuple(elts=[node.left, node.right], ctx=ast.Load())
            return ast.Subscript(ast.Name("_Union", ast.Load()), members, ast.Load())

    return ast.unparse(Unions().visit(ast.parse(hint, mode="eval")))
