"""The clerk: a thread that hands attempts to TorchX, asks how they stand and cancels them.

TorchX's calls start programs and wait for networks, and the driver waits for nobody. What the clerk does is in the
attempt's folder before and after (`app.json`), so that another process finds the app again.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import TYPE_CHECKING

from nemorun_discover.errors import ExecutorRefused, NemorunError
from nemorun_discover.files import write_json
from nemorun_discover.schedulers.local.process import is_on_this_host
from nemorun_discover.schedulers.torchx.app import start_of
from nemorun_discover.schedulers.torchx.errand import SHORTEST_PAUSE_S, Errand
from nemorun_discover.schedulers.torchx.evidence import View, app_of, process_of
from nemorun_discover.schedulers.torchx.mirror import Mirror
from nemorun_discover.schedulers.torchx.preview import request_of
from nemorun_discover.schedulers.torchx.sdk import GONE
from nemorun_discover.schedulers.torchx.settings import files_of_torchx
from nemorun_discover.shortage import describe, is_passing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nemorun_discover.schedulers.torchx.sdk import Sdk

_LONGEST_PAUSE_S = 10.0
_CALM_S = 30.0
_TROUBLE_S = 2.0
_GONE_AFTER_S = 30.0


class Clerk:
    """Runs errands, one after the other, in a thread of its own.

    Args:
        sdk: TorchX.
        env: The driver's environment.
    """

    def __init__(self, sdk: Sdk, env: Mapping[str, str]) -> None:
        self._sdk = sdk
        self._env = env
        self._held: list[Errand] = []
        self._taken: SimpleQueue[Errand] = SimpleQueue()
        self._wakeup = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self, errand: Errand) -> None:
        """Begin to look after an attempt."""
        if self._thread is None:
            thread = threading.Thread(target=self._work, name="torchx", daemon=True)
            thread.start()  # there may be no thread to be had now
            self._thread = thread
        self._taken.put(errand)
        self.wake()

    def wake(self) -> None:
        """There is something to do."""
        self._wakeup.set()

    def close(self) -> None:
        """Do no more; what has been handed over goes on."""
        self._closed.set()
        self.wake()
        if self._thread is not None:
            self._thread.join(_LONGEST_PAUSE_S)

    def _work(self) -> None:
        errands: list[Errand] = []
        while not self._closed.is_set():
            while not self._taken.empty():
                errands.append(self._taken.get())
            errands = [one for one in errands if not one.is_over]
            for errand in errands:
                if not self._closed.is_set():
                    self._run(errand)
            self._let_go(one for one in self._held.copy() if one.is_over)
            self._wakeup.wait(SHORTEST_PAUSE_S)
            self._wakeup.clear()
        self._let_go(self._held.copy())

    def _let_go(self, errands: Iterable[Errand]) -> None:
        """Let TorchX see that its own children have ended: it keeps their files open until it is asked."""
        for errand in errands:
            self._held.remove(errand)
            with suppress(NemorunError):
                self._sdk.status(errand.what, errand.scheduler, str(errand.handle))

    def _run(self, errand: Errand) -> None:
        try:
            if errand.handle is None:
                self._hand_over(errand)
            if errand.is_cancelled:
                self._cancel(errand)
            if errand.handle is not None and time.monotonic() >= errand.look_at:
                errand.look_at = time.monotonic() + errand.pause_s
                self._look(errand)
                errand.trouble = None
        except (NemorunError, OSError) as error:
            if is_passing(error):
                errand.trouble = describe(error, errand.paths.root)
            else:
                errand.trouble = (
                    error.message
                    if isinstance(error, NemorunError)
                    else _cannot_write(error).message
                )
            errand.look_at = time.monotonic() + max(errand.pause_s, _TROUBLE_S)

    def _hand_over(self, errand: Errand) -> None:
        """Give the attempt to TorchX, unless that was done before."""
        known = app_of(errand.paths)
        errand.handle = known.get("handle")
        errand.is_called_off = errand.is_called_off or known.get("is_called_off", False)
        if errand.handle is not None or errand.is_called_off:
            return
        if known:
            # Whoever began this died before it knew the name; a job that has begun writes it down itself.
            errand.handle = self._find(errand)
            if errand.handle is not None:
                write_json(errand.paths.app, {**known, "handle": errand.handle})
        if errand.handle is None and not errand.is_cancelled:
            self._schedule(errand)

    def _find(self, errand: Errand) -> str | None:
        name = start_of(errand.submission)["app"]["name"]
        return next(iter(self._sdk.handles(errand.what, errand.scheduler, name)), None)

    def _schedule(self, errand: Errand) -> None:
        paths, submission = errand.paths, errand.submission
        try:
            request = request_of(submission, self._sdk)
            files_of_torchx(submission).mkdir(mode=0o700, parents=True, exist_ok=True)
            document = start_of(submission, self._env)
            write_json(paths.app, document["app"])
            if not errand.is_boxed:
                write_json(paths.start, document)
            handle = self._sdk.schedule(errand.what, errand.scheduler, request)
        except (NemorunError, OSError) as error:
            if is_passing(error):
                raise  # it is handed over again: `_find` tells whether it was taken
            self._refuse(errand, error)
            return
        known = app_of(paths)
        errand.handle = known.get("handle", handle)
        if errand.scheduler == "local_cwd":
            self._held.append(errand)
        write_json(paths.app, {**known, "handle": errand.handle})

    def _refuse(self, errand: Errand, error: NemorunError | OSError) -> None:
        """Take it that the attempt was not taken, when that is sure."""
        errand.handle = self._find(errand) if errand.is_boxed else None
        if errand.handle is not None or not (errand.is_boxed or self._call_off(errand)):
            return  # it was taken all the same
        errand.paths.app.unlink(missing_ok=True)
        errand.refusal = _cannot_write(error) if isinstance(error, OSError) else error
        errand.is_over = True

    def _call_off(self, errand: Errand) -> bool:
        """Make sure that an attempt which has not begun never will; False when it has."""
        if errand.paths.process.exists():
            return False
        try:
            errand.paths.start.unlink()
        except FileNotFoundError:
            known = app_of(errand.paths)
            return not known  # nobody was told of it
        return True

    def _cancel(self, errand: Errand) -> None:
        if not errand.is_called_off and self._call_off(errand):
            known = app_of(errand.paths)
            if known:
                write_json(errand.paths.app, {**known, "is_called_off": True})
            errand.is_called_off = True
        process = process_of(errand.paths)
        is_resting = errand.trouble is not None and time.monotonic() < errand.look_at
        if errand.handle is None or errand.is_cancel_sent or is_resting:
            return
        if process is None or not is_on_this_host(process):
            self._sdk.cancel(errand.what, errand.scheduler, errand.handle)
            errand.is_cancel_sent = True

    def _look(self, errand: Errand) -> None:
        # Of an attempt that was handed over twice, the app that took it says which one it is.
        taker = (app_of(errand.paths)).get("handle")
        if taker not in (None, errand.handle):
            errand.handle, errand.view, errand.said = taker, None, ""
        state, message = self._sdk.status(errand.what, errand.scheduler, str(errand.handle))
        now = time.monotonic()
        errand.heard_at = datetime.now(UTC)
        # A job that has begun tells by its own files how it goes on, and TorchX asks for one app at a time.
        longest = (
            _LONGEST_PAUSE_S if errand.is_boxed or not errand.paths.process.exists() else _CALM_S
        )
        errand.pause_s = min(errand.pause_s * 1.5, longest)
        if errand.said != state:
            errand.said, errand.said_since, errand.pause_s = state, now, SHORTEST_PAUSE_S
        since_s = now - errand.said_since
        # Accounting may know of a job later than the one who submitted it.
        if state != GONE or since_s >= _GONE_AFTER_S:
            errand.view = View(state=state, message=message, since_s=since_s)
            self._copy_log(errand, errand.view)

    def _copy_log(self, errand: Errand, view: View) -> None:
        if not errand.is_boxed or errand.handle is None:
            return
        if errand.mirror is None and (view.is_final or view.state == "RUNNING"):
            errand.mirror = Mirror(errand.submission, errand.handle, self._sdk)
        if errand.mirror is not None and view.is_final:
            errand.mirror.stop()


def _cannot_write(error: OSError) -> ExecutorRefused:
    return ExecutorRefused(f"{error.filename}: cannot be written ({error.strerror})")
