"""From what a task returned to JSON."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import math
from pathlib import PurePath

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def to_json(value: object) -> Any:  # noqa: ANN401 - JSON
    """The value as JSON can hold it.

    Dataclasses become objects, enum members their values, paths and dates text, sets and tuples lists,
    numpy and torch scalars numbers. A float that JSON cannot hold (nan, inf) becomes null.

    Raises:
        TypeError: JSON cannot hold it; the message names the type and where it stands.
    """
    return _convert(value, "the return value")


def _convert(value: object, where: str) -> Any:  # noqa: ANN401 - JSON
    for accepts, convert in _RULES:
        if accepts(value):
            return convert(value, where)
    item = getattr(value, "item", None)  # a scalar of numpy or torch
    if callable(item) and getattr(value, "shape", None) == ():
        return _convert(item(), where)
    raise TypeError(f"{where} is a {type(value).__name__}, which JSON cannot hold")


def _text(value: Any, _where: str) -> str:  # noqa: ANN401 - one signature for every rule
    return str(value).encode("utf-8", "replace").decode()


def _number(value: Any, _where: str) -> Any:  # noqa: ANN401
    return value if not isinstance(value, float) or math.isfinite(value) else None


def _object(value: Any, where: str) -> dict[str, Any]:  # noqa: ANN401
    return {_text(key, where): _convert(one, f"{where}[{key!r}]") for key, one in value.items()}


def _list(value: Any, where: str) -> list[Any]:  # noqa: ANN401
    return [_convert(one, f"{where}[{index}]") for index, one in enumerate(value)]


def _fields(value: Any, where: str) -> dict[str, Any]:  # noqa: ANN401
    names = [field.name for field in dataclasses.fields(value)]
    return {name: _convert(getattr(value, name), f"{where}.{name}") for name in names}


_RULES: tuple[tuple[Callable[[Any], bool], Callable[[Any, str], Any]], ...] = (
    (lambda value: value is None or isinstance(value, bool), lambda value, _: value),
    (lambda value: isinstance(value, enum.Enum), lambda value, where: _convert(value.value, where)),
    (lambda value: isinstance(value, (str, PurePath)), _text),
    (lambda value: isinstance(value, (int, float)), _number),
    (lambda value: isinstance(value, dict), _object),
    (lambda value: isinstance(value, (list, tuple, set, frozenset)), _list),
    (lambda value: isinstance(value, (dt.date, dt.datetime)), lambda value, _: value.isoformat()),
    (lambda value: dataclasses.is_dataclass(value) and not isinstance(value, type), _fields),
)
