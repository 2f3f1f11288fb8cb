"""The process that stands over a job: starts it, limits its time, ends it, and leaves the evidence.

It outlives the client and the driver. What it leaves in the attempt's folder is believed over anything
else: `process.json` (who runs; its exclusive creation is what makes a second start of the same attempt
do nothing) and `exit.json` (how it ended).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time

from nemorun_discover.files import write_atomic, write_json
from nemorun_discover.schedulers.local.process import describe_process, kill_group

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any, NoReturn

    from nemorun_discover.model.layout import AttemptLayout

EXIT_SCHEMA = "nemorun.exit/1"
_WRITE_TRIES = 30


class Supervisor:
    """Runs one attempt of a job in a child process group of its own.

    Args:
        paths: The attempt's folder, which exists.
        timeout_s: Wall-clock limit; None for none.
        grace_s: Between TERM and KILL.
    """

    def __init__(self, paths: AttemptLayout, *, timeout_s: float | None, grace_s: float) -> None:
        self._paths = paths
        self._timeout_s = timeout_s
        self._grace_s = grace_s
        self._stop_reason: str | None = None
        self._asked_to_stop = False
        self._wakeup = -1
        self._identity: dict[str, Any] = {}

    def claim(self) -> bool:
        """Take this attempt; False when another process has it already.

        Raises:
            OSError: Nothing can be written there; the attempt is not taken.
        """
        # First: who finds the claim may already ask this process to stop.
        self._wakeup = _wake_on_signals(self._on_signal)
        devices = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        self._identity = {**describe_process(os.getpid()), "started_at": _now(), "gpus": devices}
        return _create(self._paths.process, json.dumps(self._identity).encode())

    def run(self, main: Callable[[], int]) -> None:
        """Fork, call `main` in the child, wait for its end, and write `exit.json`."""
        child = os.fork()
        if child == 0:
            _become_the_job(main)
        _set_group(child)
        _try_to_write(self._paths.process, {**self._identity, "child": describe_process(child)})
        status = self._wait(child)
        kill_group(child, signal.SIGKILL)  # what the job left running in its own group
        self._leave_evidence(_how_it_ended(status, self._stop_reason))

    def _on_signal(self, number: int, _frame: object) -> None:
        if number != signal.SIGCHLD:
            self._asked_to_stop = True

    def _wait(self, child: int) -> int:
        deadline = None if self._timeout_s is None else time.monotonic() + self._timeout_s
        while True:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return status
            now = time.monotonic()
            if self._stop_reason is not None:
                if deadline is not None and now >= deadline:
                    kill_group(child, signal.SIGKILL)
                    deadline = None
            elif self._asked_to_stop or (deadline is not None and now >= deadline):
                self._stop_reason = "CANCELLED" if self._asked_to_stop else "TIMEOUT"
                kill_group(child, signal.SIGTERM)
                deadline = now + self._grace_s
            left = None if deadline is None else max(0.0, deadline - now)
            if select.select([self._wakeup], [], [], left)[0]:
                os.read(self._wakeup, 4096)

    def _leave_evidence(self, ended: dict[str, Any]) -> None:
        document = {
            "schema": EXIT_SCHEMA,
            **ended,
            "started_at": self._identity["started_at"],
            "ended_at": _now(),
            "host": self._identity["host"],
        }
        for _ in range(_WRITE_TRIES):
            if _try_to_write(self._paths.exit, document):
                return
            time.sleep(1)  # a full disk may have room again in a moment


def _try_to_write(path: Path, document: dict[str, Any]) -> bool:
    try:
        write_json(path, document)
    except OSError as error:
        print(f"nemorun: {path}: {error.strerror}", file=sys.stderr, flush=True)
        return False
    return True


def _create(path: Path, content: bytes) -> bool:
    """Make the file, whole, unless it is there; False when it is."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.claim")
    write_atomic(draft, content)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links: not whole from the first moment on
        return _create_without_link(path, content)
    finally:
        draft.unlink()
    return True


def _create_without_link(path: Path, content: bytes) -> bool:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    return True


def _now() -> str:
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{nanoseconds // 1000:06d}Z"


def _wake_on_signals(handler: Callable[[int, object], None]) -> int:
    """Route signals to the handler and a byte to the returned descriptor, so that no wait misses one."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.set_wakeup_fd(writer)
    return reader


def _set_group(child: int) -> None:
    # Both sides do it, whoever is first; the child may have ended or called exec already.
    with contextlib.suppress(OSError):
        os.setpgid(child, child)


def _become_the_job(main: Callable[[], int]) -> NoReturn:
    """End as any Python does: threads are waited for, `atexit` is called, buffers are written."""
    _set_group(0)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    raise SystemExit(main())


def _how_it_ended(status: int, stop_reason: str | None) -> dict[str, Any]:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
        return {"exit_code": None, "signal": name, "reason": stop_reason or "SIGNAL"}
    code = os.WEXITSTATUS(status)
    return {
        "exit_code": code,
        "signal": None,
        "reason": stop_reason or (code and "EXIT_CODE") or None,
    }
