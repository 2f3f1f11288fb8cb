"""Executor factories: which one a task sees, and what comes of calling it."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import os
import sys
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.config.binding import bind
from nemorun_discover.config.check import check_executor
from nemorun_discover.config.crashes import crash, line_in
from nemorun_discover.config.import_roots import import_roots
from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.base import Executor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import ModuleType

    from nemorun_discover.config.load import Config
    from nemorun_discover.config.tree import Tree
    from nemorun_discover.model.task import Factory


def visible_factory(name: str, factories: Sequence[Factory], near: str) -> Factory | None:
    """The factory of this name that a file sees: the nearest at or above its directory.

    Args:
        name: The factory's name.
        factories: All that were found.
        near: The file, relative to the project's root; "" for the root itself.
    """
    seen = [one for one in factories if one.name == name and _is_above(one.directory, near)]
    return max(seen, key=lambda one: len(one.directory), default=None)


def call_factory(factory: Factory, arguments: Tree, config: Config) -> Executor:
    """The executor that a factory returns, checked; it is the caller's own copy.

    The module is imported once in a process. While it is imported and called, the project's root and
    its `pythonpath` are on `sys.path`, and what it prints goes to stderr.

    Args:
        factory: What to call.
        arguments: Its arguments, as a profile gives them.
        config: The project's configuration.

    Raises:
        ConfigError: Whatever goes wrong in it, in one sentence that names file and line.
    """
    place = f"{factory.file}:{factory.line}: executor factory {factory.name}"
    if not config.may_import:
        raise ConfigError(
            f"{place} is not called, because importing files of the project is forbidden",
            hint="leave out --no-import, NEMORUN_NO_IMPORT and [project] import_tasks = false",
        )
    with _project_on_path(config, factory.file):
        function = _function(factory, config, place)
        values = bind(function, arguments, config.env, factory=factory.name, place=place)
        try:
            made = function(**values)
        except (Exception, SystemExit) as error:  # the user's code may raise anything
            raise crash(place, error, config.root / factory.file) from error
    return _checked(made, place)


def _checked(made: object, place: str) -> Executor:
    if isinstance(made, Executor):
        check_executor(made, f"{place} returned {type(made).__name__}")
        return made.clone()
    if inspect.iscoroutine(made):
        made.close()
        raise ConfigError(f"{place} is asynchronous", hint="write `def`, not `async def`")
    if made is None:
        raise ConfigError(
            f"{place} returned None, not an executor", hint="did you forget `return`?"
        )
    if isinstance(made, type):
        raise ConfigError(
            f"{place} returned the class {made.__name__}, not an executor",
            hint=f"did you forget to call it: {made.__name__}()?",
        )
    kind = type(made)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    raise ConfigError(
        f"{place} returned {name}, not an executor",
        hint="return one of nemorun's executors, such as nemorun.LocalExecutor()",
    )


def _function(factory: Factory, config: Config, place: str) -> Callable[..., Any]:
    module = _module(config.root / factory.file, factory.file)
    function = getattr(module, factory.name, None)
    if not callable(function):
        raise ConfigError(f"{place}: the module has no function of this name once it is imported")
    return function  # type: ignore[no-any-return]  # callable() does not tell mypy what of


def _module(path: Path, shown: str) -> ModuleType:
    """The module of an executors.py, imported under a name that no other file can have."""
    name = f"_nemorun_executors_{hashlib.sha256(str(path).encode(errors='surrogateescape')).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{shown}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        del sys.modules[name]
        line = line_in(path, error)
        place = f"{shown}:{line}: importing it" if line else f"{shown}: importing it"
        raise crash(place, error, None) from error
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextmanager
def _project_on_path(config: Config, file: str) -> Iterator[None]:
    before = list(sys.path)
    entries = (*config.project.pythonpath, *import_roots(config.root, file))
    folders = (config.root, *(config.root / one for one in entries))
    sys.path[:0] = [os.path.normpath(folder) for folder in folders]
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        sys.path[:] = before


def _is_above(directory: str, near: str) -> bool:
    return not directory or Path(near).is_relative_to(directory)
