"""Call a task in this process as a job would: its environment, its log, the evidence it leaves."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any, Self

from nemorun_discover.files import write_json
from nemorun_discover.model.event import utc_now
from nemorun_discover.shortage import patiently
from nemorun_discover.worker.failure import describe_failure, exit_code_of
from nemorun_discover.worker.result import keep_result
from nemorun_discover.worker.supervise import EXIT_SCHEMA
from nemorun_discover.worker.task import call_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import TextIO

    from nemorun_discover.model.layout import AttemptLayout, JobLayout

_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


def call(function: Callable[..., Any], arguments: dict[str, Any], paths: JobLayout) -> None:
    """Call a task and keep what it returns as its result; None and what JSON cannot hold are not kept."""
    keep_result(call_task(function, arguments), paths.result, _say)


def run_script(argv: Sequence[str], root: Path, env: Mapping[str, str]) -> int:
    """Run a script to its end, with its output on ours; its exit code, negative for a signal."""
    with subprocess.Popen(  # noqa: S603 - argv is data, no shell reads it
        argv,
        cwd=root,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            sys.stdout.write(line)
    return process.returncode


class Attempt:
    """What a task does in this process, as one attempt of a job: it ends with `exit.json`.

    An exception of the task ends it, and goes no further; a Ctrl-C does.

    Args:
        paths: The attempt's folder, which exists.
        root: The project's root.
        is_silent: What the task prints goes to its log only.

    Attributes:
        exit_code: To be set for a task that ends in another way than by returning.
    """

    def __init__(self, paths: AttemptLayout, root: Path, *, is_silent: bool) -> None:
        self.exit_code = 0
        self._paths = paths
        self._root = root
        self._is_silent = is_silent
        self._began = utc_now()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        log = self._open.enter_context(
            self._paths.log.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
        )
        out, err = ([log] if self._is_silent else [one, log] for one in (sys.stdout, sys.stderr))
        self._open.enter_context(redirect_stdout(_Tee(out)))
        self._open.enter_context(redirect_stderr(_Tee(err)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        with self._open:
            if isinstance(error, SystemExit):
                self.exit_code = exit_code_of(error, _say)
            elif error is not None:
                self.exit_code = 1
                self._keep_failure(error)
        was_interrupted = isinstance(error, KeyboardInterrupt)
        reason = "CANCELLED" if was_interrupted else None
        patiently(lambda: write_json(self._paths.exit, self._evidence(reason)))
        return not was_interrupted

    def _keep_failure(self, error: BaseException) -> None:
        failure = describe_failure(error, self._root)
        sys.stderr.write(failure["traceback"])
        patiently(lambda: write_json(self._paths.error, failure))

    def _evidence(self, reason: str | None) -> dict[str, Any]:
        is_signal = self.exit_code < 0
        return {
            "schema": EXIT_SCHEMA,
            "exit_code": None if is_signal else self.exit_code,
            "signal": _signal_name(-self.exit_code) if is_signal else None,
            "reason": reason or _reason_of(self.exit_code),
            "started_at": self._began.strftime(_TIME),
            "ended_at": utc_now().strftime(_TIME),
            "host": socket.gethostname(),
        }


@contextmanager
def environment(variables: Mapping[str, str], folders: Sequence[str]) -> Iterator[None]:
    """These variables, and these folders on `sys.path`, while the block runs."""
    variables_before, path_before = dict(os.environ), list(sys.path)
    os.environ.update(variables)
    sys.path[:0] = [one for one in folders if one not in sys.path]
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(variables_before)
        sys.path[:] = path_before


class _Tee:
    """Text that goes to several streams; all else is asked of the first."""

    def __init__(self, streams: Sequence[TextIO]) -> None:
        self._streams = streams

    def write(self, text: str) -> int:
        for stream in self._streams:
            stream.write(text)
        return len(text)

    def flush(self) -> None:
        for stream in self._streams:
            stream.flush()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self._streams[0], name)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _reason_of(exit_code: int) -> str | None:
    if exit_code < 0:
        return "SIGNAL"
    return "EXIT_CODE" if exit_code else None


def _signal_name(number: int) -> str:
    import signal  # noqa: PLC0415 - only here

    return signal.Signals(number).name if number in set(signal.Signals) else str(number)
