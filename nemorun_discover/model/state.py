"""The states of a job and of an experiment, and which of two is worse."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class State(StrEnum):
    """Where a job stands; the value is the word in JSON, records and tables."""

    PLANNED = "PLANNED"
    SUBMITTED = "SUBMITTED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"
    UNKNOWN = "UNKNOWN"

    @property
    def is_final(self) -> bool:
        """True when the job will not change any more by itself."""
        return self in FINAL


FINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.SKIPPED})

# From best to worst, for jobs that are all final.
_BADNESS = (State.SUCCEEDED, State.SKIPPED, State.CANCELLED, State.FAILED)


class Reason(StrEnum):
    """Why a job is in its state, where one word says it; exit codes and signals have their own field."""

    EXIT_CODE = "EXIT_CODE"
    SIGNAL = "SIGNAL"
    TIMEOUT = "TIMEOUT"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    NODE_FAIL = "NODE_FAIL"
    PREEMPTED = "PREEMPTED"
    UPSTREAM_FAILED = "UPSTREAM_FAILED"
    UPSTREAM_SUCCEEDED = "UPSTREAM_SUCCEEDED"
    GROUP_FAILED = "GROUP_FAILED"
    GROUP_DONE = "GROUP_DONE"
    MAXFAIL = "MAXFAIL"
    LOST = "LOST"
    DAMAGED = "DAMAGED"
    START_FAILED = "START_FAILED"
    SETUP_FAILED = "SETUP_FAILED"
    REFUSED = "REFUSED"
    REQUEUED = "REQUEUED"


def combine(states: Iterable[State]) -> State:
    """The state of an experiment whose jobs have these states.

    All final: the worst of them. Otherwise RUNNING as soon as one job has started or ended,
    and else the state that most jobs still share (PENDING, SUBMITTED, PLANNED).
    """
    seen = set(states)
    if not seen:
        return State.PLANNED
    if seen <= FINAL:
        return max(seen, key=_BADNESS.index)
    if State.RUNNING in seen or seen & FINAL:
        return State.RUNNING
    for state in (State.UNKNOWN, State.PENDING, State.SUBMITTED):
        if state in seen:
            return state
    return State.PLANNED
