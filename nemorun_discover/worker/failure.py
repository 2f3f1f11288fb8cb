"""A task's exception as data: type, message, and the traceback from the user's first line on."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from pathlib import Path

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Any

ERROR_SCHEMA = "nemorun.error/1"
IS_FINAL = "is_final"  # in error.json: no exit code makes a success of this attempt; slurm/batch.sh reads it too
_TOO_LARGE = 2**31
_PATIENCE_S = 10.0
_LINES_AT_BEGIN = 40
_LINES_AT_END = 160
_INSTALLED = ("site-packages", "dist-packages")
_STANDARD_LIBRARY = str(Path(os.__file__).parent) + os.sep
# Ours: in the runtime as source, and as bytecode that was compiled elsewhere; then what imports modules.
_MACHINERY = (
    str(Path(__file__).parents[1]) + os.sep,
    "nemorun_discover/",
    "<frozen ",
    _STANDARD_LIBRARY + "importlib" + os.sep,
)


def exit_code_of(stop: SystemExit, tell: Callable[[str], object]) -> int:
    """The exit code that a task asks for; a text that it leaves with instead goes to `tell`.

    It is 0 for None and 0 only. Of another number it is the low byte, as for any process, and 255 where that
    would be 0 (256), or where the number is too large for a C int (as Python itself does).
    """
    code = stop.code
    if code is None:
        return 0
    if isinstance(code, int):
        number = int(code)
        is_int = -_TOO_LARGE <= number < _TOO_LARGE
        return number and ((number & 0xFF if is_int else 0) or 0xFF)
    tell(text_of(code))
    return 1


def describe_failure(
    error: BaseException,
    root: Path,
    rank: int | None = None,
    *,
    patience_s: float = _PATIENCE_S,
) -> dict[str, Any]:
    """What is kept of an exception in error.json.

    Args:
        error: What the task raised.
        root: The project; frames before its first one are nemorun's and importlib's, and left out.
        rank: Which of the job's processes raised it; None where there is one.
        patience_s: How long each of the exception's own methods may take.

    Returns:
        schema, type, message, traceback (text, as Python prints it; the middle of a very long one is left
        out), the file and line where the user's own code stood when it happened, and the rank.
    """
    try:
        with _in_time(patience_s):
            return _description(error, root, rank)
    except BaseException:  # noqa: BLE001 - the exception's own class is the user's code too
        name = type(error).__name__
        text = f"<a {name} that cannot be described>"
        return {
            "schema": ERROR_SCHEMA,
            "type": name,
            "message": text,
            "traceback": f"{name}: {text}\n",
            "file": None,
            "line": None,
            **({} if rank is None else {"rank": rank}),
        }


@contextmanager
def _in_time(patience_s: float) -> Iterator[None]:
    """Interrupt what takes longer: a `__str__` that waits for something would keep the job."""

    def interrupt(_number: int, _frame: object) -> None:
        raise TimeoutError

    try:
        before = signal.signal(signal.SIGALRM, interrupt)
    except ValueError:  # not the main thread
        yield
        return
    # Again and again: the traceback module catches all that a `__str__` raises.
    signal.setitimer(signal.ITIMER_REAL, patience_s, patience_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _description(error: BaseException, root: Path, rank: int | None) -> dict[str, Any]:
    import traceback  # noqa: PLC0415 - 4 ms that a job without a failure does not pay

    error = error.with_traceback(_from_the_users_line_on(error.__traceback__, root))
    file, line = _place(error, root)
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return {
        "schema": ERROR_SCHEMA,
        "type": type(error).__qualname__,
        "message": _writable(text_of(error)),
        "traceback": _writable(_shortened("".join(lines))),
        "file": file,
        "line": line,
        **({} if rank is None else {"rank": rank}),
    }


def _from_the_users_line_on(entry: TracebackType | None, root: Path) -> TracebackType | None:
    """Where no frame is the user's, those that are neither nemorun's nor importlib's."""
    start = entry
    while start is not None and not _is_users(start.tb_frame.f_code.co_filename, root):
        start = start.tb_next
    if start is not None:
        return start
    while entry is not None and _is_machinery(entry.tb_frame.f_code.co_filename):
        entry = entry.tb_next
    return entry


def _is_users(filename: str, root: Path) -> bool:
    path = Path(filename)
    if root not in path.parents or not set(path.parts).isdisjoint(_INSTALLED):
        return False
    return not filename.startswith((*_MACHINERY, _STANDARD_LIBRARY))


def _is_machinery(filename: str) -> bool:
    return filename.startswith(_MACHINERY)


def _place(error: BaseException, root: Path) -> tuple[str | None, int | None]:
    if isinstance(error, SyntaxError) and error.filename and _is_users(error.filename, root):
        return error.filename, error.lineno
    import traceback  # noqa: PLC0415 - likewise

    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_users(frame.filename, root)]
    return (own[-1].filename, own[-1].lineno) if own else (None, None)


def text_of(value: object) -> str:
    """The value as text, whatever its `__str__` does but to hang."""
    try:
        return str(value)
    except BaseException:  # noqa: BLE001 - it is the user's code, and may leave by sys.exit
        return f"<a {type(value).__qualname__} that cannot be turned into text>"


def _shortened(text: str) -> str:
    lines = text.splitlines(keepends=True)
    left_out = len(lines) - _LINES_AT_BEGIN - _LINES_AT_END
    if left_out <= 1:
        return text
    note = f"  ... {left_out} lines are left out ...\n"
    return "".join([*lines[:_LINES_AT_BEGIN], note, *lines[-_LINES_AT_END:]])


def _writable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
