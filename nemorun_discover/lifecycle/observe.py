"""Where an experiment stands, as its journal tells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nemorun_discover.files import read_json
from nemorun_discover.lifecycle.contact import with_contacts
from nemorun_discover.model.event import utc_now
from nemorun_discover.model.replay import replay
from nemorun_discover.model.state import State
from nemorun_discover.store.journal import read_events

if TYPE_CHECKING:
    from nemorun_discover.model.layout import ExperimentLayout
    from nemorun_discover.model.record import Record
    from nemorun_discover.model.status import ExperimentStatus, JobStatus
    from nemorun_discover.store.home import Home


def observe(home: Home, experiment_id: str) -> ExperimentStatus:
    """Where the experiment stands now.

    Raises:
        StoreError: Its record or its journal cannot be read.
    """
    return observe_record(home, home.read_record(experiment_id))


def observe_record(home: Home, record: Record) -> ExperimentStatus:
    """The same for a record that was read already."""
    layout = home.layout.experiment(record.id)
    events, _ = read_events(layout.events)
    status = replay(record, events, layout=layout, as_of=utc_now())
    status = replace(status, jobs=tuple(with_result(job, layout) for job in status.jobs))
    return with_contacts(status, layout)


def with_result(job: JobStatus, layout: ExperimentLayout) -> JobStatus:
    """The job with its result, where that was too large for the journal."""
    if job.state is not State.SUCCEEDED or job.result is not None:
        return job
    return replace(job, result=read_json(layout.job(job.slug).result))
