"""What to do next with the jobs of an experiment. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.model.job import Condition
from nemorun_discover.model.state import Reason, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nemorun_discover.model.job import Job
    from nemorun_discover.model.record import Record
    from nemorun_discover.model.status import JobStatus

ACTIVE = frozenset({State.SUBMITTED, State.PENDING, State.RUNNING, State.UNKNOWN})


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What follows from where the jobs stand.

    Attributes:
        skip: Jobs that will never start, with the reason.
        ready: What waits for nothing any more, in the order of the record: jobs that start together, and
            jobs without a group alone.
        room: How many jobs may start now (`-j`).
        is_idle: No job is active: what is larger than all the room there is may start too.
    """

    skip: Mapping[str, str]
    ready: tuple[tuple[Job, ...], ...]
    room: int
    is_idle: bool


def _never_in_one_queue(_job: Job, _upstream: Job) -> bool:
    return False


def decide(
    record: Record,
    jobs: Mapping[str, JobStatus],
    in_one_queue: Callable[[Job, Job], bool] = _never_in_one_queue,
) -> Decision:
    """Which planned jobs to skip, and which may start.

    The members of a group are skipped together and ready together.

    Args:
        record: The experiment.
        jobs: By id, where each job stands.
        in_one_queue: Whether a job may be handed over while one that it waits for has not ended: whoever takes
            both holds it back.
    """
    skip: dict[str, str] = {}
    ready: list[tuple[Job, ...]] = []
    queues = _Queues(record, jobs, in_one_queue)
    has_failed_enough = _count_failed(jobs) >= (record.maxfail or len(jobs) + 1)
    for unit in _planned(record, jobs):
        upstream = [edge for job in unit for edge in _upstream(job, jobs)]
        reason = next((found for edge in upstream if (found := _never(*edge))), None)
        if reason is None and has_failed_enough:
            reason = Reason.MAXFAIL
        if reason is not None:
            skip.update({job.id: reason for job in unit})
        elif all(one.state.is_final for _, one in upstream) or queues.takes(unit):
            ready.append(unit)
            queues.handed_over.update(job.id for job in unit)
    active = sum(job.state in ACTIVE for job in jobs.values())
    room = len(jobs) if record.max_jobs is None else max(0, record.max_jobs - active)
    return Decision(skip=skip, ready=tuple(ready), room=room, is_idle=not active)


def has_attempts_left(job: Job, status: JobStatus) -> bool:
    """True when a job whose attempt has failed is to be tried again; one that was put back into a queue is no try."""
    failed = (one for one in status.attempts if one.state is State.FAILED)
    return sum(one.reason != Reason.REQUEUED for one in failed) <= job.retries


def still_waits_for(job: Job, jobs: Mapping[str, JobStatus]) -> dict[str, Condition]:
    """What a job that is handed over has to wait for where it runs, and how that has to end."""
    return {
        one: job.conditions.get(one, Condition.OK)
        for ids in job.after.values()
        for one in ids
        if not jobs[one].state.is_final
    }


def _planned(record: Record, jobs: Mapping[str, JobStatus]) -> Iterator[tuple[Job, ...]]:
    """The jobs that have not begun, those of a group together where its first one stands."""
    groups: dict[str, list[Job]] = {}
    for job in record.jobs:
        if jobs[job.id].state is State.PLANNED and not jobs[job.id].is_refused:
            key = f"job {job.id}" if job.group is None else f"group {job.group}"
            groups.setdefault(key, []).append(job)
    return map(tuple, groups.values())


class _Queues:
    """Which jobs may wait where they run, and not here.

    Limits of the whole experiment (`-j`, `--maxfail`) are kept here, so that then all of them wait here; a job
    that may be tried again is waited for here too, since its next attempt is another one to whoever runs it.
    """

    def __init__(
        self,
        record: Record,
        jobs: Mapping[str, JobStatus],
        in_one_queue: Callable[[Job, Job], bool],
    ) -> None:
        self._by_id = {job.id: job for job in record.jobs}
        self._jobs = jobs
        self._in_one_queue = in_one_queue
        self._has_limits = record.max_jobs is not None or record.maxfail is not None
        self.handed_over = {id_ for id_, job in jobs.items() if job.state in ACTIVE}

    def takes(self, unit: tuple[Job, ...]) -> bool:
        """True when every job that these wait for has ended, or is in the same queue before them."""
        return not self._has_limits and all(
            self._jobs[one].state.is_final or self._is_before(job, one)
            for job in unit
            for ids in job.after.values()
            for one in ids
        )

    def _is_before(self, job: Job, upstream: str) -> bool:
        other = self._by_id[upstream]
        return upstream in self.handed_over and not other.retries and self._in_one_queue(job, other)


def _upstream(job: Job, jobs: Mapping[str, JobStatus]) -> Iterator[tuple[Condition, JobStatus]]:
    for ids in job.after.values():
        for one in ids:
            yield job.conditions.get(one, Condition.OK), jobs[one]


def _never(condition: Condition, job: JobStatus) -> Reason | None:
    """Why a condition will not come true any more; None while it may, or has.

    A job that was cancelled or skipped has ended without success: Slurm's `afternotok` means the same, as
    it cancels what waits in vain.
    """
    if job.is_refused:
        return Reason.UPSTREAM_FAILED
    state = job.state
    if not state.is_final:
        return None
    if condition is Condition.OK and state is not State.SUCCEEDED:
        return Reason.UPSTREAM_FAILED
    if condition is Condition.NOTOK and state is State.SUCCEEDED:
        return Reason.UPSTREAM_SUCCEEDED
    return None


def _count_failed(jobs: Mapping[str, JobStatus]) -> int:
    return sum(job.state is State.FAILED for job in jobs.values())
