"""Runs in a child interpreter: imports one file and says what its decorators or annotations are.

Started by its path; beside the file it imports the standard library only. The request is argv[1]
(JSON); the answer goes to the file descriptor named there, so nothing the file prints gets into it.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import os
import sys
import traceback
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

TASK_MARK = "__nemorun_task__"
PARAMETRIZE_MARK = "__nemorun_parametrize__"


def main() -> None:
    """Answer the request in argv[1]."""
    request = json.loads(sys.argv[1])
    # The end of the path: what the file imports comes first, ours (nemorun itself) last.
    sys.path[:] = [*request["path"], *sys.path, request["own"]]
    file = str(Path(request["root"], request["file"]))
    try:
        module = _load(file, request["path"])
        answer = (
            {"tasks": _marked(module, file)}
            if request["function"] is None
            else {"types": _types(getattr(module, request["function"]))}
        )
    except BaseException as error:  # noqa: BLE001 - whatever the file raises is the answer
        answer = {"error": _explain(error, file)}
    with os.fdopen(request["answer"], "w", encoding="utf-8") as stream:
        json.dump(answer, stream)
    # Threads that the file left running must not keep the answer waiting.
    os._exit(0)


def _types(function: Any) -> dict[str, Any]:  # noqa: ANN401 - what the module holds
    sys.path.append(str(Path(__file__).parent))
    reader = importlib.import_module("_describe_types")  # not needed to read marks
    types: dict[str, Any] = reader.parameter_types(inspect.unwrap(function))
    return types


def _load(file: str, path: list[str]) -> Any:  # noqa: ANN401 - a module
    """Import the file under the name it has when its project imports it."""
    name = _module_name(Path(file), path)
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, AttributeError, ValueError):
        spec = None
    if spec is not None and spec.origin == file:
        return importlib.import_module(name)
    # Another module answers to that name: an installed `tasks` package, say.
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _module_name(file: Path, path: list[str]) -> str:
    roots = [Path(entry) for entry in path if Path(entry) in file.parents]
    root = max(roots, key=lambda one: len(one.parts), default=file.parent)
    parts = list(file.relative_to(root).with_suffix("").parts)
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    if all(part.isidentifier() for part in parts):
        return ".".join(parts)
    return "nemorun_task_file"


def _explain(error: BaseException, file: str) -> dict[str, Any]:
    """Name an exception, and the last line of the file that led to it."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == file]
    text = traceback.format_exception_only(type(error), error)[-1].strip()
    if isinstance(error, SyntaxError):
        text = f"{type(error).__name__}: {error}"
    return {"line": lines[-1] if lines else 0, "text": " ".join(text.split())}


def _marked(module: Any, file: str) -> list[Any]:  # noqa: ANN401 - a module
    """Describe the marked functions; one that is bound to two names counts under its own."""
    tasks: dict[int, tuple[str, Any]] = {}
    for name, value in list(vars(module).items()):
        function = _function_in(value, file)
        if function is None or not isinstance(getattr(value, TASK_MARK, None), dict):
            continue
        if id(function) not in tasks or name == function.__name__:
            tasks[id(function)] = (name, value)
    return [_describe(name, value, file) for name, value in tasks.values()]


def _function_in(value: Any, file: str) -> Any:  # noqa: ANN401 - anything a module holds
    """Return the function below any `functools.wraps`, when its `def` is in the file."""
    if not callable(value) or isinstance(value, type):
        return None
    function = inspect.unwrap(value)
    code = getattr(function, "__code__", None)
    return function if code is not None and code.co_filename == file else None


def _describe(name: str, value: Any, file: str) -> dict[str, Any]:  # noqa: ANN401 - a function
    options = dict(getattr(value, TASK_MARK))
    for option in ("after", "inputs"):
        if option in options:
            options[option] = _references(options[option], file)
    # Each decorator appended its case, the nearest first; from the top down is what is wanted.
    cases = reversed(getattr(value, PARAMETRIZE_MARK, ()))
    return {
        "function": name,
        "first_line": inspect.unwrap(value).__code__.co_firstlineno,
        "options": {option: _plain(given) for option, given in options.items()},
        "cases": [[_plain(part) for part in case] for case in cases],
    }


def _references(given: Any, file: str) -> Any:  # noqa: ANN401 - what the user wrote
    items = given if isinstance(given, (list, tuple, set, frozenset)) else [given]
    return [_reference(item, file) for item in items]


def _reference(item: Any, file: str) -> Any:  # noqa: ANN401 - what the user wrote
    if not inspect.isfunction(item):
        return item
    if _function_in(item, file) is not None:
        return f"::{item.__name__}"
    return f"{item.__module__}:{item.__name__}"


def _plain(value: Any) -> list[Any]:  # noqa: ANN401 - what the user wrote
    """Return a value as JSON that says what it was: [tag, content]."""
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Enum):
        return ["enum", value.name, _plain(value.value)]
    if value is None or isinstance(value, (bool, int, float, str)):
        return ["=", value]
    if isinstance(value, PurePath):
        return ["typed", ["=", str(value)]]
    if is_dataclass(value) and not isinstance(value, type):
        return ["typed", _pairs((each.name, getattr(value, each.name)) for each in fields(value))]
    return _plain_container(value)


def _plain_container(value: Any) -> list[Any]:  # noqa: ANN401 - what the user wrote
    if isinstance(value, (list, tuple, range)):
        return ["[]", [_plain(item) for item in value]]
    if isinstance(value, (set, frozenset)):
        return ["[]", [_plain(item) for item in sorted(value, key=repr)]]
    if isinstance(value, dict):
        return _pairs(value.items())
    return ["repr", repr(value)]


def _pairs(items: Iterable[tuple[Any, Any]]) -> list[Any]:
    return ["{}", [[_plain(key), _plain(item)] for key, item in items]]


if __name__ == "__main__":
    main()
