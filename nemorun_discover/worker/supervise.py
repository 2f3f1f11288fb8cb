"""The process that stands over a job: starts it, limits its time, ends it, and leaves the evidence.

It outlives the client and the driver. What it leaves in the attempt's folder is believed over anything
else: `process.json` (who runs; its exclusive creation is what makes a second start of the same attempt
do nothing) and `exit.json` (how it ended).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

from nemorun_discover.files import write_json
from nemorun_discover.schedulers.local.process import describe_process, kill_group, kill_marked
from nemorun_discover.worker.claim import create_once

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
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
        become: Called in every child before anything else.
        hand_over: Called before and after the evidence is written.
    """

    def __init__(
        self,
        paths: AttemptLayout,
        *,
        timeout_s: float | None,
        grace_s: float,
        become: Callable[[], None] = lambda: None,
        hand_over: Callable[[], None] = lambda: None,
    ) -> None:
        self._paths = paths
        self._become = become
        self._hand_over = hand_over
        self._timeout_s = timeout_s
        self._grace_s = grace_s
        self._stop_reason: str | None = None
        self._is_ending = False
        self._status = 0  # as waitpid gives it
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
        return create_once(self._paths.process, self._identity)

    def run(self, mains: Sequence[Callable[[], int]], *, is_many: bool = False) -> None:
        """Fork a child for each of `mains`, call it there, wait for their end, and write `exit.json`.

        The children are one process group. None begins before `process.json` names it: whenever this
        process is killed, whoever finds that out can end what it stood over. As soon as one has failed, the
        others are ended, and its end is the job's.

        Args:
            mains: What the children do.
            is_many: The job has several processes. What it started in sessions of their own, as torchrun
                starts all of its processes, is ended with it.
        """
        gate = os.pipe()
        children: list[int] = []
        for main in mains:
            children.append(_fork(main, self._become, children, gate))
        described = [describe_process(one) for one in children]
        own = {"child": described[0], **({"children": described} if is_many else {})}
        _try_to_write(self._paths.process, {**self._identity, **own})
        _open(gate, len(children))
        self._wait(children)
        kill_group(children[0], signal.SIGKILL)  # what the job left running in its own group
        if is_many:
            kill_marked(self._paths.root)
        self._leave_evidence(_how_it_ended(self._status, self._stop_reason))

    def _on_signal(self, number: int, _frame: object) -> None:
        if number != signal.SIGCHLD:
            self._asked_to_stop = True

    def _wait(self, children: Sequence[int]) -> None:
        deadline = None if self._timeout_s is None else time.monotonic() + self._timeout_s
        running = set(children)
        while self._reap(running):
            now = time.monotonic()
            is_due = deadline is not None and now >= deadline
            if self._is_ending and is_due:
                kill_group(children[0], signal.SIGKILL)
                deadline = None
            elif not self._is_ending and self._must_end(is_due=is_due):
                self._is_ending = True
                kill_group(children[0], signal.SIGTERM)
                deadline = now + self._grace_s
            left = None if deadline is None else max(0.0, deadline - now)
            if select.select([self._wakeup], [], [], left)[0]:
                os.read(self._wakeup, 4096)

    def _reap(self, running: set[int]) -> set[int]:
        """Those of `running` that still run; the status of the first that failed is kept."""
        for child in sorted(running):
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                running.discard(child)
                self._status = self._status or status
        return running

    def _must_end(self, *, is_due: bool) -> bool:
        if self._asked_to_stop or is_due:
            self._stop_reason = "CANCELLED" if self._asked_to_stop else "TIMEOUT"
        return self._stop_reason is not None or self._status != 0

    def _leave_evidence(self, ended: dict[str, Any]) -> None:
        document = {
            "schema": EXIT_SCHEMA,
            **ended,
            "started_at": self._identity["started_at"],
            "ended_at": _now(),
            "host": self._identity["host"],
        }
        self._hand_over()
        for _ in range(_WRITE_TRIES):
            if _try_to_write(self._paths.exit, document):
                self._hand_over()
                return
            time.sleep(1)  # a full disk may have room again in a moment


def _try_to_write(path: Path, document: dict[str, Any]) -> bool:
    try:
        write_json(path, document)
    except OSError as error:
        print(f"nemorun: {path}: {error.strerror}", file=sys.stderr, flush=True)
        return False
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


def _fork(
    main: Callable[[], int],
    become: Callable[[], None],
    others: Sequence[int],
    gate: tuple[int, int],
) -> int:
    """A child that calls `main` when the gate opens, in the process group of the first one."""
    group = others[0] if others else 0
    child = os.fork()
    if child == 0:
        _become_the_job(main, become, group, gate)
    _set_group(child, group)
    return child


def _open(gate: tuple[int, int], children: int) -> None:
    """Let so many children go through: a byte for each."""
    read_end, write_end = gate
    os.close(read_end)
    with contextlib.suppress(BrokenPipeError):  # all of them were killed while they waited
        os.write(write_end, b"." * children)
    os.close(write_end)


def _wait_for(gate: tuple[int, int]) -> None:
    """Return when the gate opens; end at once when who would open it is gone."""
    read_end, write_end = gate
    os.close(write_end)
    may_begin = os.read(read_end, 1)
    os.close(read_end)
    if not may_begin:
        os._exit(1)


def _set_group(child: int, group: int) -> None:
    # Both sides do it, whoever is first; the child may have ended or called exec already.
    with contextlib.suppress(OSError):
        os.setpgid(child, group)


def _become_the_job(
    main: Callable[[], int], become: Callable[[], None], group: int, gate: tuple[int, int]
) -> NoReturn:
    """End as any Python does: threads are waited for, `atexit` is called, buffers are written."""
    _set_group(0, group)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _wait_for(gate)
    become()
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
