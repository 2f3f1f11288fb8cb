"""From what a user typed to exactly one job of an experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.cli.reference import pick_jobs
from nemorun_discover.errors import UsageError
from nemorun_discover.lifecycle.observe import observe_record

if TYPE_CHECKING:
    from nemorun_discover.model.job import Job
    from nemorun_discover.model.record import Record
    from nemorun_discover.store.home import Home

_SHOWN = 5


def find_one_job(home: Home, record: Record, name: str) -> Job:
    """The job that a name means.

    Raises:
        UsageError: None, or more than one, is meant.
    """
    found = pick_jobs(observe_record(home, record), [name])
    if len(found) > 1:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise UsageError(
            f"{name!r} means {len(found)} jobs of {record.id}: {', '.join(found[:_SHOWN])}{more}",
            hint="give the id of one",
        )
    return next(job for job in record.jobs if job.id == found[0])
