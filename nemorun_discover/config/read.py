"""One configuration file, from bytes to a tree."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from nemorun_discover.config.locate import PYPROJECT
from nemorun_discover.config.tree import Tree, plant
from nemorun_discover.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def read_tree(path: Path, label: str) -> Tree:
    """The tree of a configuration file; of a pyproject.toml, its `[tool.nemorun]`.

    Args:
        path: The file.
        label: What messages call the file.

    Raises:
        ConfigError: The file cannot be read, is not UTF-8 or not TOML, or has no `[tool.nemorun]`.
    """
    data = _parse(_text(path, label), label)
    if path.name != PYPROJECT:
        return plant(data, label)
    tool = data.get("tool")
    table = tool.get("nemorun") if isinstance(tool, dict) else None
    if not isinstance(table, dict):
        raise ConfigError(
            f"{label} has no [tool.nemorun] table", hint="add it, or write a nemorun.toml"
        )
    return plant(table, label, ("tool", "nemorun"))


def _text(path: Path, label: str) -> str:
    try:
        content = path.read_bytes()
    except IsADirectoryError as error:
        raise ConfigError(f"{label} is a directory, not a file", hint="rename it") from error
    except OSError as error:
        raise ConfigError(f"{label} cannot be read: {error.strerror}") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{label}:{line}: not UTF-8: byte 0x{content[error.start]:02x}", hint="save it as UTF-8"
        ) from error


def _parse(text: str, label: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        found = _POSITION.search(message)
        reason = _POSITION.sub("", message)
        line, column = _position(found, text)
        raise ConfigError(f"{label}:{line}:{column}: not valid TOML: {reason}") from error
    except ValueError as error:  # an integer of thousands of digits
        raise ConfigError(f"{label}: not valid TOML: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{label}: not valid TOML: nested too deeply") from error


def _position(found: re.Match[str] | None, text: str) -> tuple[int, int]:
    if found is not None and found[1] is not None:
        return int(found[1]), int(found[2])
    last = text.rpartition("\n")[2]
    return text.count("\n") + 1, len(last) + 1
