"""Replay: from a record and its events to where every job stands. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from nemorun_discover.model.event import Event, EventType
from nemorun_discover.model.state import Reason, State, combine
from nemorun_discover.model.status import AttemptStatus, CodeChange, ExperimentStatus, JobStatus
from nemorun_discover.secrets import masked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nemorun_discover.model.layout import ExperimentLayout
    from nemorun_discover.model.record import Record


def replay(
    record: Record, events: Iterable[Event], *, layout: ExperimentLayout, as_of: datetime
) -> ExperimentStatus:
    """Where an experiment stands after these events.

    Args:
        record: What was asked.
        events: What happened, oldest first; those of unknown jobs are left out.
        layout: Where the experiment's files lie, for the paths of logs and outputs.
        as_of: The time the answer speaks of.
    """
    jobs = blank_statuses(record, layout)
    notes: list[str] = []
    for event in events:
        if event.type is EventType.NOTE and event.job is None and event.message:
            notes.append(event.message)
        apply_event(jobs, event, layout)
    return summarise(record, tuple(jobs.values()), as_of=as_of, notes=tuple(notes))


def blank_statuses(record: Record, layout: ExperimentLayout) -> dict[str, JobStatus]:
    """By job id, the status of a job to which nothing has happened yet."""
    return {
        job.id: JobStatus(
            id=job.id,
            slug=job.slug,
            task=job.task,
            params=masked(job.params),
            executor=job.executor,
            state=State.PLANNED,
            outputs=str(layout.job(job.slug).outputs),
        )
        for job in record.jobs
    }


def apply_event(jobs: dict[str, JobStatus], event: Event, layout: ExperimentLayout) -> None:
    """Bring the status of the event's job up to date; other jobs and unknown ones stay as they are."""
    if event.job in jobs:
        jobs[event.job] = _APPLY.get(event.type, _keep)(jobs[event.job], event, layout)


def summarise(
    record: Record, jobs: tuple[JobStatus, ...], *, as_of: datetime, notes: tuple[str, ...]
) -> ExperimentStatus:
    """The experiment's own line, from those of its jobs."""
    is_over = all(job.is_settled for job in jobs)
    ends = [job.ended_at for job in jobs if job.ended_at]
    return ExperimentStatus(
        id=record.id,
        title=record.title,
        state=combine(map(_counted_as, jobs)),
        created_at=record.created_at,
        ended_at=max(ends, default=None) if is_over else None,
        as_of=as_of,
        jobs=jobs,
        notes=notes,
    )


def _counted_as(job: JobStatus) -> State:
    if job.is_well:
        return State.SUCCEEDED
    return State.FAILED if job.is_refused or job.state is State.SUCCEEDED else job.state


def _keep(job: JobStatus, _event: Event, _layout: ExperimentLayout) -> JobStatus:
    return job


def _intend(job: JobStatus, event: Event, layout: ExperimentLayout) -> JobStatus:
    number = event.attempt or 1
    log = str(layout.job(job.slug).attempt(number).log)
    attempt = AttemptStatus(number=number, state=State.SUBMITTED, submitted_at=event.at, log=log)
    return replace(
        job,
        attempt=number,
        state=State.SUBMITTED,
        reason=None,
        message=None,
        raw_state=None,
        exit_code=None,
        signal=None,
        native_id=None,
        handle=None,
        submitted_at=event.at,
        started_at=None,
        ended_at=None,
        as_of=event.at,
        log=log,
        attempts=(*(one for one in job.attempts if one.number != number), attempt),
    )


def _submit(job: JobStatus, event: Event, _layout: ExperimentLayout) -> JobStatus:
    return replace(
        job,
        native_id=event.native_id,
        handle=event.handle,
        as_of=event.at,
        attempts=_attempts(job, event, native_id=event.native_id, host=event.host),
    )


def _change_state(job: JobStatus, event: Event, _layout: ExperimentLayout) -> JobStatus:
    state = event.state or State.UNKNOWN
    has_ended = state.is_final or event.reason == Reason.REFUSED
    attempts = job.attempts
    if state is State.RUNNING or (job.is_lost and not has_ended):
        # Reason and end are those of an attempt that was taken for lost before.
        again = {"state": state, "reason": None, "ended_at": None}
        attempts = _attempts(job, event, **again, started_at=event.started_at or job.started_at)
    job = replace(
        job,
        state=state,
        reason=event.reason,
        message=event.message,
        raw_state=event.raw_state,
        exit_code=job.exit_code if event.exit_code is None else event.exit_code,
        signal=job.signal if event.signal is None else event.signal,
        as_of=event.at,
        started_at=event.started_at or job.started_at,
        ended_at=(event.ended_at or job.ended_at or event.at) if has_ended else None,
        attempts=attempts,
    )
    return _without_open_attempt(job) if has_ended else job


def _without_open_attempt(job: JobStatus) -> JobStatus:
    """An attempt that never ended by itself, since it could not be started, ended with its job."""
    ended = {"state": job.state, "reason": job.reason, "ended_at": job.ended_at}
    attempts = tuple(
        one if one.state.is_final else replace(one, **ended)  # type: ignore[arg-type]  # its own names
        for one in job.attempts
    )
    return replace(job, attempts=attempts)


def _end_attempt(job: JobStatus, event: Event, _layout: ExperimentLayout) -> JobStatus:
    ended = {
        "reason": event.reason,
        "exit_code": event.exit_code,
        "signal": event.signal,
        "started_at": event.started_at or job.started_at,
        "ended_at": event.ended_at or event.at,
    }
    attempts = _attempts(job, event, state=event.state or State.UNKNOWN, **ended)
    return replace(job, as_of=event.at, attempts=attempts, **ended)  # type: ignore[arg-type]  # one dict serves both


def _note_code(job: JobStatus, event: Event, _layout: ExperimentLayout) -> JobStatus:
    value = event.value if isinstance(event.value, dict) else {}
    digest, files, sha256 = (value.get(name) for name in ("digest", "files", "sha256"))
    change = CodeChange(
        when=str(value.get("when")),
        digest=digest if isinstance(digest, str) else None,
        files=_texts(files),
        sha256=_texts(sha256),
        more=more if isinstance(more := value.get("more"), int) else 0,
    )
    attempts = tuple(
        replace(one, code=(*one.code, change)) if one.number == event.attempt else one
        for one in job.attempts
    )
    return replace(job, attempts=attempts)


def _texts(value: object) -> dict[str, str]:
    return {str(key): str(one) for key, one in value.items()} if isinstance(value, dict) else {}


def _take_result(job: JobStatus, event: Event, _layout: ExperimentLayout) -> JobStatus:
    return replace(job, result=event.value, as_of=event.at)


def _attempts(job: JobStatus, event: Event, **changes: object) -> tuple[AttemptStatus, ...]:
    """The job's attempts, that of the event changed."""
    return tuple(
        replace(one, **changes)  # type: ignore[arg-type]  # names are AttemptStatus's own
        if one.number == (event.attempt or job.attempt)
        else one
        for one in job.attempts
    )


_APPLY = {
    EventType.INTENT: _intend,
    EventType.SUBMITTED: _submit,
    EventType.STATE: _change_state,
    EventType.ATTEMPT: _end_attempt,
    EventType.RESULT: _take_result,
    EventType.CODE: _note_code,
}
