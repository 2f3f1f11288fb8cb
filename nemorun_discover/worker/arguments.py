"""From the JSON of job.json to the arguments a task's annotations ask for."""

from __future__ import annotations

import enum
import sys
from collections import abc
from pathlib import PurePath

from nemorun_discover.worker.annotations import hints_of, plain_hints_of, unwrap
from nemorun_discover.worker.exact import decode

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def bind(
    function: Callable[..., Any], params: dict[str, Any], exact: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Keyword arguments for the function.

    Args:
        function: The task.
        params: JSON values by name; they were checked before the job was launched.
        exact: Values by name in a form that needs no annotation; they win.

    Returns:
        The values as the annotations name them: Path, Enum, dataclass, tuple, set, datetime; what has no
        annotation, or one that cannot be evaluated here, stays as it came.

    Raises:
        ValueError: A value does not fit its annotation after all.
    """
    exact = exact or {}
    bound = _by_annotations(
        function, {name: value for name, value in params.items() if name not in exact}
    )
    if not exact:
        return bound
    own = sys.modules.get(function.__module__)
    exactly = {name: decode(value, own) for name, value in exact.items()}
    return {name: exactly[name] if name in exact else bound[name] for name in {**params, **exact}}


def _by_annotations(function: Callable[..., Any], params: dict[str, Any]) -> dict[str, Any]:
    plain = plain_hints_of(function)
    if plain is not None:
        return {
            name: _convert_class(value, plain.get(name, object)) for name, value in params.items()
        }
    hints = hints_of(function)
    return {name: convert(value, hints.get(name)) for name, value in params.items()}


def convert(value: Any, hint: Any) -> Any:  # noqa: ANN401 - JSON in, whatever the annotation says out
    """One value as its annotation asks for it."""
    import typing  # noqa: PLC0415 - 5 ms that plain annotations do not cost

    hint = unwrap(hint)
    if value is None or hint is None:
        return value
    origin = typing.get_origin(hint)
    if origin is not None:
        return _convert_generic(value, origin, typing.get_args(hint))
    return _convert_class(value, hint) if isinstance(hint, type) else value


def _convert_generic(value: Any, origin: Any, args: tuple[Any, ...]) -> Any:  # noqa: ANN401
    if origin in _unions():
        return _convert_union(value, [one for one in args if one is not type(None)])
    if not isinstance(origin, type):
        return value
    if isinstance(value, list) and args:
        items = _item_types(origin, args, len(value))
        return _collected([convert(one, item) for one, item in zip(value, items)], origin)
    if isinstance(value, dict) and len(args) > 1:
        return {_convert_key(key, args[0]): convert(one, args[1]) for key, one in value.items()}
    return _convert_class(value, origin)


def _unions() -> tuple[Any, ...]:
    import typing  # noqa: PLC0415 - likewise

    return (typing.Union, getattr(sys.modules["types"], "UnionType", typing.Union))


def _item_types(origin: type, args: tuple[Any, ...], count: int) -> tuple[Any, ...]:
    if origin is not tuple or args[1:] == (...,):
        return args[:1] * count
    items = () if args == ((),) else args  # Python 3.9 has ((),) for tuple[()]
    if len(items) != count:
        raise ValueError(f"{count} values for a tuple of {len(items)}")
    return items


def _collected(values: list[Any], cls: type) -> Any:  # noqa: ANN401
    if cls in (tuple, frozenset):
        return cls(values)
    return set(values) if issubclass(cls, abc.Set) else values


def _convert_key(key: str, hint: Any) -> Any:  # noqa: ANN401 - text in: JSON has no other keys
    if hint is bool:
        return key.lower() == "true"
    return hint(key) if hint in (int, float) else convert(key, hint)


def _convert_union(value: Any, members: list[Any]) -> Any:  # noqa: ANN401
    """The value as it is, where a member takes it so; else as the first member that it can become."""
    if len(members) == 1:
        return convert(value, members[0])
    if any(type(value) is member for member in members):
        return value
    for member in members:
        try:
            made = convert(value, member)
        except (TypeError, ValueError):
            continue
        if _is_one(made, unwrap(member)):
            return made
    return value


def _is_one(value: Any, hint: Any) -> bool:  # noqa: ANN401
    import typing  # noqa: PLC0415 - likewise

    origin = typing.get_origin(hint) or hint
    if origin is typing.Literal:
        return any(type(value) is type(one) and value == one for one in typing.get_args(hint))
    try:
        return not isinstance(origin, type) or isinstance(value, origin)
    except TypeError:  # a Protocol that cannot tell
        return True


def _convert_class(value: Any, cls: type) -> Any:  # noqa: ANN401
    if issubclass(cls, enum.Enum):
        return cls[value] if isinstance(value, str) and value in cls.__members__ else cls(value)
    if hasattr(cls, "__dataclass_fields__") and isinstance(value, dict):
        hints = hints_of(cls)
        return cls(**{name: convert(one, hints.get(name)) for name, one in value.items()})
    if isinstance(value, list):
        return _collected(value, cls)
    if isinstance(value, str):
        return _convert_text(value, cls)
    return float(value) if cls is float and type(value) is int else value


def _convert_text(text: str, cls: type) -> Any:  # noqa: ANN401
    if issubclass(cls, PurePath):
        return cls(text)
    known = sys.modules.get("datetime")  # whoever annotates with it has imported it
    kind: Any = cls
    if known is None or not issubclass(cls, (known.date, known.time)):
        return text
    has_zone = text[-1:] in ("Z", "z") and hasattr(
        cls, "utcoffset"
    )  # before Python 3.11 it is not read
    return kind.fromisoformat(text[:-1] + "+00:00" if has_zone else text)
