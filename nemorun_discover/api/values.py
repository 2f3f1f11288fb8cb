"""Arguments on their way to a job: JSON that people read, and an exact form where JSON is not enough."""

from __future__ import annotations

import dataclasses
import enum
import math
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from nemorun_discover.api.exactly import LARGEST_PLAIN_INT, encode, plain_scalar
from nemorun_discover.api.signature import name_of
from nemorun_discover.errors import UsageError
from nemorun_discover.worker.arguments import bind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nemorun_discover.model.task import Json

_TRAVELS = "text, numbers, lists, tuples, sets, dicts with text as keys, Path, Enum, dataclass and dates can"


def travelling(
    function: Callable[..., Any], arguments: Mapping[str, object]
) -> tuple[dict[str, Json], dict[str, Json]]:
    """The arguments as a job's record holds them: `params`, and those that need it also as `exact`.

    Raises:
        UsageError: An argument cannot travel; the sentence names the function, the argument and the
            place in it.
    """
    params: dict[str, Json] = {}
    exact: dict[str, Json] = {}
    for name, value in arguments.items():
        written = _encoded(function, name, value)
        params[name] = plain(value)
        if not _comes_back(function, name, params[name], value):
            exact[name] = written
    return params, exact


def plain(value: Any) -> Json:  # noqa: ANN401 - what `encode` accepts
    """The value as people read it; not always what it can be made from again."""
    value = plain_scalar(value)
    for accepts, write in _PLAIN:
        if accepts(value):
            return write(value)
    return value


def is_same(one: Any, other: Any) -> bool:  # noqa: ANN401 - whatever an argument can be
    """Equal in value and in every type, however deep; a nan is equal to a nan."""
    one, other = plain_scalar(one), plain_scalar(other)
    if type(one) is not type(other):
        return False
    if dataclasses.is_dataclass(one):
        names = [field.name for field in dataclasses.fields(one)]
        return all(is_same(getattr(one, name), getattr(other, name)) for name in names)
    if isinstance(one, dict):
        return list(one) == list(other) and all(map(is_same, one.values(), other.values()))
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(is_same, one, other))
    return _is_same_value(one, other)


def _is_same_value(one: Any, other: Any) -> bool:  # noqa: ANN401
    if isinstance(one, (set, frozenset)):
        return one == other and sorted(map(_typed, one)) == sorted(map(_typed, other))
    if isinstance(one, float):
        return repr(one) == repr(other)
    return bool(one == other) and str(_zone(one)) == str(_zone(other))


def _encoded(function: Callable[..., Any], name: str, value: object) -> Json:
    place = f"{name_of(function)}: argument {name}"
    try:
        return encode(value, place, str(function.__module__))
    except TypeError as error:
        raise UsageError(str(error), hint=_TRAVELS) from error
    except RecursionError as error:
        raise UsageError(f"{place} holds itself, or is nested too deeply for JSON") from error


def _comes_back(function: Callable[..., Any], name: str, written: Json, value: object) -> bool:
    try:
        return is_same(bind(function, {name: written})[name], value)
    except (
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
    ):  # the class's own __init__ may refuse it
        return False


def _typed(value: object) -> str:
    return f"{type(value).__name__} {value!r}"


def _zone(value: object) -> object:
    return getattr(value, "tzinfo", None)


def _fields(value: Any) -> dict[str, Json]:  # noqa: ANN401 - a dataclass
    names = [field.name for field in dataclasses.fields(value) if field.init]
    return {name: plain(getattr(value, name)) for name in names}


def _enum(value: enum.Enum) -> Json:
    return value.name if value.name in type(value).__members__ else plain(value.value)


def _is_too_large(value: object) -> bool:
    return type(value) is int and abs(value) > LARGEST_PLAIN_INT


_PLAIN: tuple[tuple[Callable[[Any], bool], Callable[[Any], Json]], ...] = (
    (lambda value: isinstance(value, enum.Enum), _enum),
    (lambda value: isinstance(value, PurePath), str),
    (_is_too_large, hex),
    (lambda value: isinstance(value, float) and not math.isfinite(value), str),
    (
        lambda value: isinstance(value, dict),
        lambda value: {key: plain(one) for key, one in value.items()},
    ),
    (
        lambda value: isinstance(value, (list, tuple)),
        lambda value: [plain(one) for one in value],
    ),
    (
        lambda value: isinstance(value, (set, frozenset)),
        lambda value: sorted((plain(one) for one in value), key=repr),
    ),
    (dataclasses.is_dataclass, _fields),
    (lambda value: hasattr(value, "isoformat"), lambda value: value.isoformat()),
)
