"""A plugin of the user's as the record keeps it, and back: the class by its place, its attributes as JSON."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.config.crashes import crash
from nemorun_discover.config.import_roots import import_roots
from nemorun_discover.errors import ConfigError, UsageError
from nemorun_discover.model.record import PluginReference
from nemorun_discover.plugins.base import Plugin
from nemorun_discover.plugins.hooks import Plugins
from nemorun_discover.worker.load import load_task

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nemorun_discover.model.task import Json

# Folders of installed code: it is imported by its name, wherever the folder lies.
_INSTALLED = frozenset({"site-packages", "dist-packages"})


def reference_of(plugin: Plugin, root: Path) -> PluginReference:
    """What the driver needs to make the same plugin again.

    Args:
        plugin: The user's plugin.
        root: The project's root.

    Raises:
        UsageError: It cannot travel: its class is not at the top level of a file, an attribute is not JSON,
            or a hook asks for arguments that there are not.
    """
    cls = type(plugin)
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None)
    if "<locals>" in cls.__qualname__:
        raise _cannot_travel(cls, "it is defined inside a function", "move it to the top level")
    if cls.__module__ == "__main__" and file is None:
        raise _cannot_travel(cls, "it was typed in, and stands in no file", "put it into a file")
    try:
        Plugins().add(plugin, cls.__name__)
    except ConfigError as error:
        raise UsageError(error.message) from error
    fields = {name: _json(cls, name, value) for name, value in _attributes(plugin).items()}
    place = _place(Path(file).resolve() if file else None, cls.__module__, root.resolve())
    return PluginReference(name=cls.__qualname__, fields=fields, **place)


def load_reference(
    reference: PluginReference, root: Path, pythonpath: Sequence[str] = ()
) -> Plugin:
    """The plugin that `reference_of` wrote down; its `__init__` is not called.

    Args:
        reference: Which.
        root: The project's root.
        pythonpath: The project's own directories on `sys.path`, relative to the root.

    Raises:
        ConfigError: Its class cannot be imported any more.
    """
    roots = import_roots(root, reference.file) if reference.file else ()
    folders = [os.path.normpath(root / one) for one in ("", *pythonpath, *roots)]
    wanted = {
        "module": reference.module,
        "file": reference.file,
        "is_main": reference.is_main,
        "function": reference.name,
        "sys_path": folders,
    }
    place = reference.module or reference.file
    try:
        with _in_front(folders):
            cls: Any = load_task(wanted, root)
    except (Exception, SystemExit) as error:  # the user's file may raise anything
        raise crash(f"plugin {reference.name}: importing it from {place}", error, None) from error
    if not (isinstance(cls, type) and issubclass(cls, Plugin)):
        raise ConfigError(f"plugin {reference.name}: it is no nemorun.Plugin in {place} any more")
    plugin = object.__new__(cls)
    for name, value in reference.fields.items():
        object.__setattr__(plugin, name, value)
    return plugin


def _attributes(plugin: Plugin) -> dict[str, object]:
    """All that the instance holds, in slots too, but the experiment, which it is told again."""
    slots = [name for cls in type(plugin).__mro__ for name in _slots(cls)]
    held = {name: getattr(plugin, name) for name in slots if hasattr(plugin, name)}
    held.update(vars(plugin))
    held.pop("experiment_id", None)
    return held


def _slots(cls: type) -> list[str]:
    slots = cls.__dict__.get("__slots__", ())
    names = [slots] if isinstance(slots, str) else list(slots)
    return [name for name in names if name not in ("__dict__", "__weakref__")]


def _json(cls: type, name: str, value: object) -> Json:
    """A copy of an attribute, when it would come back as it is: a tuple would be a list then."""
    if not _is_json(value):
        raise _cannot_travel(
            cls,
            f"its attribute {name} is {_shown(value)}, which is not JSON",
            "keep text, finite numbers, lists and dicts with text as keys, and make the rest in the hook",
        )
    return json.loads(json.dumps(value))


def _is_json(value: object) -> bool:
    if type(value) is list:
        return all(map(_is_json, value))
    if type(value) is dict:
        return all(type(key) is str and _is_json(one) for key, one in value.items())
    if type(value) is float:
        return isfinite(value)
    return value is None or type(value) in (bool, int, str)


def _shown(value: object) -> str:
    if isinstance(value, (list, dict, float)):
        return f"{value!r:.80}"
    return f"a {type(value).__module__}.{type(value).__qualname__}".replace(" builtins.", " ")


def _place(file: Path | None, module: str, root: Path) -> dict[str, Any]:
    if module == "__main__":
        return {"file": _below(file, root), "is_main": True}
    if file is None or _INSTALLED & set(file.parts):
        return {"module": module}
    # A plain module outside the project is found by its path; one of a package, by its name.
    if file.is_relative_to(root) or "." not in module:
        return {"file": _below(file, root)}
    return {"module": module}


def _below(file: Path | None, root: Path) -> str:
    if file is not None and file.is_relative_to(root):
        return file.relative_to(root).as_posix()
    return str(file)


def _cannot_travel(cls: type, why: str, hint: str) -> UsageError:
    return UsageError(
        f"plugin {cls.__qualname__}: the driver could not make it again: {why}", hint=hint
    )


@contextmanager
def _in_front(folders: Sequence[str]) -> Iterator[None]:
    """The project's folders before all others while a file is imported, and behind them afterwards.

    Behind, so that what a hook imports later is found, and a `random.py` of the project is not ours.
    """
    before = list(sys.path)
    sys.path[:0] = folders
    try:
        yield
    finally:
        sys.path[:] = [*before, *(one for one in folders if one not in before)]
