"""A task's exception as data: type, message, and the traceback from the user's first line on."""

from __future__ import annotations

import traceback
from pathlib import Path

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

ERROR_SCHEMA = "nemorun.error/1"


def describe_failure(error: BaseException, root: Path) -> dict[str, Any]:
    """What is kept of an exception in error.json.

    Args:
        error: What the task raised.
        root: The project; frames before its first one are nemorun's and importlib's, and left out.

    Returns:
        schema, type, message, traceback (text, as Python prints it), and the file and line where the
        user's own code stood when it happened.
    """
    start = _first_user_frame(error, root)
    if start is not None:
        error = error.with_traceback(start)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_below(frame.filename, root)]
    return {
        "schema": ERROR_SCHEMA,
        "type": type(error).__qualname__,
        "message": str(error).encode("utf-8", "replace").decode(),
        "traceback": "".join(traceback.format_exception(type(error), error, error.__traceback__))
        .encode("utf-8", "replace")
        .decode(),
        "file": own[-1].filename if own else None,
        "line": own[-1].lineno if own else None,
    }


def _first_user_frame(error: BaseException, root: Path) -> Any:  # noqa: ANN401 - a traceback or None
    entry = error.__traceback__
    while entry is not None and not _is_below(entry.tb_frame.f_code.co_filename, root):
        entry = entry.tb_next
    return entry


def _is_below(filename: str, root: Path) -> bool:
    path = Path(filename)
    return root in path.parents and "site-packages" not in path.parts
