"""Where an experiment stands, as its journal tells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nemorun_discover.documents import read_value
from nemorun_discover.errors import DamagedFile, UnreadableFile
from nemorun_discover.lifecycle.contact import with_contacts
from nemorun_discover.model.event import utc_now
from nemorun_discover.model.replay import replay, summarise
from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.local.evidence import late_end
from nemorun_discover.store.journal import read_journal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nemorun_discover.model.layout import ExperimentLayout
    from nemorun_discover.model.record import Record
    from nemorun_discover.model.status import ExperimentStatus, JobStatus
    from nemorun_discover.schedulers.protocol import Fact
    from nemorun_discover.store.home import Home

_LINES_NAMED = 3


def observe(home: Home, experiment_id: str) -> ExperimentStatus:
    """Where the experiment stands now.

    Raises:
        StoreError: Its record or its journal cannot be read.
    """
    return observe_record(home, home.read_record(experiment_id))


def observe_record(home: Home, record: Record) -> ExperimentStatus:
    """The same for a record that was read already."""
    layout = home.layout.experiment(record.id)
    journal = read_journal(layout.events)
    status = replay(record, journal.events, layout=layout, as_of=utc_now())
    jobs = tuple(with_result(job, layout) for job in status.jobs)
    notes = (*status.notes, *damage_notes(layout, journal.damaged))
    status = summarise(record, jobs, as_of=status.as_of, notes=notes)
    return with_contacts(status, layout)


def with_result(job: JobStatus, layout: ExperimentLayout) -> JobStatus:
    """The job with its result, where that was too large for the journal; one that cannot be read is told."""
    if job.state is not State.SUCCEEDED or job.result is not None:
        return job
    try:
        return replace(job, result=read_value(layout.job(job.slug).result))
    except DamagedFile as error:
        return replace(job, reason=Reason.DAMAGED, message=error.message)
    except UnreadableFile as error:
        return replace(job, message=error.message)


def damage_notes(layout: ExperimentLayout, lines: Sequence[int]) -> Iterator[str]:
    """Sentences on damage that belongs to no job, and that nothing was lost by which is not found again."""
    if lines:
        which = ", ".join(map(str, lines[:_LINES_NAMED])) + (", …" if lines[_LINES_NAMED:] else "")
        yield f"{layout.events} is damaged in line {which}: what stood there is passed over"


def late_ends(layout: ExperimentLayout, jobs: Iterable[JobStatus]) -> dict[str, Fact]:
    """By id, how jobs ended that were taken for lost, or whose evidence was damaged, and have told it since."""
    found = {}
    for job in jobs:
        if job.state is State.FAILED and job.reason in (Reason.LOST, Reason.DAMAGED):
            fact = late_end(layout.job(job.slug).attempt(job.attempt)) if job.attempt else None
            if fact is not None:
                found[job.id] = fact
    return found
