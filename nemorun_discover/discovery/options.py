"""The options of `@nemorun.task`, checked."""

from __future__ import annotations

import re
from typing import Any

from nemorun_discover.discovery.filescan import ProblemError
from nemorun_discover.discovery.names import nearest

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)
_OPTIONS = ("name", "tags", "after", "inputs", "executors", "timeout", "retries")


def check_options(options: dict[str, Any], function: str, line: int) -> dict[str, Any]:
    """Return the fields of a Task that the options set, in its own types.

    Args:
        options: As they were given; None means "not given".
        function: The function's name, which is the task's unless `name` says otherwise.
        line: Where a problem is reported.

    Raises:
        ProblemError: An option is unknown, or has a wrong type or value.
    """
    for option in options:
        if option not in _OPTIONS:
            raise ProblemError(line, *_unknown(option, function))
    given = {option: value for option, value in options.items() if value is not None}
    fields: dict[str, Any] = {"name": _name(given.pop("name", function), function, line)}
    for option, value in given.items():
        if option == "timeout":
            fields["timeout_s"] = _timeout(value, function, line)
        elif option == "retries":
            fields["retries"] = _retries(value, function, line)
        else:
            fields[option] = _texts(option, value, function, line)
    return fields


def _unknown(option: str, function: str) -> tuple[str, str]:
    near = nearest(option, _OPTIONS, 1)
    hint = f"did you mean {near[0]}=?" if near else f"it knows {', '.join(_OPTIONS)}"
    return f"@nemorun.task on {function!r} has no option {option!r}", hint


def _name(value: object, function: str, line: int) -> str:
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    message = f"the task name {value!r} is not shell-safe"
    hint = "use a letter or _ first, then letters, digits and _.-"
    if value == function:
        hint += '; give one with @nemorun.task(name="...")'
    raise ProblemError(line, message, hint)


def _texts(option: str, value: object, function: str, line: int) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, (list, tuple, set, frozenset)) or not all(
        isinstance(item, str) and item.strip() for item in items
    ):
        kind = "names or functions" if option in ("after", "inputs") else "text"
        message = f"{option}= of {function!r} must be a list of {kind}, not {value!r}"
        raise ProblemError(line, message)
    ordered = sorted(items) if isinstance(items, (set, frozenset)) else items
    return tuple(dict.fromkeys(ordered))


def _timeout(value: object, function: str, line: int) -> float:
    from nemorun_discover.discovery.durations import (  # noqa: PLC0415 - few tasks have one
        DURATION_HINT,
        parse_duration_s,
    )

    if isinstance(value, str):
        try:
            return parse_duration_s(value)
        except ValueError as error:
            raise ProblemError(line, f"timeout= of {function!r}: {error}", DURATION_HINT) from error
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float("inf"):
        return float(value)
    message = f"timeout= of {function!r} must be a duration above zero, not {value!r}"
    raise ProblemError(line, message, DURATION_HINT)


def _retries(value: object, function: str, line: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    message = f"retries= of {function!r} must be a whole number from 0, not {value!r}"
    raise ProblemError(line, message)
