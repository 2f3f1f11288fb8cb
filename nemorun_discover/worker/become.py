"""From this process to another program."""

from __future__ import annotations

import contextlib
import os
import signal
import sys

NOT_FOUND = 127  # what a shell answers for a command that is not there


def become(command: list[str]) -> int:
    """Become that program; returns only when it cannot be, having said why, and then an exit code."""
    # Python ignores these signals; a program that it starts expects them as they were.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - argv is data, no shell reads it
    except OSError as error:
        say(f"nemorun: {command[0]}: {error.strerror}")
    return NOT_FOUND


def say(text: str) -> None:
    """Write a line into the job's log."""
    with contextlib.suppress(
        OSError, ValueError
    ):  # the task may have closed it, the disk may be full
        print(text, file=sys.__stderr__, flush=True)
