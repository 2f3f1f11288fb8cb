"""What to do next with the jobs of an experiment. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.model.state import Reason, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.model.job import Job
    from nemorun_discover.model.record import Record
    from nemorun_discover.model.status import JobStatus

ACTIVE = frozenset({State.SUBMITTED, State.PENDING, State.RUNNING, State.UNKNOWN})


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What follows from where the jobs stand.

    Attributes:
        skip: Jobs that will never start, with the reason.
        ready: Jobs that wait for nothing any more, in the order of the record.
        room: How many of them may start now (`-j`).
    """

    skip: Mapping[str, str]
    ready: tuple[Job, ...]
    room: int


def decide(record: Record, jobs: Mapping[str, JobStatus]) -> Decision:
    """Which planned jobs to skip, and which may start.

    Args:
        record: The experiment.
        jobs: By id, where each job stands.
    """
    skip: dict[str, str] = {}
    ready: list[Job] = []
    has_failed_enough = _count_failed(jobs) >= (record.maxfail or len(jobs) + 1)
    for job in record.jobs:
        if jobs[job.id].state is not State.PLANNED:
            continue
        waits_for = [jobs[one] for ids in job.after.values() for one in ids]
        if any(one.state.is_final and one.state is not State.SUCCEEDED for one in waits_for):
            skip[job.id] = Reason.UPSTREAM_FAILED
        elif has_failed_enough:
            skip[job.id] = Reason.MAXFAIL
        elif all(one.state is State.SUCCEEDED for one in waits_for):
            ready.append(job)
    return Decision(skip=skip, ready=tuple(ready), room=_room(record, jobs))


def _count_failed(jobs: Mapping[str, JobStatus]) -> int:
    return sum(job.state is State.FAILED for job in jobs.values())


def _room(record: Record, jobs: Mapping[str, JobStatus]) -> int:
    if record.max_jobs is None:
        return len(jobs)
    active = sum(job.state in ACTIVE for job in jobs.values())
    return max(0, record.max_jobs - active)
