"""The schedulers of one experiment, and the submissions of its jobs to them."""

from __future__ import annotations

from collections import ChainMap
from typing import TYPE_CHECKING

from nemorun_discover.lifecycle.submission import submission_of
from nemorun_discover.schedulers.table import scheduler_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from nemorun_discover.model.job import Job
    from nemorun_discover.model.layout import ExperimentLayout
    from nemorun_discover.model.record import Record
    from nemorun_discover.model.status import Contact
    from nemorun_discover.schedulers.protocol import Scheduler, Submission
    from nemorun_discover.transport.tunnel import Ask


class Crew:
    """One scheduler per kind of executor in the record.

    Args:
        record: The experiment.
        layout: Its folder.
        runtime: The zip that runs jobs.
        env: The caller's environment.
        secrets: By executor and by job, the values that are not in the record.
        ask: Puts what a login asks to the user; None where nobody is there.
        wake: Has the driver look at once; None where nobody rests.
    """

    def __init__(
        self,
        record: Record,
        layout: ExperimentLayout,
        *,
        runtime: Path,
        env: Mapping[str, str],
        secrets: Mapping[str, Mapping[str, str]],
        ask: Ask | None = None,
        wake: Callable[[], None] | None = None,
    ) -> None:
        self._record = record
        self._layout = layout
        self._runtime = runtime
        self._env = env
        self._secrets = secrets
        self.ask = ask
        self._wake = wake
        self._schedulers: dict[str, Scheduler] = {}
        self._submissions: dict[tuple[str, int], Submission] = {}

    def scheduler_of(self, job: Job) -> Scheduler:
        """The scheduler of a job's executor."""
        kind = self._record.executors[job.executor]["kind"]
        if kind not in self._schedulers:
            scheduler = self._schedulers[kind] = scheduler_of(job.executor, kind, self._env)
            scheduler.ask = self.ask
            if self._wake is not None:
                scheduler.wake = self._wake
        return self._schedulers[kind]

    def in_one_queue(self, job: Job, upstream: Job) -> bool:
        """True when both go to one queue, in which the first can wait for the other."""
        kind, other = (self._record.executors[one.executor]["kind"] for one in (job, upstream))
        return kind == other and self.has_queue(job) and self._queue(job) == self._queue(upstream)

    def can_start(self, unit: Sequence[Job]) -> bool:
        """False when these, which start together, must wait for room on this machine.

        Raises:
            NemorunError: They could not start however long they waited.
        """
        submissions = [self.submission_of(job, 1) for job in unit]
        return self.scheduler_of(unit[0]).can_start(submissions)

    def has_queue(self, job: Job) -> bool:
        """True when its backend takes jobs whether or not there is room for them."""
        return self._queue(job) is not None

    def _queue(self, job: Job) -> str | None:
        return self.scheduler_of(job).queue_of(self.submission_of(job, 1))

    def contacts(self) -> dict[str, Contact]:
        """By executor, how its backend is heard."""
        return {
            name: contact
            for scheduler in self._schedulers.values()
            for name, contact in scheduler.contacts().items()
        }

    def close(self) -> None:
        """Nothing more will be asked of the schedulers."""
        for scheduler in self._schedulers.values():
            scheduler.close()

    def submission_of(self, job: Job, attempt: int) -> Submission:
        """An attempt of a job as its scheduler wants it.

        Raises:
            ConfigError: A secret's value is not known any more.
        """
        key = (job.id, attempt)
        if key not in self._submissions:
            own, executors = self._secrets.get(job.id, {}), self._secrets.get(job.executor, {})
            self._submissions[key] = submission_of(
                self._record,
                job,
                attempt=attempt,
                layout=self._layout,
                runtime=self._runtime,
                secrets=ChainMap(dict(own), dict(executors), dict(self._env)),
            )
        return self._submissions[key]
