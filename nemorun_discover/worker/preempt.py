"""What a task wants done when its time is nearly over: `nemorun.on_preempt`.

Two signals say so: the one that the executor's `signal` names, after which the job goes on until its limit, and
SIGTERM, which ends it. Slurm sends SIGTERM at a preemption (REQUEUE and CANCEL, with and without GraceTime; 22.05 and
24.11), and the other one only where the site has PreemptParameters=send_user_signal.
"""

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
_calling: set[int] = (
    set()
)  # processes that are in their callbacks now: another signal does not begin them again
_called: set[int] = set()  # processes that have been through their callbacks
_ending: set[int] = set()  # processes that got SIGTERM
_before_term: object = signal.SIG_DFL  # what SIGTERM did before us


def on_preempt(callback: Callback) -> Callback:
    """Have `callback()` called when the job's time is nearly over.

    That is announced by the signal that the executor's `signal` names (`signal = "USR1@120"`), SIGUSR1 where it
    names none, and by SIGTERM: a preemption, a cancel, a limit that was announced by nothing else. The main thread
    is interrupted: save what has to be saved, and return. After the announcement the task goes on; after SIGTERM it
    ends by that signal, as it would without callbacks, or calls the handler that was there before. `sys.exit` in a
    callback ends it in either case. What was announced is not
    called again at SIGTERM. Several callbacks are called in the order they were given. Outside a job nothing
    is ever called.

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
            _listen()
        except ValueError:
            raise UsageError(
                "on_preempt was called in a thread, and only the main thread takes signals",
                hint="call it at the beginning of the task",
            ) from None
    _callbacks.append((os.getpid(), callback))
    return callback


def _listen() -> None:
    global _before_term  # noqa: PLW0603 - a process has one handler of a signal
    announced = preempt_signal() or signal.SIGUSR1
    signal.signal(announced, _call)
    if announced is not signal.SIGTERM:
        before = signal.signal(signal.SIGTERM, _call_and_end)
        if before is not _call_and_end:
            _before_term = before


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
    own = os.getpid()
    if own in _calling:
        return
    _calling.add(own)
    try:
        for pid, callback in tuple(_callbacks):
            if pid == own:
                callback()
    finally:
        _calling.discard(own)
        _called.add(own)
    if own in _ending:
        _end()


def _call_and_end(number: int, frame: object) -> None:
    """Both Slurm and torchrun send SIGTERM; it may also come while the announcement's callbacks are being called."""
    own = os.getpid()
    _ending.add(own)
    if own in _calling:
        return
    if own in _called:
        _end()
    else:
        _call(number, frame)


def _end() -> None:
    if callable(_before_term):
        _before_term(signal.SIGTERM, None)
    elif _before_term is not signal.SIG_IGN:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
