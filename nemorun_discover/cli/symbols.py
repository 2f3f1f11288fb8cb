"""How a state looks: its symbol, its colour, and its place among others."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nemorun_discover.model.state import Reason, State

if TYPE_CHECKING:
    from nemorun_discover.cli.console import Span
    from nemorun_discover.model.status import AttemptStatus, JobStatus


class _Look(NamedTuple):
    symbol: str
    ascii: str
    style: str


_LOOKS = {
    State.PLANNED: _Look("·", ".", ""),
    State.SUBMITTED: _Look("○", "o", ""),
    State.PENDING: _Look("○", "o", ""),
    State.RUNNING: _Look("▸", ">", "busy"),
    State.SUCCEEDED: _Look("✓", "+", "good"),
    State.FAILED: _Look("✗", "x", "bad"),
    State.CANCELLED: _Look("■", "#", "odd"),
    State.SKIPPED: _Look("↷", "-", "odd"),
    State.UNKNOWN: _Look("?", "?", "odd"),
}

_REASONS: dict[str, str] = {
    Reason.TIMEOUT: "timeout",
    Reason.OUT_OF_MEMORY: "out of memory",
    Reason.NODE_FAIL: "node failed",
    Reason.PREEMPTED: "preempted",
    Reason.UPSTREAM_FAILED: "upstream failed",
    Reason.MAXFAIL: "too many failures",
    Reason.LOST: "lost",
    Reason.DAMAGED: "damaged",
    Reason.START_FAILED: "could not start",
    Reason.SETUP_FAILED: "its setup failed",
    Reason.REFUSED: "refused",
    Reason.REQUEUED: "requeued",
}


def state_span(state: State, *, unicode: bool) -> Span:
    """`✓ SUCCEEDED` in its colour; `+ SUCCEEDED` where the encoding has no `✓`."""
    look = _LOOKS[state]
    return f"{look.symbol if unicode else look.ascii} {state}", look.style


def style_of(state: State) -> str:
    """The style a state is drawn in."""
    return _LOOKS[state].style


def reason_words(job: JobStatus) -> str:
    """Why the job is in its state, in two or three words; empty when there is nothing to say."""
    failed = job.last_failure
    if job.state in (State.SUBMITTED, State.PENDING) and failed is not None:
        why = _REASONS.get(failed.reason or "") or _how_it_ended(failed) or "failed"
        waits = f"; {_waits(job)}" if job.waits_for else ""
        return f"attempt {failed.number}: {why}{waits}"
    if job.waits_for:
        return _waits(job)
    if job.reason is None or job.reason in (Reason.EXIT_CODE, Reason.SIGNAL, "CANCELLED"):
        return _how_it_ended(job)
    return _REASONS.get(job.reason, job.reason.lower().replace("_", " "))


def _waits(job: JobStatus) -> str:
    start = job.expected_start_at
    about = f", about {start.astimezone():%m-%d %H:%M}" if start else ""
    return f"waits for {job.waits_for}{about}"


def _how_it_ended(job: JobStatus | AttemptStatus) -> str:
    if job.state is not State.FAILED:
        return ""
    if job.signal:
        return job.signal
    return f"exit code {job.exit_code}" if job.exit_code is not None else ""
