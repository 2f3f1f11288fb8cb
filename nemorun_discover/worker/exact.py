"""Values in a form that needs no annotation to come back as they were: tagged JSON.

`api/exactly.py` writes it, the worker reads it. What JSON holds as it is stays so; everything else is an
object with `$type`.
"""

from __future__ import annotations

import importlib
import pathlib

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType
    from typing import Any

MARK = "$type"
CLASS = "class"
COLLECTIONS: dict[str, Callable[[Iterable[Any]], Any]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
}
_DATES = ("datetime", "date", "time")


def decode(value: Any, own: ModuleType | None) -> Any:  # noqa: ANN401 - JSON in, anything out
    """The value that was written so.

    Args:
        value: Tagged JSON.
        own: The task's module: where classes without a module of their own are looked for.

    Raises:
        AttributeError: A class is not there any more.
        ImportError: Its module is not.
    """
    if isinstance(value, list):
        return [decode(one, own) for one in value]
    if not isinstance(value, dict):
        return value
    if MARK not in value:
        return _decoded(value, own)
    return _READERS[value[MARK]](value, own)


def own_names(value: Any) -> set[str]:  # noqa: ANN401 - tagged JSON
    """The names at the top level of the task's module that the value's classes need."""
    if isinstance(value, list):
        return set().union(*map(own_names, value))
    if not isinstance(value, dict):
        return set()
    names: set[str] = set().union(*map(own_names, value.values()))
    if MARK in value and CLASS in value and not value[CLASS][0]:
        names.add(value[CLASS][1].partition(".")[0])
    return names


def find_class(reference: list[str], own: ModuleType | None) -> Any:  # noqa: ANN401 - a class
    """The class that `[module, qualified name]` means; without a module, in the task's own."""
    module, name = reference
    return find_name(importlib.import_module(module) if module else own, name)


def find_name(owner: object, name: str) -> Any:  # noqa: ANN401 - whatever it names
    """What a dotted name means in a module."""
    for part in name.split("."):
        owner = getattr(owner, part)
    return owner


def _decoded(items: dict[str, Any], own: ModuleType | None) -> dict[str, Any]:
    return {key: decode(one, own) for key, one in items.items()}


def _enum(value: dict[str, Any], own: ModuleType | None) -> Any:  # noqa: ANN401
    cls = find_class(value[CLASS], own)
    return cls[value["name"]] if "name" in value else cls(decode(value["value"], own))


def _date(value: dict[str, Any], _own: ModuleType | None) -> Any:  # noqa: ANN401
    made = getattr(importlib.import_module("datetime"), value[MARK]).fromisoformat(value["value"])
    if "zone" not in value:
        return made
    return made.replace(tzinfo=importlib.import_module("zoneinfo").ZoneInfo(value["zone"]))


def _dataclass(value: dict[str, Any], own: ModuleType | None) -> Any:  # noqa: ANN401
    """Made by its own __init__, where that asks for nothing but fields; then field by field as it was."""
    cls = find_class(value[CLASS], own)
    fields = _decoded(value["fields"], own)
    known = cls.__dataclass_fields__
    wanted = {name: one for name, one in fields.items() if known[name].init}
    made = cls(**wanted) if _is_made_of_fields(cls) else object.__new__(cls)
    for name, one in fields.items():
        object.__setattr__(made, name, one)
    return made


def _is_made_of_fields(cls: Any) -> bool:  # noqa: ANN401
    kinds = {field._field_type.name for field in cls.__dataclass_fields__.values()}  # noqa: SLF001 - no other way to ask for an InitVar
    return cls.__dataclass_params__.init and "_FIELD_INITVAR" not in kinds


def _collection(value: dict[str, Any], own: ModuleType | None) -> Any:  # noqa: ANN401
    return COLLECTIONS[value[MARK]](decode(one, own) for one in value["items"])


_READERS: dict[str, Callable[[dict[str, Any], Any], Any]] = {
    "int": lambda value, _: int(value["value"], 16),
    "float": lambda value, _: float(value["value"]),
    "path": lambda value, _: getattr(pathlib, value["kind"])(value["value"]),
    "dict": lambda value, own: _decoded(value["items"], own),
    "enum": _enum,
    "dataclass": _dataclass,
    **dict.fromkeys(COLLECTIONS, _collection),
    **dict.fromkeys(_DATES, _date),
}
