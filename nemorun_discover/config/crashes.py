"""What a user's code raised, in one sentence."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST = 200


def crash(place: str, error: BaseException, path: Path | None) -> ConfigError:
    """The error that says what was raised.

    Args:
        place: What was done, as the message begins.
        error: What was raised.
        path: The user's file, to name the line in it; None when `place` names it.
    """
    line = None if path is None else line_in(path, error)
    where = f", at {path.name}:{line}" if path is not None and line else ""
    if isinstance(error, SystemExit):
        return ConfigError(
            f"{place} exits (SystemExit: {error.code}){where}",
            hint="raise an exception that says what is wrong",
        )
    said = first_line(error)
    return ConfigError(f"{place} raised {type(error).__name__}{f': {said}' if said else ''}{where}")


def line_in(path: Path, error: BaseException) -> int | None:
    """The line of the file at which an exception passed through it last; None when it did not."""
    if isinstance(error, SyntaxError) and error.filename and _is_same(error.filename, path):
        return error.lineno
    line = None
    traceback = error.__traceback__
    while traceback is not None:
        if _is_same(traceback.tb_frame.f_code.co_filename, path):
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def first_line(error: BaseException) -> str:
    """What an exception says, cut to its first line; of a syntax error, without the place."""
    said = (error.msg if isinstance(error, SyntaxError) else str(error)).strip()
    line = said.splitlines()[0] if said else ""
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _is_same(name: str, path: Path) -> bool:
    return os.path.normpath(name) == os.path.normpath(path)
