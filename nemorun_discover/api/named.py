"""Jobs and groups by what they are called: an id, or a name alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.config.nearest import hint_for
from nemorun_discover.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nemorun_discover.model.job import Job


def group_ids(jobs: Iterable[Job]) -> dict[str, tuple[str, ...]]:
    """By the id of each group (`g@local`), the ids of its members."""
    members: dict[str, list[Job]] = {}
    for job in jobs:
        if job.group is not None:
            members.setdefault(job.group, []).append(job)
    return {
        f"{name}@{those[0].executor}": tuple(one.id for one in those)
        for name, those in members.items()
    }


def jobs_called(name: str, jobs: Sequence[Job], what: str) -> tuple[str, ...]:
    """The ids of the job, or of the group's members, that a name means.

    Args:
        name: A job's id or a group's, with or without `@executor`.
        jobs: Those there are.
        what: Whose they are, for messages.

    Raises:
        UsageError: It means none, or jobs on several executors.
    """
    units = {**{job.id: (job.id,) for job in jobs}, **group_ids(jobs)}
    if name in units:
        return units[name]
    found = [one for one in units if _bare(one) == name]
    if len(found) > 1:
        raise UsageError(
            f"{name!r} means {len(found)} jobs of {what}: {', '.join(found)}",
            hint="say which, with its executor",
        )
    if not found:
        known = [*units, *map(_bare, units)]
        raise UsageError(
            f"{what} has no job {name!r}", hint=hint_for(name, known, what="its jobs are")
        )
    return units[found[0]]


def _bare(job_id: str) -> str:
    return job_id.rpartition("@")[0]
