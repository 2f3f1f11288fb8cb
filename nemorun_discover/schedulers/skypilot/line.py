"""The thread that carries the jobs of one cluster, or all managed ones, through SkyPilot.

It takes what the driver hands over, asks SkyPilot, and keeps the answers where the driver finds them without
waiting.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event, Thread
from typing import TYPE_CHECKING

from nemorun_discover.errors import NemorunError
from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.protocol import Fact
from nemorun_discover.schedulers.skypilot.ending import ending_of
from nemorun_discover.schedulers.skypilot.follow import Follower
from nemorun_discover.schedulers.skypilot.refusals import ServerAway
from nemorun_discover.schedulers.skypilot.states import meaning_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemorun_discover.schedulers.skypilot.run import Key, Run
    from nemorun_discover.schedulers.skypilot.service import Service

LOOK_S = 5.0  # every look costs the API server a second of a processor
_LONGEST_LOOK_S = 30.0  # also while the logs of all jobs are followed: their end is seen there
_PAUSE_S = 0.3
# A job that SkyPilot does not list is looked for this often in a row, and once in another way, before it is lost.
_MISSING = 3
_GONE = "SkyPilot lists no such job any more, and it has left nothing"
_LOG_TRIES = 3
# SkyPilot itself waits for its server for a minute each time.
_START_TRIES = 3


class Line(Thread):
    """One line of jobs.

    Args:
        name: What it is called: the cluster, or "managed jobs".
        service: What asks SkyPilot.

    Attributes:
        heard_at: When SkyPilot answered last.
        trouble: Why it does not answer, a sentence.
        doing: What is being done that takes time.
    """

    def __init__(self, name: str, service: Service) -> None:
        super().__init__(name=name, daemon=True)
        self._service = service
        self._runs: dict[Key, Run] = {}
        self._closed = Event()
        self._wakeup = Event()
        self._missing: dict[Key, int] = {}
        self._starting: Run | None = None
        self._look_at = 0.0
        self._look_s = LOOK_S
        self.heard_at: datetime | None = None
        self.trouble: str | None = None
        self.doing: str | None = None

    def add(self, run: Run) -> None:
        """Take a job; nothing happens for one that is here."""
        self._runs.setdefault(run.key, run)
        self._wakeup.set()

    def get(self, key: Key) -> Run | None:
        """The run of an attempt."""
        return self._runs.get(key)

    def cancel(self, key: Key) -> None:
        """Ask for the end of a job; a launch that is under way is given up."""
        run = self._runs.get(key)
        if run is None or run.is_cancelled:
            return
        run.is_cancelled = True
        self._wakeup.set()
        if self._starting is run:
            Thread(target=self._give_up, args=(run,), daemon=True).start()

    def close(self) -> None:
        """Stop; what runs goes on."""
        self._closed.set()
        self._wakeup.set()

    def run(self) -> None:
        """Go on until closed."""
        while not self._closed.is_set():
            self._wakeup.wait(_PAUSE_S)
            self._wakeup.clear()
            open_runs = [one for one in list(self._runs.values()) if one.fact is None]
            for one in open_runs:
                self._advance(one)
            if time.monotonic() >= self._look_at and any(one.id is not None for one in open_runs):
                self._look([one for one in open_runs if one.id is not None])

    def _advance(self, run: Run) -> None:
        if run.id is None:
            self._start(run)
        elif run.is_cancelled and not run.is_told_to_end:
            self._cancel(run)
        if run.id is not None and run.follower is not None and run.follower.is_over:
            self._conclude(run)

    def _start(self, run: Run) -> None:
        if run.is_cancelled:
            self._end(run, Fact(state=State.CANCELLED))
            return
        self._starting, self.doing = (
            run,
            f"{self.name}: asking SkyPilot for {run.submission.job.id}",
        )
        try:
            self._service.start(run)
            self._hear(None)
        except NemorunError as error:
            self._refused(run, error)
        finally:
            self._starting = self.doing = None
        self._look_at = 0.0
        if run.id is not None:
            self._follow(run)

    def _follow(self, run: Run) -> None:
        follower = Follower(run, lambda sink: self._service.follow(run, sink), self._log_has_ended)
        run.follower = follower
        follower.start()

    def _log_has_ended(self, run: Run) -> None:
        """The follower's thread tells: what the job left is taken in without waiting for anybody."""
        if not run.is_cancelled:
            self._conclude(run)
        self._look_at = 0.0
        self._wakeup.set()

    def _refused(self, run: Run, error: NemorunError) -> None:
        run.start_tries += 1
        if isinstance(error, ServerAway) and run.start_tries < _START_TRIES:
            run.was_asked = True  # the request may have arrived, and its answer not
            self._hear(error)
            return
        if run.is_cancelled:
            self._end(run, Fact(state=State.CANCELLED))
            return
        sentence = f"{error.message}; {error.hint}" if error.hint else error.message
        self._tidy(run, self._service.tidy_refused)
        run.fact = Fact(state=State.PLANNED, reason=Reason.REFUSED, message=sentence)

    def _give_up(self, run: Run) -> None:
        try:
            self._service.give_up(run)
        except NemorunError as error:
            self._hear(error)

    def _cancel(self, run: Run) -> None:
        try:
            self._service.cancel(run)
            run.is_told_to_end = True
            self._hear(None)
        except NemorunError as error:
            self._hear(error)
        self._look_at = 0.0

    def _look(self, runs: list[Run]) -> None:
        try:
            words = self._service.states(runs)
            self._hear(None)
        except NemorunError as error:
            self._hear(error)
            self._look_s = min(self._look_s * 2, _LONGEST_LOOK_S)
            self._look_at = time.monotonic() + self._look_s
            return
        for run in runs:
            self._heard_of(run, words.get(run.id or 0))
        is_quiet = all(one.begun_at and not one.is_cancelled for one in runs)
        self._look_s = _LONGEST_LOOK_S if is_quiet else LOOK_S
        self._look_at = time.monotonic() + self._look_s

    def _heard_of(self, run: Run, word: str | None) -> None:
        if word is None:
            self._missing[run.key] = self._missing.get(run.key, 0) + 1
            if self._missing[run.key] >= _MISSING and run.fact is None and self._is_gone(run):
                self._end(run, Fact(state=State.FAILED, reason=Reason.LOST, message=_GONE))
            return
        self._missing.pop(
            run.key, None
        )  # in a row: one answer that lists it is worth more than any that do not
        run.raw = word
        is_final = meaning_of(word)[0].is_final
        follower = run.follower
        if follower is None or not follower.is_over or run.fact is not None:
            if follower is None:
                self._follow(run)
            return
        # It ended before the job did, or could not be read.
        if not is_final or (follower.trouble and run.log_tries < _LOG_TRIES):
            run.log_tries += is_final
            self._follow(run)

    def _is_gone(self, run: Run) -> bool:
        """Whether SkyPilot, asked in another way, does not know the job either; no answer is none."""
        try:
            return self._service.is_gone(run)
        except NemorunError as error:
            self._hear(error)
            return False

    def _conclude(self, run: Run) -> None:
        with run.lock:
            fact = ending_of(run) if run.fact is None else None
        if fact is not None:
            self._end(run, fact)

    def _end(self, run: Run, fact: Fact) -> None:
        """The last of a cancelled line leaves no cluster; the fact comes after that."""
        if run.is_cancelled:
            others = [one for one in self._runs.values() if one.fact is None and one is not run]
            if all(one.is_cancelled for one in others):
                self._tidy(run, self._service.tidy)
        if fact.reason == Reason.LOST and run.damage is not None:
            fact = replace(fact, reason=Reason.DAMAGED, message=run.damage)
        run.fact = fact

    def _tidy(self, run: Run, how: Callable[[Run], None]) -> None:
        self.doing = f"{self.name}: tearing down what was started"
        try:
            how(run)
        except NemorunError as error:
            self._hear(error)
        finally:
            self.doing = None

    def _hear(self, error: NemorunError | None) -> None:
        if error is None:
            self.heard_at, self.trouble = datetime.now(UTC), None
        else:
            self.trouble = error.message
