"""The driver's journal entries, made from what schedulers answer. Pure."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from nemorun_discover.model.event import Event, EventType
from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.protocol import Fact

if TYPE_CHECKING:
    from datetime import datetime

    from nemorun_discover.model.status import AttemptStatus
    from nemorun_discover.schedulers.protocol import Started


def order_of(fact: Fact) -> float:
    """The key to sort facts by before they are taken in: the journal is to tell who ended first."""
    return fact.ended_at.timestamp() if fact.ended_at else inf


def intent(job_id: str, attempt: int, now: datetime) -> Event:
    """An attempt is about to be submitted."""
    return Event(at=now, type=EventType.INTENT, job=job_id, attempt=attempt)


def started(job_id: str, attempt: int, answer: Started, now: datetime) -> tuple[Event, Event]:
    """The backend has taken an attempt."""
    submitted = Event(
        at=now,
        type=EventType.SUBMITTED,
        job=job_id,
        attempt=attempt,
        native_id=answer.native_id,
        handle=answer.handle,
        host=answer.host,
    )
    changed = Event(
        at=now,
        type=EventType.STATE,
        job=job_id,
        attempt=attempt,
        state=answer.state,
        started_at=answer.started_at or now,
    )
    return submitted, changed


def arrived(job_id: str, attempt: int, fact: Fact, now: datetime) -> tuple[Event, ...]:
    """The backend has taken an attempt, and told its id later; what it says of that is the experiment's note."""
    submitted = Event(
        at=now,
        type=EventType.SUBMITTED,
        job=job_id,
        attempt=attempt,
        native_id=fact.native_id,
        handle=fact.handle,
        host=fact.host,
    )
    if fact.message is None or fact.state is State.PLANNED or fact.state.is_final:
        return (submitted,)
    return submitted, Event(at=now, type=EventType.NOTE, message=fact.message)


def refused(job_id: str, attempt: int, fact: Fact, now: datetime) -> tuple[Event, Event]:
    """The backend did not take an attempt, nor will anybody ask it again."""
    note = Event(at=now, type=EventType.NOTE, job=job_id, attempt=attempt, message=fact.message)
    rests = Event(
        at=now,
        type=EventType.STATE,
        job=job_id,
        attempt=attempt,
        state=State.PLANNED,
        reason=Reason.REFUSED,
    )
    return note, rests


def retry_refused(
    job_id: str, attempt: int, fact: Fact, failed: AttemptStatus, now: datetime
) -> tuple[Event, ...]:
    """The backend did not take another attempt of a job that has failed: it has failed, as it did then."""
    note = Event(at=now, type=EventType.NOTE, job=job_id, attempt=attempt, message=fact.message)
    refused = Event(
        at=now,
        type=EventType.ATTEMPT,
        job=job_id,
        attempt=attempt,
        state=State.FAILED,
        reason=Reason.REFUSED,
        ended_at=now,
    )
    stays = Event(
        at=now,
        type=EventType.STATE,
        job=job_id,
        attempt=failed.number,
        state=State.FAILED,
        reason=failed.reason,
        exit_code=failed.exit_code,
        signal=failed.signal,
        started_at=failed.started_at,
        ended_at=failed.ended_at,
    )
    return note, refused, stays


def changed(job_id: str, attempt: int, fact: Fact, now: datetime) -> Event:
    """A job has changed its state, without ending an attempt or after it."""
    return Event(
        at=now,
        type=EventType.STATE,
        job=job_id,
        attempt=attempt,
        state=fact.state,
        reason=fact.reason,
        raw_state=fact.raw_state,
        started_at=fact.started_at,
        ended_at=fact.ended_at,
        message=fact.message if fact.state.is_final else None,
    )


def ended(job_id: str, attempt: int, fact: Fact, now: datetime) -> Event:
    """An attempt has ended."""
    return Event(
        at=now,
        type=EventType.ATTEMPT,
        job=job_id,
        attempt=attempt,
        state=fact.state,
        reason=fact.reason,
        raw_state=fact.raw_state,
        exit_code=fact.exit_code,
        signal=fact.signal,
        host=fact.host,
        started_at=fact.started_at,
        ended_at=fact.ended_at or now,
        message=fact.message,
    )


def requeued(job_id: str, attempt: int, fact: Fact | None, now: datetime) -> Event:
    """An attempt has ended since its backend began another one by itself; `fact` is what is known of its end."""
    known = fact or Fact(state=State.FAILED)
    return ended(job_id, attempt, replace(known, state=State.FAILED, reason=Reason.REQUEUED), now)


def failed_to_start(
    job_id: str, attempt: int, sentence: str, now: datetime, *, reason: str = Reason.START_FAILED
) -> tuple[Event, Event]:
    """An attempt could not be submitted; the sentence says why."""
    note = Event(at=now, type=EventType.NOTE, job=job_id, attempt=attempt, message=sentence)
    failed = Event(
        at=now,
        type=EventType.STATE,
        job=job_id,
        attempt=attempt,
        state=State.FAILED,
        reason=reason,
        message=sentence,
        ended_at=now,
    )
    return note, failed
