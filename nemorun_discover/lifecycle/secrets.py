"""Secrets stay out of the record: their place holds a name, their value travels beside it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.secrets import MASK, is_secret_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MARK = "$secret"
_NAMED_VALUE = re.compile(r"""(?P<name>[\w.-]+)["']?\s*[=:]\s*""")


def hide(executor: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """An executor as it may be written down, and the values that were taken out of it, by name."""
    values: dict[str, str] = {}
    return {key: _hide(key, value, values) for key, value in executor.items()}, values


def hide_all(
    executors: Mapping[str, Mapping[str, Any]],
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, str]]]:
    """The same of executors by name; those without a secret have no values."""
    hidden = {name: hide(table) for name, table in executors.items()}
    tables = {name: table for name, (table, _) in hidden.items()}
    return tables, {name: values for name, (_, values) in hidden.items() if values}


def _hide(name: str, value: Any, values: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {key: _hide(key, one, values) for key, one in value.items()}
    if isinstance(value, str) and value and is_secret_name(name):
        values[name] = value
        return {MARK: name}
    return value


def hidden_in(executor: Mapping[str, Any]) -> list[str]:
    """The names of the secrets that were taken out of an executor."""
    names: list[str] = []
    for value in executor.values():
        if isinstance(value, dict):
            names += [value[MARK]] if set(value) == {MARK} else hidden_in(value)
    return names


def reveal(executor: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """The executor with its secrets in place again.

    Raises:
        ConfigError: The value of one is not known any more.
    """
    return {key: _reveal(value, values) for key, value in executor.items()}


def _reveal(value: Any, values: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    if not isinstance(value, dict):
        return value
    if set(value) != {MARK}:
        return {key: _reveal(one, values) for key, one in value.items()}
    name = value[MARK]
    if name not in values:
        raise ConfigError(
            f"the value of {name} is not written down anywhere, and it is not set in this shell",
            hint=f"export {name}=…, or start again with `nemorun rerun`",
        )
    return values[name]


def masked_argv(argv: Sequence[str]) -> tuple[str, ...]:
    """A command line as it may be written down.

    What follows a name that promises a secret is `***`: in `-o …TOKEN=value`, in a table
    (`env_vars={TOKEN="value"}`) to the end of the word, and the word after `--token`.
    """
    masked: list[str] = []
    is_value = False
    for word in argv:
        shown = MASK if is_value and not word.startswith("-") else _mask_word(word)
        masked.append(shown.encode("utf-8", "replace").decode())
        is_value = word.startswith("--") and "=" not in word and is_secret_name(word)
    return tuple(masked)


def _mask_word(word: str) -> str:
    for match in _NAMED_VALUE.finditer(word):
        if is_secret_name(match.group("name").rpartition(".")[2]):
            return word[: match.end()] + MASK
    return word
