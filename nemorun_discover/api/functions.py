"""Where a function can be found again by a job: in a file of the project, in the script, in a module."""

from __future__ import annotations

import inspect
import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.api.signature import name_of
from nemorun_discover.errors import UsageError
from nemorun_discover.worker.exact import find_name
from nemorun_discover.worker.slice import MissingName, slice_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

MAIN = "__main__"
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_TO_TOP_LEVEL = "define it with `def` at the top level of a file; its arguments can carry the rest"


@dataclass(frozen=True, kw_only=True, slots=True)
class FunctionPlace:
    """Where a function is, as a job's record says it; see `model.job.Job`."""

    function: str
    file: str = ""
    module: str | None = None
    is_main: bool = False


def place_of(function: Callable[..., Any], root: Path) -> FunctionPlace:
    """Where a job finds the function.

    Args:
        function: A function, or a static method.
        root: The project's root.

    Raises:
        UsageError: No other process could find it by a name.
    """
    _refuse_what_has_no_name(function)
    module, name = _home_of(function)
    file = _file_of(module)
    if module.__name__ == MAIN:
        if file is None:
            raise UsageError(
                f"{name} was typed in an interactive session, where a job cannot find it",
                hint="put it in a file, and import it from there",
            )
        return FunctionPlace(function=name, file=_in_project(file, root) or str(file), is_main=True)
    inside = None if file is None or is_installed(file) else _in_project(file, root)
    if inside is None:
        return FunctionPlace(function=name, module=module.__name__)
    return FunctionPlace(function=name, file=inside)


def check_slice(place: FunctionPlace, root: Path, names: Iterable[str]) -> None:
    """Raise UsageError when the launching script has not all that the function needs outside its main part.

    Args:
        place: Where the function is.
        root: The project's root.
        names: What else of the script its arguments need.
    """
    if not place.is_main:
        return
    file = root / place.file
    try:
        slice_of(file.read_bytes(), [place.function.partition(".")[0], *names], str(file))
    except MissingName as missing:
        where = (
            f"only under the `if __name__ == …` of {place.file}:{missing.line}"
            if missing.line
            else f"not at the top level of {place.file}"
        )
        raise UsageError(
            f"{place.function} needs {missing.name}, which is defined {where}",
            hint="a job does not run that part: move the definition above it, or make it an argument",
        ) from missing


def real_file(module: ModuleType) -> Path | None:
    """Where a module's file is, however it was spelled: `../l.py` or a path through a linked directory is that file.

    The file's own name is kept, also where it is a link. None where there is no file.
    """
    file = getattr(module, "__file__", None)
    if not file or not Path(file).is_file():
        return None
    return Path(os.path.realpath(Path(file).parent), Path(file).name)


def is_installed(file: Path) -> bool:
    """True for what an interpreter brings along: its library, and what is installed for it."""
    library = Path(sysconfig.get_path("stdlib"))
    return not _INSTALLED.isdisjoint(file.parts) or library in file.parents


def _refuse_what_has_no_name(function: Callable[..., Any]) -> None:
    name = name_of(function)
    if getattr(function, "__name__", "") == "<lambda>":
        raise UsageError("a lambda has no name that a job could find it by", hint=_TO_TOP_LEVEL)
    if inspect.ismethod(function):
        raise UsageError(
            f"{name} is a method bound to an object, and the object does not travel",
            hint=_TO_TOP_LEVEL,
        )
    if inspect.isclass(function):
        raise UsageError(
            f"{name} is a class, and a task is a function", hint="add a function that makes one"
        )
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise UsageError(
            f"{name} is a generator, which cannot be a task: a call runs no line of it",
            hint="take out `yield`: return a list, or loop over a generator in the task",
        )
    if not hasattr(function, "__name__"):
        raise UsageError(
            f"a {type(function).__name__} cannot be added: a task is a function or a run.Script",
            hint="run.Partial(function, name=value), or run.Script(path)",
        )


def _home_of(function: Callable[..., Any]) -> tuple[ModuleType, str]:
    """The module and the name in it that mean this very function."""
    for module in (sys.modules.get(str(function.__module__)), sys.modules[MAIN]):
        if module is None:
            continue
        for name in (function.__qualname__, *_names_in(module, function)):
            if _means(module, name, function):
                return module, name
    if "<locals>" in function.__qualname__:
        raise UsageError(
            f"{function.__name__} is defined inside another function, where a job cannot find it",
            hint=_TO_TOP_LEVEL,
        )
    raise UsageError(
        f"{function.__module__}.{function.__qualname__} means another object than the function that was "
        "added, so a job could not find it",
        hint="give a decorated function its own name: `train = decorate(train)`",
    )


def _names_in(module: ModuleType, function: object) -> list[str]:
    return [name for name, value in list(vars(module).items()) if value is function]


def _means(module: ModuleType, name: str, function: object) -> bool:
    try:
        return find_name(module, name) is function
    except AttributeError:
        return False


def _file_of(module: ModuleType) -> Path | None:
    return real_file(module)


def _in_project(file: Path, root: Path) -> str | None:
    """The file relative to the root; None when it lies elsewhere."""
    for one in (file, file.resolve()):
        for base in (root, root.resolve()):
            if base in one.parents:
                return one.relative_to(base).as_posix()
    return None
