"""Events: what happened in an experiment, one JSON object a line in events.jsonl."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from nemorun_discover.model.state import State
from nemorun_discover.model.task import Json

# The note of a driver that took over from one that died.
CAUGHT_UP = "a new driver has taken over"


class EventType(StrEnum):
    """The kinds of event.

    INTENT: an attempt is about to be submitted. SUBMITTED: the backend has taken it. STATE: a job has
    changed its state. ATTEMPT: an attempt has ended. RESULT: what the task returned. CANCEL: somebody
    asked to cancel a job, or all. CODE: an attempt runs other files than those that were planned; its value is
    a `CodeChange`. NOTE: a sentence for the reader.
    """

    INTENT = "intent"
    SUBMITTED = "submitted"
    STATE = "state"
    ATTEMPT = "attempt"
    RESULT = "result"
    CANCEL = "cancel"
    CODE = "code"
    NOTE = "note"


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that happened; fields that do not concern its type are None.

    Attributes:
        at: When it was written down.
        job: The job's id; None for the experiment as a whole.
        attempt: Counted from 1.
        native_id: The backend's own id (for a local job the process id).
        value: The result, for RESULT; for CODE, the fields of `model.status.CodeChange`.
        message: The sentence of a NOTE, who asked, for CANCEL, or what is known of an end beside its reason.
    """

    at: datetime
    type: EventType
    job: str | None = None
    attempt: int | None = None
    state: State | None = None
    reason: str | None = None
    raw_state: str | None = None
    native_id: str | None = None
    handle: str | None = None
    host: str | None = None
    exit_code: int | None = None
    signal: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    value: Json = None
    message: str | None = None


def utc_now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)
