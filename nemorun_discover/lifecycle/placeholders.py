"""`${param:NAME}` in the command of a script task. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import ConfigError
from nemorun_discover.schedulers.environment import as_text
from nemorun_discover.secrets import MARK, is_mark

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\$\{param:([^}]*)\}")


def fill_in(word: str, params: Mapping[str, Any]) -> str:
    """One word of a command with its placeholders replaced by the job's values.

    Raises:
        ConfigError: It names a parameter the task does not have.
    """

    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in params:
            raise ConfigError(
                f"command: {match.group(0)} names no parameter of this task",
                hint=f"its params are {', '.join(params) or 'none'}",
            )
        value = params[name]
        return f"${{secret:{value[MARK]}}}" if is_mark(value) else as_text(value)

    return _PLACEHOLDER.sub(value_of, word)
