"""The error tree: one exit code per branch.

    NemorunError                3   our own bug, when nothing more exact is raised
    ├── UsageError              4   the command line cannot be carried out as written
    ├── ConfigError             4   nemorun.toml, the user file, a profile or a factory is wrong
    ├── CollectionError         4   a task file cannot be read, or tasks contradict each other
    ├── StoreError              4   NEMORUN_HOME cannot be written, or a record cannot be read
    │   ├── DamagedFile         4   a file is there, and not what it has to be
    │   └── UnreadableFile      4   a file cannot be read now; later it may
    ├── NothingSelected         5   no task, or no executor, matches the selection
    ├── ExecutorRefused         6   an executor refused a job or was out of reach
    │   ├── ConnectionLost      6   the way to it broke, or cannot be made now; later it may
    │   └── LoginNeeded         6   a login has to ask something, and nobody is there to answer
    ├── JobFailed               1   a job that was waited for did not succeed
    ├── WaitTimeout           124   `wait --timeout` ran out
    └── OutsideJob              4   something that only a job has was asked for outside one

Standard library only, Python 3.9: the worker raises these inside jobs.
"""

from __future__ import annotations

from enum import IntEnum

TYPE_CHECKING = False

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


class ExitCode(IntEnum):
    """What the process tells the shell; pytest's codes, extended."""

    OK = 0
    JOB_FAILED = 1
    INTERRUPTED = 2
    INTERNAL = 3
    USAGE = 4
    NOTHING_SELECTED = 5
    REFUSED = 6
    TIMEOUT = 124


class NemorunError(Exception):
    """An error a user reads: one sentence, and a hint with the next step.

    Args:
        message: What is wrong and where, in one sentence.
        hint: What to do about it; None when the sentence says it already.
    """

    exit_code = ExitCode.INTERNAL

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(NemorunError):
    """The command line, or a call of the API, cannot be carried out as written."""

    exit_code = ExitCode.USAGE


class ConfigError(NemorunError):
    """A configuration file, a profile or an executor factory is wrong."""

    exit_code = ExitCode.USAGE


class CollectionError(NemorunError):
    """A task file cannot be read, or the tasks found contradict each other."""

    exit_code = ExitCode.USAGE


class StoreError(NemorunError):
    """NEMORUN_HOME cannot be written, or a record in it cannot be read."""

    exit_code = ExitCode.USAGE


class DamagedFile(StoreError):
    """A file is there, and not what it has to be.

    Args:
        path: The file.
        why: What is wrong with it, to stand after "is damaged".
    """

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} is damaged: {why}")
        self.path = path


class UnreadableFile(StoreError):
    """A file cannot be read now, so that nobody can tell what it says; later it may.

    Args:
        path: The file.
        why: The system's words.
    """

    def __init__(self, path: Path, why: str | None) -> None:
        super().__init__(f"{path} cannot be read ({why})")
        self.path = path


class NothingSelected(NemorunError):
    """No task, or no executor, matches the selection."""

    exit_code = ExitCode.NOTHING_SELECTED


class ExecutorRefused(NemorunError):
    """An executor refused a job, or could not be reached; nothing of that job was submitted."""

    exit_code = ExitCode.REFUSED
    is_passing = False
    """Whether trying the same again later may help."""


class ConnectionLost(ExecutorRefused):
    """The connection to an executor broke, or cannot be made now; trying again later may help."""

    is_passing = True


class LoginNeeded(ExecutorRefused):
    """A login has to ask for a password, a passphrase or a code, and nobody is there to answer."""


class JobFailed(NemorunError):
    """A job that was waited for did not succeed.

    Args:
        message: Which, and why; its traceback follows on further lines.
        hint: What to do about it.
        results: Those of all jobs of the experiment (`nemorun.Result`).
    """

    exit_code = ExitCode.JOB_FAILED

    def __init__(
        self, message: str, *, hint: str | None = None, results: tuple[Any, ...] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.results = results


class WaitTimeout(NemorunError):
    """The time given to `wait --timeout` ran out; the jobs go on."""

    exit_code = ExitCode.TIMEOUT


class OutsideJob(NemorunError):
    """Something that only exists inside a job was asked for outside one."""

    exit_code = ExitCode.USAGE
