"""Rules for single values that their types do not say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nemorun_discover.discovery.durations import DURATION_HINT, parse_duration_s
from nemorun_discover.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
"""Names of profiles and tasks: no shell, no glob and no expression gives these a meaning."""

BUILT_IN = "local"
"""The profile that exists without being written."""

_WORDS_OF_EXPRESSIONS = ("and", "or", "not")


def check_name(name: str, place: str, what: str) -> None:
    """Refuse a name that a shell or a `-e` expression would take for something else.

    Raises:
        ConfigError: The name is not made of letters, digits, `_`, `-` and `.`, or is `and`, `or`, `not`.
    """
    if SAFE_NAME.fullmatch(name) and name not in _WORDS_OF_EXPRESSIONS:
        return
    raise ConfigError(
        f"{place}: {name!r} cannot be the name of a {what}",
        hint="use letters, digits, _, - and ., and none of the words and, or, not",
    )


def seconds(value: float | str | None, place: str) -> float | None:
    """A duration in seconds: a number, or text such as "90s", "30m", "2h", "1:30:00"; None for none.

    Raises:
        ConfigError: It is not a duration, or not more than nothing.
    """
    if value is None:
        return None
    duration_s = _parsed(value, place) if isinstance(value, str) else float(value)
    if duration_s <= 0:
        raise ConfigError(f"{place}: expected more than 0 seconds, found {value}")
    return duration_s


def _parsed(text: str, place: str) -> float:
    try:
        return parse_duration_s(text)
    except ValueError as error:
        raise ConfigError(f"{place}: {error}", hint=DURATION_HINT) from error


def _check_duration(value: Any, place: str) -> None:  # noqa: ANN401 - a checked value
    seconds(value, place)


def _check_variables(value: Any, place: str) -> None:  # noqa: ANN401 - a checked value
    for name in value or ():
        if not name or "=" in name:
            raise ConfigError(f"{place}: {name!r} cannot be the name of an environment variable")


FIELD_RULES: dict[str, Callable[[Any, str], None]] = {
    "timeout": _check_duration,
    "env_vars": _check_variables,
    "env": _check_variables,
    "secrets": _check_variables,
}
"""More rules, by the name of the field."""
