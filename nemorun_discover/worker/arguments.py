"""From the JSON of job.json to the arguments a task's annotations ask for."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import sys
import typing
from pathlib import PurePath

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def bind(function: Callable[..., Any], params: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments for the function.

    Args:
        function: The task.
        params: JSON values by name; they were checked before the job was launched.

    Returns:
        The values as the annotations name them: Path, Enum, dataclass, tuple, datetime; what has no
        annotation, or one that cannot be evaluated here, stays as it came.
    """
    hints = _hints(function)
    return {name: convert(value, hints.get(name)) for name, value in params.items()}


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except Exception:  # noqa: BLE001 - evaluating an annotation runs the user's code
        return {}


def convert(value: Any, hint: Any) -> Any:  # noqa: ANN401 - JSON in, whatever the annotation says out
    """One value as its annotation asks for it."""
    if value is None or hint is None or hint is typing.Any:
        return value
    origin = typing.get_origin(hint)
    if origin is not None:
        return _convert_generic(value, origin, typing.get_args(hint))
    return _convert_class(value, hint) if isinstance(hint, type) else value


def _convert_generic(value: Any, origin: Any, args: tuple[Any, ...]) -> Any:  # noqa: ANN401
    if origin is typing.Union or origin is getattr(sys.modules["types"], "UnionType", None):
        return _convert_union(value, args)
    if origin is tuple and isinstance(value, list):
        items = args[:1] * len(value) if args[1:] == (...,) else args
        return tuple(convert(one, item) for one, item in zip(value, items))
    if isinstance(value, list) and args:
        made = [convert(one, args[0]) for one in value]
        return origin(made) if origin in (set, frozenset) else made
    if isinstance(value, dict) and len(args) > 1:
        return {_convert_key(key, args[0]): convert(one, args[1]) for key, one in value.items()}
    return value


def _convert_key(key: str, hint: Any) -> Any:  # noqa: ANN401 - text in: JSON has no other keys
    if hint is bool:
        return key.lower() == "true"
    return hint(key) if hint in (int, float) else convert(key, hint)


def _convert_union(value: Any, members: tuple[Any, ...]) -> Any:  # noqa: ANN401
    """The first member that changes the value's type wins only where none takes it as it is."""
    if any(type(value) is member for member in members):
        return value
    for member in members:
        try:
            made = convert(value, member)
        except (TypeError, ValueError, KeyError):
            continue
        if member in (float, int, str, bool) and type(made) is not member:
            continue
        return made
    return value


def _convert_class(value: Any, cls: type) -> Any:  # noqa: ANN401
    if issubclass(cls, enum.Enum):
        return cls[value] if isinstance(value, str) and value in cls.__members__ else cls(value)
    if dataclasses.is_dataclass(cls) and isinstance(value, dict):
        hints = typing.get_type_hints(cls)
        return cls(**{name: convert(one, hints.get(name)) for name, one in value.items()})
    if issubclass(cls, (dt.datetime, dt.date)) and isinstance(value, str):
        return cls.fromisoformat(value)
    takes_it = (
        issubclass(cls, PurePath)
        or (cls is float and type(value) is int)
        or (cls in (tuple, set, frozenset) and isinstance(value, list))
    )
    return cls(value) if takes_it else value  # type: ignore[call-arg]  # one of those above
