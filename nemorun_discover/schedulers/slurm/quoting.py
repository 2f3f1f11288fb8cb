"""How a value stands in a shell line, and in an `#SBATCH` line, whatever is in it. Pure."""

from __future__ import annotations

import re
from shlex import quote

from nemorun_discover.errors import ConfigError

_PLAIN_DIRECTIVE = re.compile(r"[A-Za-z0-9_./:,=+@%^*&()\[\]-]+")


def shell_word(value: object) -> str:
    """The value as one word of a shell line: nothing in it means anything to the shell."""
    return quote(str(value))


def directive_value(value: object, option: str) -> str:
    """The value as sbatch reads it in an `#SBATCH` line.

    sbatch has rules of its own there (22.05, `src/sbatch/opt.c`): quotes hold blanks and `#` together, a
    backslash takes the next character as it is, inside quotes of both kinds too, and nothing is expanded.

    Args:
        value: The value.
        option: Whose it is, for the error.

    Raises:
        ConfigError: It has a line break or a NUL, which no such line can hold.
    """
    text = str(value)
    if any(one in text for one in "\n\r\0"):
        raise ConfigError(
            f"{option}: {text!r} has a line break, which an #SBATCH line cannot hold",
            hint="write it on one line; shell code belongs into setup_lines",
        )
    if _PLAIN_DIRECTIVE.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def output_pattern(path: str) -> str:
    """A path for `--output`, in which a percent sign means itself."""
    return path.replace("%", "%%")
