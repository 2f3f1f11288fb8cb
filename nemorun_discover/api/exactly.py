"""From an argument to tagged JSON, which the worker reads back as it was (see worker/exact.py)."""

from __future__ import annotations

import dataclasses
import enum
import math
import pathlib
import sys
import types
from typing import TYPE_CHECKING, Any

from nemorun_discover.worker.exact import CLASS, MARK, find_name

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST_PLAIN_INT = 2**63 - 1  # larger ones are not read alike by every reader of JSON
_PURE_PATHS = ("PurePosixPath", "PureWindowsPath")


def encode(value: object, where: str, own: str) -> Any:  # noqa: ANN401 - JSON
    """The value as tagged JSON.

    Args:
        value: A value of Python's own types, a Path, Enum, dataclass, date, or a scalar of numpy.
        where: What messages call it.
        own: The module of the task: a class of that module is looked for there, whatever the module is
            called in the job.

    Raises:
        TypeError: It cannot be written; the message begins with `where` and the way into the value.
    """
    value = plain_scalar(value)
    kind = type(value)
    if value is None or kind in (bool, str):
        return value
    for accepts, write in _WRITERS:
        if accepts(value, kind):
            return write(value, where, own)
    raise TypeError(f"{where} is {described(value)}, which cannot travel to a job")


def plain_scalar(value: object) -> object:
    """A scalar of numpy as Python's own; anything else as it is."""
    numpy = sys.modules.get("numpy")  # whoever made such a value has imported it
    if numpy is None or not isinstance(value, numpy.generic):
        return value
    return value.item()


def described(value: object) -> str:
    """What kind of thing a value is, for a sentence."""
    if isinstance(value, types.FunctionType):
        return "a lambda" if value.__name__ == "<lambda>" else f"the function {value.__name__}"
    if hasattr(value, "fileno") and hasattr(value, "close"):
        return f"an open file ({type(value).__name__})"
    name = type(value).__name__
    module = type(value).__module__.partition(".")[0]
    shown = name if module in ("builtins", "__main__") else f"{module}.{name}"
    return f"{'an' if shown[0].lower() in 'aeiou' else 'a'} {shown}"


def _int(value: Any, _where: str, _own: str) -> Any:  # noqa: ANN401 - one signature for every writer
    if abs(value) <= LARGEST_PLAIN_INT:
        return value
    return {MARK: "int", "value": hex(value)}


def _float(value: Any, _where: str, _own: str) -> Any:  # noqa: ANN401
    return value if math.isfinite(value) else {MARK: "float", "value": repr(value)}


def _enum(value: Any, where: str, own: str) -> Any:  # noqa: ANN401
    written = {MARK: "enum", CLASS: _reference(type(value), where, own)}
    if value.name in type(value).__members__:
        return {**written, "name": value.name}
    return {**written, "value": encode(value.value, f"{where}.value", own)}


def _path(value: Any, _where: str, _own: str) -> Any:  # noqa: ANN401
    name = type(value).__name__
    return {MARK: "path", "kind": name if name in _PURE_PATHS else "Path", "value": str(value)}


def _is_path(value: object, kind: type) -> bool:
    return isinstance(value, pathlib.PurePath) and getattr(pathlib, kind.__name__, None) is kind


def _list(value: Any, where: str, own: str) -> Any:  # noqa: ANN401
    return [encode(one, f"{where}[{index}]", own) for index, one in enumerate(value)]


def _collection(value: Any, where: str, own: str) -> Any:  # noqa: ANN401
    items = _list(value, where, own)
    kind = type(value).__name__
    return {MARK: kind, "items": items if kind == "tuple" else sorted(items, key=repr)}


def _dict(value: Any, where: str, own: str) -> Any:  # noqa: ANN401
    for key in value:
        if type(key) is not str:
            raise TypeError(
                f"{where} has the key {key!r}, and only text can be a key on the way to a job"
            )
    items = {key: encode(one, f"{where}[{key!r}]", own) for key, one in value.items()}
    return {MARK: "dict", "items": items} if MARK in items else items


def _is_date(_value: object, kind: type) -> bool:
    known = sys.modules.get("datetime")
    return known is not None and kind in (known.datetime, known.date, known.time)


def _date(value: Any, _where: str, _own: str) -> Any:  # noqa: ANN401
    written = {MARK: type(value).__name__, "value": value.isoformat()}
    zone = getattr(getattr(value, "tzinfo", None), "key", None)
    return {**written, "zone": zone} if zone else written


def _is_dataclass(_value: object, kind: type) -> bool:
    return hasattr(kind, "__dataclass_fields__")


def _dataclass(value: Any, where: str, own: str) -> Any:  # noqa: ANN401
    names = [field.name for field in dataclasses.fields(value)]
    return {
        MARK: "dataclass",
        CLASS: _reference(type(value), where, own),
        "fields": {name: encode(getattr(value, name), f"{where}.{name}", own) for name in names},
    }


def _reference(cls: type, where: str, own: str) -> list[str]:
    if not _is_importable(cls):
        raise TypeError(
            f"{where} is of the class {cls.__qualname__}, which cannot be imported by that name"
        )
    if cls.__module__ == own:
        return ["", cls.__qualname__]
    if cls.__module__ == "__main__":
        raise TypeError(
            f"{where} is of the class {cls.__qualname__}, which the launching script defines, and the "
            "task is not defined there"
        )
    return [cls.__module__, cls.__qualname__]


def _is_importable(cls: type) -> bool:
    try:
        return find_name(sys.modules.get(cls.__module__), cls.__qualname__) is cls
    except AttributeError:
        return False


_WRITERS: tuple[tuple[Callable[[Any, type], bool], Callable[[Any, str, str], Any]], ...] = (
    (lambda _, kind: kind is int, _int),
    (lambda _, kind: kind is float, _float),
    (lambda value, _: isinstance(value, enum.Enum), _enum),
    (_is_path, _path),
    (lambda _, kind: kind is list, _list),
    (lambda _, kind: kind in (tuple, set, frozenset), _collection),
    (lambda _, kind: kind is dict, _dict),
    (_is_date, _date),
    (_is_dataclass, _dataclass),
)
