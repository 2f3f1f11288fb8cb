"""Import a task's file under the name it would have if it were imported from the project."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType
    from typing import Any


def load_function(file: Path, name: str, sys_path: Sequence[str]) -> Callable[..., Any]:
    """The function of that name in that file.

    Args:
        file: Absolute.
        name: The function's name at the top level of the file.
        sys_path: The project's own entries of `sys.path`; the most exact one gives the module its name.

    Raises:
        AttributeError: The file has no such function.
        Exception: Whatever importing the file raises.
    """
    module = _load(file, module_name(file, sys_path))
    function: Callable[..., Any] = getattr(module, name)
    return function


def module_name(file: Path, sys_path: Sequence[str]) -> str:
    """`tasks.train` for `<root>/tasks/train.py`; a name of its own where the path is no dotted name."""
    roots = [Path(one) for one in sys_path if Path(one) in file.parents]
    root = max(roots, key=lambda one: len(one.parts), default=file.parent)
    parts = list(file.relative_to(root).with_suffix("").parts)
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    if all(part.isidentifier() for part in parts):
        return ".".join(parts)
    return "nemorun_task_" + "_".join(part if part.isidentifier() else "x" for part in parts)


def _load(file: Path, name: str) -> ModuleType:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, AttributeError, ValueError):
        spec = None
    if spec is not None and spec.origin is not None and Path(spec.origin) == file:
        return importlib.import_module(name)
    # Another module answers to that name (an installed `tasks` package, say): take the file itself.
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
