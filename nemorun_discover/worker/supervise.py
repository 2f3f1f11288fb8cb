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

from nemorun_discover.files import read_json, write_json
from nemorun_discover.schedulers.local.process import (
    adopt_orphans,
    describe_process,
    kill_descendants,
    kill_group,
    kill_marked,
    signal_descendants,
)
from nemorun_discover.shortage import CAUGHT, describe, is_passing, patiently
from nemorun_discover.worker.claim import create_once
from nemorun_discover.worker.failure import IS_FINAL

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any, NoReturn, TypeVar

    from nemorun_discover.model.layout import AttemptLayout

    T = TypeVar("T")

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
        self._has_claim = False
        self._has_launcher = self._has_orphans = False
        self._is_over = False
        self._wakeup = -1
        self._identity: dict[str, Any] = {}

    def claim(self) -> bool:
        """Take this attempt, as soon as that can be written down; False when another process has it already.

        Raises:
            OSError: It cannot be written down; the attempt is not taken.
            SystemExit: It was asked to stop before it could be written down.
        """
        # First: who finds the claim may already ask this process to stop.
        self._wakeup = _wake_on_signals(self._on_signal)
        devices = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        self._identity = {**describe_process(os.getpid()), "started_at": _now(), "gpus": devices}
        try:
            self._has_claim = self._patiently(
                lambda: create_once(self._paths.process, self._identity)
            )
        except _StoppedWhileWaiting:
            raise SystemExit("nemorun: stopped before it began") from None
        return self._has_claim

    def run(self, mains: Sequence[Callable[[], int]], *, is_many: bool = False) -> None:
        """Fork a child for each of `mains`, call it there, wait for their end, and write `exit.json`.

        The children are one process group. None begins before `process.json` names it: whenever this
        process is killed, whoever finds that out can end what it stood over. As soon as one has failed, the
        others are ended, and its end is the job's.

        Args:
            mains: What the children do.
            is_many: The job has several processes, and may have a launcher (torchrun): that ends its processes, which
                are in sessions of their own, by its own rules.
        """
        self._has_launcher = is_many
        self._has_orphans = adopt_orphans()
        children: list[int] = []
        try:
            gate = self._patiently(os.pipe)
            for main in mains:
                child = self._patiently(os.fork)
                if child == 0:
                    _become_the_job(main, self._become, _group_of(children), gate)
                _set_group(child, _group_of(children))
                children.append(child)
            described = self._patiently(lambda: [describe_process(one) for one in children])
            own = {"child": described[0], **({"children": described} if is_many else {})}
            self._write(self._paths.process, {**self._identity, **own})
        except _StoppedWhileWaiting:
            self._give_up(children)
            return
        _open(gate, len(children))
        self._wait(children)
        self._end_the_rest(children[0])
        self._is_over = True
        error = self._patiently(lambda: read_json(self._paths.error)) or {}
        if self._status == 0 and error.get(IS_FINAL):
            self._status = 1 << 8  # as waitpid has the exit code 1: an exit handler has left with 0
        self._leave_evidence(_how_it_ended(self._status, self._stop_reason))

    def _end_the_rest(self, group: int) -> None:
        """Kill what the job has left running, in its own group or in a session of its own, as a daemon too."""
        kill_group(group, signal.SIGKILL)
        if self._has_orphans:
            kill_descendants()
        else:
            kill_marked(self._paths.root)

    def _ask_to_end(self, group: int) -> None:
        kill_group(group, signal.SIGTERM)
        if self._has_orphans and not self._has_launcher:
            signal_descendants(signal.SIGTERM, but_group=group)

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
                self._ask_to_end(children[0])
                deadline = now + self._grace_s
            left = None if deadline is None else max(0.0, deadline - now)
            if select.select([self._wakeup], [], [], left)[0]:
                os.read(self._wakeup, 4096)

    def _reap(self, running: set[int]) -> set[int]:
        """Those of `running` that still run; the status of the first that failed is kept."""
        while running:
            done, status = os.waitpid(-1, os.WNOHANG)  # orphans too
            if not done:
                break
            if done in running:
                running.discard(done)
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
        self._is_over = True
        for _ in range(_WRITE_TRIES):
            if self._write(self._paths.exit, document):
                self._hand_over()
                return
            time.sleep(1)

    def _give_up(self, children: Sequence[int]) -> None:
        """It was asked to stop before there was room, or a process, for the job to begin."""
        for one in children:
            os.kill(one, signal.SIGKILL)
            os.waitpid(one, 0)
        self._leave_evidence({"exit_code": None, "signal": "SIGTERM", "reason": "CANCELLED"})

    def _write(self, path: Path, document: dict[str, Any]) -> bool:
        """Write evidence, as soon as there is room; False when it cannot be written for another reason."""
        try:
            self._patiently(lambda: write_json(path, document))
        except OSError as error:
            _say(f"{path}: {error.strerror}")
            return False
        return True

    def _patiently(self, do: Callable[[], T]) -> T:
        """Do it as soon as nothing is missing for it.

        Raises:
            _StoppedWhileWaiting: Somebody asked to stop the job before it began.
        """
        try:
            return patiently(do, is_over=self._must_not_begin, tell=self._tell)
        except CAUGHT as error:
            if is_passing(error):
                raise _StoppedWhileWaiting from error
            raise

    def _must_not_begin(self) -> bool:
        return self._asked_to_stop and not self._is_over

    def _tell(self, error: BaseException) -> None:
        """Say what is waited for, in the log and where the driver looks; there may be no room for either."""
        sentence = describe(error, self._paths.root)
        _say(f"{sentence}; this waits until that is over")
        if self._has_claim:
            with contextlib.suppress(OSError):
                write_json(self._paths.process, {**self._identity, "waits_for": sentence})


class _StoppedWhileWaiting(Exception):
    """The job was asked to stop while what it needs to begin was missing."""


def _say(sentence: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # the log is on a disk too
        print(f"nemorun: {sentence}", file=sys.stderr, flush=True)


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


def _group_of(children: Sequence[int]) -> int:
    """The process group of all children is that of the first; 0 for that one."""
    return children[0] if children else 0


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
