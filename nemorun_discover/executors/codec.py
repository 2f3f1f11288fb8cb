"""Executors to JSON and back, for records and for the jobs themselves."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.base import Executor
from nemorun_discover.executors.kinds import FAMILIES, class_of
from nemorun_discover.executors.launchers import Launcher
from nemorun_discover.executors.settings import FAMILY, MANY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.model.task import Json


def executor_to_dict(executor: Executor) -> dict[str, Json]:
    """An executor as JSON: `{"kind": "local", ...}`, with a table of its own for each nested part.

    Values are as they are, secrets among `env_vars` too: see `masked` in secrets.py.

    Raises:
        ConfigError: A field holds something that JSON cannot, or settings that no kind has.
    """
    return _table(executor, "executor", type(executor).__name__)


def executor_from_dict(table: Mapping[str, Json]) -> Executor:
    """The executor that `executor_to_dict` wrote; values are taken as they are.

    Raises:
        ConfigError: An unknown kind, an unknown field, or a required field that is missing.
    """
    executor = _settings(table, "executor")
    if not isinstance(executor, Executor):
        raise TypeError(f"{executor!r} is not an executor")
    return executor


def launcher_of(executor: Executor) -> Launcher | None:
    """The executor's launcher as settings; None for the command itself.

    Raises:
        ConfigError: The launcher is named by a word that is no kind.
    """
    launcher = executor.launcher
    if not isinstance(launcher, str):
        return launcher
    if launcher == "default":
        return None
    named = class_of("launcher", launcher)()
    return named if isinstance(named, Launcher) else None


def _table(settings: object, family: str, place: str) -> dict[str, Json]:
    kind = getattr(settings, "kind", None)
    if kind not in FAMILIES[family] or not isinstance(settings, class_of(family, str(kind))):
        raise ConfigError(
            f"{place}: {type(settings).__name__} is no kind of {family}",
            hint=f"the kinds are {', '.join(FAMILIES[family])}",
        )
    table: dict[str, Json] = {"kind": kind}
    # The fields of the kind's own class: what a user's subclass adds is not part of the settings.
    for item in fields(class_of(family, str(kind))):
        value = getattr(settings, item.name)
        table[item.name] = _value(value, item.metadata, f"{place}.{item.name}")
    return table


def _value(value: object, metadata: Mapping[str, Any], place: str) -> Json:
    family = metadata.get(FAMILY)
    if family is None or value is None or isinstance(value, str):
        return _json(value, place)
    if metadata.get(MANY) and isinstance(value, dict):
        return {name: _table(item, family, f"{place}.{name}") for name, item in value.items()}
    return _table(value, family, place)


def _json(value: object, place: str) -> Json:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, (list, tuple)):
        return [_json(item, f"{place}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _json(item, f"{place}.{key}") for key, item in value.items()}
    raise ConfigError(
        f"{place}: {type(value).__name__} cannot be written as JSON",
        hint="use text, numbers, lists and tables with text as keys",
    )


def _settings(table: Mapping[str, Json], family: str) -> object:
    kind = str(table.get("kind", ""))
    of = class_of(family, kind)
    by_name = {item.name: item for item in fields(of)}
    arguments = {}
    for key, value in table.items():
        if key == "kind":
            continue
        if key not in by_name:
            raise ConfigError(f"{family} {kind}: unknown field {key!r}")
        arguments[key] = _part(value, by_name[key].metadata)
    try:
        return of(**arguments)
    except TypeError as error:  # a required field is missing: the constructor's words name it
        raise ConfigError(f"{family} {kind}: {error}") from error


def _part(value: Json, metadata: Mapping[str, Any]) -> object:
    family = metadata.get(FAMILY)
    if family is None or not isinstance(value, dict):
        return value
    if metadata.get(MANY):
        return {name: _settings(item, family) for name, item in value.items()}
    return _settings(value, family)
