"""What a task wants done when its time is nearly over: `nemorun.on_preempt`."""

from __future__ import annotations

import os
import signal

from nemorun_discover.errors import UsageError

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Callback = TypeVar("Callback", bound=Callable[[], object])

VARIABLE = "NEMORUN_PREEMPT_SIGNAL"
DEFAULT = "SIGUSR1"
# With the process that asked: what it forked has its handlers too, and is not to save anything.
_callbacks: list[tuple[int, Callable[[], object]]] = []


def on_preempt(callback: Callback) -> Callback:
    """Have `callback()` called when the job's executor announces that its time is nearly over.

    The announcement is the signal that the executor's `signal` names (`signal = "USR1@120"`), SIGUSR1
    where it names none. The main thread is interrupted for it: save what has to be saved, and return to go
    on, or leave with `sys.exit`. Several callbacks are called in the order they were given. Outside a job
    nothing is ever called.

    Args:
        callback: A function without arguments.

    Returns:
        The same function, so that this can be written as a decorator.

    Raises:
        UsageError: It is called in another thread than the main one, where Python takes no signals.
    """
    if not callable(callback):
        raise UsageError(f"on_preempt takes a function, not {type(callback).__name__}")
    if "NEMORUN_JOB_DIR" in os.environ:
        try:
            signal.signal(preempt_signal() or signal.SIGUSR1, _call)
        except ValueError:
            raise UsageError(
                "on_preempt was called in a thread, and only the main thread takes signals",
                hint="call it at the beginning of the task",
            ) from None
    _callbacks.append((os.getpid(), callback))
    return callback


def preempt_signal() -> signal.Signals | None:
    """The signal that announces the end in this job; None where its executor names none that we know."""
    try:
        return signal.Signals[os.environ.get(VARIABLE, "")]
    except KeyError:
        return None


def wait_for_callbacks() -> None:
    """Until the task has said what is to be done, the announcement is to end nobody.

    A launcher that this process becomes, and what it starts, ignore it too.
    """
    announced = preempt_signal()
    if announced is not None and announced is not signal.SIGTERM:
        signal.signal(announced, signal.SIG_IGN)


def as_it_was() -> None:
    """A program expects the signal as every program finds it."""
    announced = preempt_signal()
    if announced is not None:
        signal.signal(announced, signal.SIG_DFL)


def _call(_number: int, _frame: object) -> None:
    for pid, callback in tuple(_callbacks):
        if pid == os.getpid():
            callback()
