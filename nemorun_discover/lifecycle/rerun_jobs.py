"""Which jobs of a record run again, and what becomes of those that they waited for. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nemorun_discover.errors import UsageError
from nemorun_discover.model.job import Condition
from nemorun_discover.model.state import State

if TYPE_CHECKING:
    from collections.abc import Collection

    from nemorun_discover.model.job import Job
    from nemorun_discover.model.record import Record
    from nemorun_discover.model.status import ExperimentStatus

_WHOLE_GROUP = "the group {group} runs again as a whole: also {others}"


def whole_groups(record: Record, chosen: Collection[str]) -> tuple[set[str], tuple[str, ...]]:
    """The ids with those of every other member of their groups, and a sentence for each group that grew."""
    wanted = set(chosen)
    groups = dict.fromkeys(job.group for job in record.jobs if job.id in wanted and job.group)
    notes = []
    for group in groups:
        others = [job.id for job in record.jobs if job.group == group and job.id not in wanted]
        if others:
            notes.append(_WHOLE_GROUP.format(group=group, others=", ".join(others)))
            wanted.update(others)
    return wanted, tuple(notes)


def jobs_again(
    record: Record, status: ExperimentStatus, chosen: Collection[str]
) -> tuple[Job, ...]:
    """The chosen jobs, waiting for what runs again and taking the rest from where it was done.

    Args:
        record: The experiment.
        status: Where its jobs stand.
        chosen: Ids; whole groups.

    Raises:
        UsageError: A job waits for one that does not run again and did not end as it had to.
    """
    upstream = _Upstream(record, status, chosen)
    return tuple(upstream.of(job) for job in record.jobs if job.id in chosen)


class _Upstream:
    """What jobs wait for: one of the chosen, or the folder of one that has ended."""

    def __init__(self, record: Record, status: ExperimentStatus, chosen: Collection[str]) -> None:
        self._chosen = chosen
        self._states = {job.id: job.state for job in status.jobs}
        self._places = {job.id: f"{record.id}/{job.slug}" for job in record.jobs}

    def of(self, job: Job) -> Job:
        after: dict[str, tuple[str, ...]] = {}
        earlier = dict(job.earlier)
        for task, ids in job.after.items():
            again = tuple(one for one in ids if one in self._chosen)
            done = [one for one in ids if one not in self._chosen and self._is_done(job, one)]
            if again:
                after[task] = again
            if done:
                earlier[task] = (*earlier.get(task, ()), *(self._places[one] for one in done))
        conditions = {one: how for one, how in job.conditions.items() if one in self._chosen}
        return replace(job, after=after, conditions=conditions, earlier=earlier)

    def _is_done(self, job: Job, upstream: str) -> bool:
        """Whether the upstream job's folder can be used; False for one that nothing is known of yet."""
        condition = job.conditions.get(upstream, Condition.OK)
        state = self._states[upstream]
        if condition is Condition.OK and state is not State.SUCCEEDED:
            raise UsageError(
                f"{job.id} comes after {upstream}, which has not succeeded",
                hint="select both, or use --failed",
            )
        has_failed = state.is_final and state is not State.SUCCEEDED
        if condition is Condition.NOTOK and not has_failed:
            raise UsageError(
                f"{job.id} runs when {upstream} has failed, which it has not",
                hint="select both",
            )
        return state.is_final
