"""Arguments by name, as a job hands them to its function; what does not fit is refused before that."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from nemorun_discover.config.nearest import hint_for
from nemorun_discover.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def named_arguments(
    function: Callable[..., Any], args: Sequence[object], kwargs: Mapping[str, object]
) -> dict[str, object]:
    """All arguments by name, in the order of the signature.

    Raises:
        UsageError: There is no such parameter, it is given twice, or it cannot be given by name.
    """
    parameters = parameters_of(function)
    positional = [
        one for one in parameters.values() if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    if len(args) > len(positional):
        raise UsageError(
            f"{name_of(function)} takes {_count(len(positional))} that can be given by name, and "
            f"{len(args)} were given by position",
            hint="a job gets every argument by name: no *args, nothing before a /",
        )
    by_position = {one.name: value for one, value in zip(positional, args, strict=False)}
    for name in kwargs:
        if name in by_position:
            raise UsageError(f"{name_of(function)} got {name!r} by position and by name")
    given = {**by_position, **kwargs}
    _check_known(function, parameters, given)
    return {name: given[name] for name in [*(one for one in parameters if one in given), *given]}


def check_complete(function: Callable[..., Any], given: Mapping[str, object]) -> None:
    """Raise UsageError when an argument is missing, unknown, or cannot be given by name."""
    parameters = parameters_of(function)
    _check_known(function, parameters, given)
    for parameter in parameters.values():
        if not _is_required(parameter) or parameter.name in given:
            continue
        if parameter.kind not in _BY_NAME:
            raise UsageError(
                f"{name_of(function)} takes {parameter.name!r} by position only, and a job gets its "
                "arguments by name",
                hint="take the / out of its signature, or wrap it in a function of your own",
            )
        raise UsageError(
            f"{name_of(function)} needs {parameter.name!r}, which is not given",
            hint=f"run.Partial({name_of(function)}, {parameter.name}=…)",
        )


def parameters_of(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The parameters of a function, by name.

    Raises:
        UsageError: It does not tell (some functions written in C).
    """
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{name_of(function)} does not tell which arguments it takes",
            hint="wrap it in a function of your own",
        ) from error


def name_of(function: object) -> str:
    """What messages call a function."""
    return str(getattr(function, "__qualname__", None) or type(function).__name__)


def _check_known(
    function: Callable[..., Any],
    parameters: Mapping[str, inspect.Parameter],
    given: Mapping[str, object],
) -> None:
    takes_any = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
    known = [one.name for one in parameters.values() if one.kind in _BY_NAME]
    for name in given:
        if name not in known and not takes_any:
            raise UsageError(
                f"{name_of(function)} has no argument {name!r}",
                hint=hint_for(name, known, what="it takes"),
            )


def _is_required(parameter: inspect.Parameter) -> bool:
    is_open = parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return parameter.default is inspect.Parameter.empty and not is_open


def _count(number: int) -> str:
    return f"{number} argument" if number == 1 else f"{number} arguments"
