"""The board: where every job of an experiment stands now, kept in step with its journal."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from nemorun_discover.lifecycle.contact import with_contacts
from nemorun_discover.lifecycle.observe import damage_notes, with_result
from nemorun_discover.model.event import Event, EventType, utc_now
from nemorun_discover.model.replay import apply_event, blank_statuses, summarise
from nemorun_discover.model.state import State
from nemorun_discover.store.journal import append_events, read_journal

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemorun_discover.model.job import Job
    from nemorun_discover.model.layout import ExperimentLayout
    from nemorun_discover.model.record import Record
    from nemorun_discover.model.status import ExperimentStatus, JobStatus


class Board:
    """What one process knows of an experiment; it learns from the journal only, its own entries too.

    Args:
        record: What was asked.
        layout: The experiment's folder.
        tell: Is told of every entry that this process writes about a job, when it is in the journal, and
            where the job stands then.

    Attributes:
        record: What was asked.
        root: The experiment's folder.
        jobs: By job id, where it stands.
        cancelling: Ids of the jobs somebody asked to cancel.
        notes: What happened that belongs to no single job.
    """

    def __init__(
        self,
        record: Record,
        layout: ExperimentLayout,
        tell: Callable[[Event, JobStatus], None] = lambda *_: None,
    ) -> None:
        self.record = record
        self.root = layout.root
        self._tell = tell
        self.jobs: dict[str, JobStatus] = blank_statuses(record, layout)
        self.cancelling: set[str] = set()
        self.notes: list[str] = []
        self._layout = layout
        self._offset = 0
        self._damaged = 0
        self._with_result: set[str] = set()
        self.refresh()

    @property
    def size(self) -> int:
        """How much of the journal has been read, in bytes: it grows with every change."""
        return self._offset

    @property
    def contact_mark(self) -> int:
        """Changes whenever the driver has written down how clusters are heard; 0 before."""
        try:
            return self._layout.contact.stat().st_mtime_ns
        except OSError:
            return 0

    def refresh(self) -> None:
        """Read what the journal has got since the last time."""
        journal = read_journal(self._layout.events, self._offset)
        self._offset = journal.end
        # A line number would be that of this reading, which begins anywhere.
        self._damaged += len(journal.damaged)
        for event in journal.events:
            apply_event(self.jobs, event, self._layout)
            if event.type is EventType.CANCEL:
                self.cancelling |= {event.job} if event.job else set(self.jobs)
            elif event.type is EventType.NOTE and event.job is None and event.message:
                self.notes.append(event.message)

    def status(self) -> ExperimentStatus:
        """Where the experiment stands, with the results that were too large for the journal."""
        for job_id, job in self.jobs.items():
            if job.state is State.SUCCEEDED and job_id not in self._with_result:
                self._with_result.add(job_id)
                self.jobs[job_id] = with_result(job, self._layout)
        jobs, notes = tuple(self.jobs.values()), tuple(self.notes)
        if self._damaged:
            notes = (*notes, *damage_notes(self._layout, read_journal(self._layout.events).damaged))
        status = summarise(self.record, jobs, as_of=utc_now(), notes=notes)
        return with_contacts(status, self._layout)

    def write(self, *events: Event) -> None:
        """Append to the journal, then take it in."""
        append_events(self._layout.events, events)
        self.refresh()
        for event in events:
            if event.job in self.jobs:
                self._tell(event, self.jobs[event.job])

    def say_in_log(self, job: Job, attempt: int, sentence: str) -> None:
        """Where `nemorun logs` and the failure report look; the journal has it too."""
        paths = self._layout.job(job.slug).attempt(attempt)
        with suppress(OSError):
            paths.root.mkdir(mode=0o700, exist_ok=True)
            with paths.log.open("a") as log:
                log.write(f"nemorun: {sentence}\n")

    def change_state(self, job_id: str, state: State, reason: str | None = None) -> None:
        """Write down that a job has changed its state without an attempt of its own."""
        now = utc_now()
        ended_at = now if state.is_final else None
        self.write(
            Event(
                at=now,
                type=EventType.STATE,
                job=job_id,
                state=state,
                reason=reason,
                ended_at=ended_at,
            )
        )

    @property
    def has_begun(self) -> bool:
        """True when the journal holds anything at all."""
        return self._offset > 0

    @property
    def is_over(self) -> bool:
        """True when no job will change any more."""
        return all(job.is_settled for job in self.jobs.values())
