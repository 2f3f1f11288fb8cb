"""Standing before a launcher: handing on the signal that it would keep from the job's processes.

Slurm's proctrack/cgroup gives a signal to the tasks of srun only (22.05), not to what they started, and
torchrun starts its processes in sessions of their own.
"""

from __future__ import annotations

import contextlib
import os
import signal

from nemorun_discover.schedulers.local.process import signal_ranks

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import NoReturn

# What ends a task: the launcher is to end its processes by its own rules.
_ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def relay(launch: Callable[[], int], attempt: Path, announced: signal.Signals) -> int:
    """Call `launch` in a child, which becomes the launcher, and stand by until it has ended.

    Args:
        launch: What the child does; what it returns is its exit code.
        attempt: The attempt's folder.
        announced: The signal that is meant for the job's processes.

    Returns:
        The exit code of the child, 128 and the number of the signal that ended it.
    """
    child = os.fork()
    if child == 0:
        _be_launcher(launch)

    def end(number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    for number in _ENDS:
        signal.signal(number, end)
    signal.signal(announced, lambda _number, _frame: signal_ranks(attempt, announced))
    status = os.waitpid(child, 0)[1]
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _be_launcher(launch: Callable[[], int]) -> NoReturn:
    os._exit(launch())
