"""Runs in a child interpreter: the real types of a function's parameters, as `decode_type` reads them."""

from __future__ import annotations

import collections.abc
import inspect
import json
import sys
import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from pathlib import PurePath
from typing import Any

_SCALARS = {int: "int", float: "float", bool: "bool", str: "str", type(None): "none"}
_LISTS = (
    list,
    set,
    frozenset,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Iterable,
    collections.abc.Collection,
    collections.abc.Set,
)
_DICTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_DEEPEST = 8  # a dataclass may hold itself


def parameter_types(function: Any) -> dict[str, Any]:  # noqa: ANN401 - what the module holds
    """Return the type of each parameter by its name."""
    hints = _hints(function)
    return {
        name: describe(hints.get(name, Any))
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }


def describe(hint: Any, depth: int = 0) -> list[Any]:  # noqa: ANN401 - any annotation
    """Return a type as kind, text, args, values and fields."""
    hint = _unwrap(hint)
    text = _text(hint)
    if hint is Any or hint is object:
        return ["any", text, [], [], []]
    origin = typing.get_origin(hint)
    if origin is not None:
        return _generic(hint, origin, text, depth)
    if isinstance(hint, type):
        return _class(hint, text, depth)
    if hint is None:
        return ["none", text, [], [], []]
    return ["unknown", text, [], [], []]


def _hints(owner: Any) -> dict[str, Any]:  # noqa: ANN401 - a function or class
    """Evaluate the annotations; one that cannot be is left as text, the others are not lost."""
    try:
        return typing.get_type_hints(owner)
    except Exception:  # noqa: BLE001 - an annotation is the user's code
        return {name: _evaluated(owner, hint) for name, hint in owner.__annotations__.items()}


def _evaluated(owner: Any, hint: Any) -> Any:  # noqa: ANN401 - any annotation
    namespace = getattr(owner, "__globals__", None) or vars(sys.modules[owner.__module__])
    probe = types.FunctionType((lambda: None).__code__, namespace)
    probe.__annotations__ = {"hint": hint}
    try:
        return typing.get_type_hints(probe)["hint"]
    except Exception:  # noqa: BLE001 - an annotation is the user's code
        return hint


def _unwrap(hint: Any) -> Any:  # noqa: ANN401 - any annotation
    """Return what a NewType, a `type X = ...` or an InitVar stands for."""
    for name in ("__supertype__", "__value__"):
        while hasattr(hint, name):
            hint = getattr(hint, name)
    return getattr(hint, "type", hint) if type(hint).__name__ == "InitVar" else hint


def _text(hint: Any) -> str:  # noqa: ANN401 - any annotation
    if isinstance(hint, str):
        return hint
    if isinstance(hint, type) and typing.get_origin(hint) is None:
        return "None" if hint is type(None) else hint.__qualname__
    return str(hint).replace("typing.", "")


def _generic(hint: Any, origin: Any, text: str, depth: int) -> list[Any]:  # noqa: ANN401
    args = typing.get_args(hint)
    if origin is typing.Literal:
        return _literal(args, text)
    if origin is typing.Union or origin is types.UnionType:
        return ["union", text, [describe(arg, depth) for arg in args], [], []]
    if origin is tuple and args[1:] == (...,):
        return ["list", text, [describe(args[0], depth)], [], []]
    for kind, origins in (("tuple", (tuple,)), ("list", _LISTS), ("dict", _DICTS)):
        if origin in origins:
            return [kind, text, [describe(arg, depth) for arg in args], [], []]
    return ["unknown", text, [], [], []]


def _literal(values: tuple[Any, ...], text: str) -> list[Any]:
    try:
        json.dumps(values)
    except TypeError:
        return ["unknown", text, [], [], []]
    return ["literal", text, [], list(values), []]


def _class(hint: Any, text: str, depth: int) -> list[Any]:  # noqa: ANN401 - a class
    if hint in _SCALARS:
        return [_SCALARS[hint], text, [], [], []]
    if issubclass(hint, PurePath):
        return ["path", text, [], [], []]
    if issubclass(hint, Enum):
        return ["enum", text, [], list(hint.__members__), []]
    for kind, classes in (("tuple", (tuple,)), ("list", _LISTS), ("dict", _DICTS)):
        if hint in classes:
            return [kind, text, [], [], []]
    if is_dataclass(hint) and depth < _DEEPEST:
        return ["dataclass", text, [], [], _fields(hint, depth + 1)]
    return ["unknown", text, [], [], []]


def _fields(cls: Any, depth: int) -> list[Any]:  # noqa: ANN401 - a class
    hints = _hints(cls) if hasattr(cls, "__annotations__") else {}
    return [
        [
            field.name,
            describe(hints.get(field.name, field.type), depth),
            field.default is not MISSING or field.default_factory is not MISSING,
        ]
        for field in fields(cls)
        if field.init
    ]
