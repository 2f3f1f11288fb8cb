"""Keep the logs on this machine in step with those of jobs elsewhere, while somebody reads them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.lifecycle.observe import observe_record
from nemorun_discover.lifecycle.reading import last_attempts, readers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from nemorun_discover.model.record import Record
    from nemorun_discover.model.status import ExperimentStatus
    from nemorun_discover.schedulers.protocol import Scheduler, Submission
    from nemorun_discover.store.home import Home

# While jobs print, their logs are asked for once a second; of silent ones a fifth as often: each question is a
# remote execution.
SHORTEST_S = 1.0
LONGEST_S = 5.0


class RemoteLogs:
    """The logs of an experiment's jobs elsewhere.

    Args:
        home: Where the experiment is.
        record: The experiment.
        jobs: Ids of the jobs whose logs are read.
        env: The caller's environment.
        tell: Gets a sentence when a cluster cannot be reached; what is here already can be read all the same.
    """

    def __init__(
        self,
        home: Home,
        record: Record,
        jobs: Collection[str],
        env: Mapping[str, str],
        tell: Callable[[str], None],
    ) -> None:
        self._home = home
        self._record = record
        self._jobs = frozenset(jobs)
        self._env = env
        self._tell = tell
        self._fetched_at = float("-inf")
        self._pause_s = SHORTEST_S
        self._final: frozenset[str] = frozenset()
        self._schedulers: dict[str, Scheduler] = {}
        self._told: set[str] = set()

    def look(self) -> ExperimentStatus:
        """Where the experiment stands now; all that its jobs had printed by then is on this machine."""
        status = observe_record(self._home, self._record)
        self._bring(status)
        return status

    def _bring(self, status: ExperimentStatus) -> None:
        """Fetch what is new, at most once a second, and at once for every job that has just ended."""
        wanted = tuple(job for job in status.jobs if job.id in self._jobs)
        final = frozenset(job.id for job in wanted if job.is_settled)
        now = time.monotonic()
        if now - self._fetched_at < self._pause_s and final == self._final:
            return
        alive = tuple(job for job in wanted if job.id not in self._final)
        attempts = last_attempts(self._record, replace(status, jobs=alive))
        has_grown = False
        for scheduler, submissions in readers_of(self._home, self._record, self._env, attempts):
            kept = self._schedulers.setdefault(submissions[0].executor.kind, scheduler)
            before = _sizes(submissions)
            try:
                kept.fetch_logs(submissions)
            except ExecutorRefused as error:
                self._complain(error)
            has_grown = has_grown or _sizes(submissions) != before
        self._pause_s = SHORTEST_S if has_grown else min(LONGEST_S, self._pause_s * 1.2)
        self._fetched_at, self._final = time.monotonic(), final

    def close(self) -> None:
        """End the connections."""
        for scheduler in self._schedulers.values():
            scheduler.close()

    def _complain(self, error: ExecutorRefused) -> None:
        if error.message not in self._told:
            self._told.add(error.message)
            self._tell(f"{error.message}; what is shown is what was fetched before")


def _sizes(submissions: Sequence[Submission]) -> list[int]:
    """Bytes of the logs on this machine."""
    logs = [one.paths.attempt(one.attempt).log for one in submissions]
    return [log.stat().st_size if log.exists() else 0 for log in logs]
