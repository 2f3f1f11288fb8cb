"""Import a task's file under the name it would have if it were imported from the project."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from nemorun_discover.worker.exact import find_name, own_names

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

# The package of a file that cannot be imported by its place in the project.
_OWN_PACKAGE = "nemorun_tasks"
_PACKAGES = {name: sys.modules[name] for name in ("nemorun_discover", "nemorun_discover.worker")}


def load_task(job: dict[str, Any], root: Path) -> Callable[..., Any]:
    """The function that a job calls.

    Args:
        job: The content of job.json.
        root: The project's root, as the job sees it.

    Raises:
        AttributeError: There is no such function any more.
        Exception: Whatever importing its module raises.
    """
    name: str = job["function"]
    if job.get("module"):
        found: Callable[..., Any] = find_name(importlib.import_module(job["module"]), name)
        return found
    file = root / job["file"]
    if job.get("is_main"):
        return _load_from_launcher(file, name, job)
    return load_function(file, name, job["sys_path"])


def _load_from_launcher(file: Path, name: str, job: dict[str, Any]) -> Callable[..., Any]:
    wanted = {name.partition(".")[0], *own_names(job.get("exact", {}))}
    load_slice = _our_load_slice()
    module = load_slice(file, module_name(file, job["sys_path"]), sorted(wanted))
    function: Callable[..., Any] = find_name(module, name)
    return function


def _our_load_slice() -> Callable[..., ModuleType]:
    """`load_slice` of this very nemorun: the name may stand for the one of the task's interpreter by now.

    It is not imported at the top, since few jobs need it and it costs 7 ms.
    """
    others = {
        name: sys.modules.pop(name)
        for name in [*sys.modules]
        if name.partition(".")[0] == "nemorun_discover"
    }
    sys.modules.update(_PACKAGES)
    try:
        from nemorun_discover.worker.slice import load_slice  # noqa: PLC0415

        return load_slice
    finally:
        for name in (*_PACKAGES, load_slice.__module__):
            del sys.modules[name]
        sys.modules.update(others)


def load_function(file: Path, name: str, sys_path: Sequence[str]) -> Callable[..., Any]:
    """The function of that name in that file.

    Args:
        file: Absolute.
        name: The function's name in the file; with a class before it for a static method.
        sys_path: The project's own entries of `sys.path`; the most exact one gives the module its name.

    Raises:
        AttributeError: The file has no such function.
        Exception: Whatever importing the file raises.
    """
    module = _load(file, module_name(file, sys_path))
    function: Callable[..., Any] = find_name(module, name)
    return function


def module_name(file: Path, sys_path: Sequence[str]) -> str:
    """`tasks.train` for `<root>/tasks/train.py`; a name of its own where the path is no dotted name.

    A dash or a space does no harm: `import` cannot write such a name, but everything else, pickle among
    it, imports it.
    """
    roots = [Path(one) for one in sys_path if Path(one) in file.parents]
    root = max(roots, key=lambda one: len(one.parts), default=file.parent)
    parts = list(file.relative_to(root).with_suffix("").parts)
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    if parts[0] in ("__init__", "__main__") or any("." in part for part in parts):
        return f"{_OWN_PACKAGE}.{parts[-1].replace('.', '_')}"
    return ".".join(parts)


def _load(file: Path, name: str) -> ModuleType:
    if _is_found_as(name, file):
        return importlib.import_module(name)
    # Another module answers to that name (an installed `tasks` package, say), or none can have it.
    return _load_alone(file, name.rpartition(".")[2])


def _is_found_as(name: str, file: Path) -> bool:
    """True when `import name` would run this very file; nothing is run to tell."""
    first, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(first)
    except ValueError:  # a module without a spec: __main__
        return False
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return False
        # By the last part alone: a dotted name would ask for its parent, which is not imported yet.
        spec = PathFinder.find_spec(part, list(spec.submodule_search_locations))
    return spec is not None and spec.origin is not None and Path(spec.origin) == file


def _load_alone(file: Path, name: str) -> ModuleType:
    """The file in a package made for it, so that it can still import what lies beside it (`from . import x`)."""
    package = ModuleType(_OWN_PACKAGE)
    package.__path__ = [str(file.parent)]
    sys.modules[_OWN_PACKAGE] = package
    spec = importlib.util.spec_from_file_location(f"{_OWN_PACKAGE}.{name}", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
