"""What the decorators of one function say: raw values, not yet checked."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nemorun_discover.discovery.filescan import ComputedError, ProblemError
from nemorun_discover.discovery.literals import NotStaticError, evaluate
from nemorun_discover.discovery.outline import mark_of
from nemorun_discover.discovery.scope import TASK

if TYPE_CHECKING:
    from nemorun_discover.discovery.scope import Function, Names

_ARGUMENTS = ("names", "values", "ids")


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One `@nemorun.parametrize` as it is called."""

    line: int
    names: Any
    values: Any
    ids: Any = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Marks:
    """The options of `@nemorun.task`, and the `@nemorun.parametrize` from the top down."""

    line: int
    options: dict[str, Any]
    cases: tuple[Case, ...] = ()


class Typed:
    """A value that only its parameter's annotation turns back into what it was: an enum, a path."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __repr__(self) -> str:
        return repr(self.value)


def read_marks(function: Function, names: Names) -> Marks:
    """Read the decorators of a marked function.

    Raises:
        ProblemError: They are not used as they must be.
        ComputedError: An argument is more than a literal.
    """
    tasks: list[ast.expr] = []
    cases: list[Case] = []
    for decorator in function.decorator_list:
        origin = mark_of(decorator, names)
        if origin in TASK:
            tasks.append(decorator)
        elif origin is not None:
            cases.append(_case(decorator, names))
    if not tasks:
        message = f"{function.name!r} has @nemorun.parametrize, but not @nemorun.task"
        raise ProblemError(function.lineno, message)
    if len(tasks) > 1:
        raise ProblemError(tasks[1].lineno, f"{function.name!r} has @nemorun.task twice")
    return Marks(line=tasks[0].lineno, options=_options(tasks[0], names), cases=tuple(cases))


def _options(decorator: ast.expr, names: Names) -> dict[str, Any]:
    if not isinstance(decorator, ast.Call):
        return {}
    if decorator.args:
        message = "@nemorun.task takes its options by keyword"
        raise ProblemError(decorator.lineno, message, 'write @nemorun.task(name="...")')
    return {
        name: _tasks(name, value, names)
        if name in ("after", "inputs")
        else _value(name, value, names)
        for name, value in _keywords(decorator).items()
    }


def _case(decorator: ast.expr, names: Names) -> Case:
    hint = 'write @nemorun.parametrize("lr", [0.1, 0.01])'
    if not isinstance(decorator, ast.Call):
        message = "@nemorun.parametrize needs the parameter's name and its values"
        raise ProblemError(decorator.lineno, message, hint)
    if any(isinstance(argument, ast.Starred) for argument in decorator.args):
        raise ComputedError(decorator.lineno, "the arguments of @nemorun.parametrize are computed")
    given = {**dict(zip(_ARGUMENTS[:2], decorator.args, strict=False)), **_keywords(decorator)}
    if len(decorator.args) > len(_ARGUMENTS) - 1 or not {"names", "values"} <= given.keys():
        message = "@nemorun.parametrize takes the parameter's name, its values and ids="
        raise ProblemError(decorator.lineno, message, hint)
    unknown = sorted(given.keys() - set(_ARGUMENTS))
    if unknown:
        message = f"@nemorun.parametrize has no option {unknown[0]!r}; it knows ids"
        raise ProblemError(decorator.lineno, message)
    values = {name: _value(name, value, names) for name, value in given.items()}
    return Case(line=decorator.lineno, **values)


def _keywords(call: ast.Call) -> dict[str, ast.expr]:
    keywords = {each.arg: each.value for each in call.keywords if each.arg is not None}
    if len(keywords) < len(call.keywords):
        raise ComputedError(call.lineno, "the options of a decorator are computed")
    return keywords


def _value(name: str, node: ast.expr, names: Names) -> Any:  # noqa: ANN401 - any literal
    try:
        return evaluate(node, names)
    except NotStaticError as error:
        raise ComputedError(node.lineno, f"{name}= on line {node.lineno} is computed") from error


def _tasks(option: str, node: ast.expr, names: Names) -> Any:  # noqa: ANN401 - any literal
    """Read `after` or `inputs`, where a task may also be given as the function itself."""
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_reference(item, names) or _value(option, item, names) for item in node.elts]
    return _reference(node, names) or _value(option, node, names)


def _reference(node: ast.expr, names: Names) -> str | None:
    """Return `::train` for a function of this file, `tasks.prep:prepare` for an imported one."""
    if isinstance(node, ast.Name) and node.id in names.functions:
        return f"::{node.id}"
    origin = names.origin(node)
    if origin is None or origin.startswith("builtins.") or "." not in origin:
        return None
    module, _, function = origin.rpartition(".")
    return f"{module}:{function}"
