"""From the evidence of an attempt to the one fact that follows from it. Pure.

Evidence in its order: what the job itself left (`ended`, `begun`), what squeue says, what sacct says. A question
that got no answer is no evidence: it leaves a job as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nemorun_discover.model.job import Condition
from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.protocol import Fact
from nemorun_discover.schedulers.slurm.rows import first_host
from nemorun_discover.schedulers.slurm.words import NEVER, meaning_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.schedulers.slurm.rows import AccountRow, QueueRow

# Looks at a cluster that answers, in which a job is nowhere, until it is taken for lost: accounting lags behind,
# and so do network file systems.
LOOKS_UNTIL_LOST = 4
# How a member of a group ended that its policy stopped, whatever it made of the signal.
_BY_POLICY = {Reason.GROUP_DONE: State.SUCCEEDED, Reason.GROUP_FAILED: State.CANCELLED}
# What ends a job from outside; the job itself sees TERM.
_SLURM_KNOWS_BETTER = frozenset(
    {Reason.TIMEOUT, Reason.OUT_OF_MEMORY, Reason.NODE_FAIL, Reason.PREEMPTED}
)
_FROM_OUTSIDE = frozenset({Reason.PREEMPTED, Reason.REQUEUED, Reason.NODE_FAIL, "CANCELLED"})
_BY_SIGNAL = frozenset({Reason.SIGNAL, Reason.EXIT_CODE})


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What is known of an attempt.

    Attributes:
        begun: What the job wrote when it began (JSON); None when it has not, or the file is torn.
        ended: What it wrote when it ended, likewise.
        ending: What it wrote when Slurm announced its end, likewise; counts when it has really ended.
        queue: Its row in squeue; None when it has none.
        account: Its row in sacct, asked for only when there is nothing better.
        misses: How many looks in a row found it nowhere.
        was_cancelled: The cluster took our scancel for it.
        shares: Others run in the same allocation, which may go on without it.
        has_accounting: The cluster can tell later who cancelled it.
        waits_for: The conditions under which it was to start.
    """

    begun: Mapping[str, Any] | None = None
    ended: Mapping[str, Any] | None = None
    ending: Mapping[str, Any] | None = None
    queue: QueueRow | None = None
    account: AccountRow | None = None
    misses: int = 0
    was_cancelled: bool = False
    shares: bool = False
    has_accounting: bool = False
    waits_for: Mapping[str, Condition] | None = None


def fact_of(evidence: Evidence) -> Fact | None:
    """Where the attempt stands; None when nothing says it."""
    if evidence.ended is not None:
        if _may_begin_again(evidence, evidence.ended):
            return None
        return _as_it_says(evidence, evidence.ended)
    if evidence.ending is not None and _is_gone(evidence):
        return _as_it_says(evidence, evidence.ending)
    if evidence.queue is not None:
        return _as_the_queue_says(evidence, evidence.queue)
    if evidence.account is not None:
        return _as_accounted(evidence, evidence.account)
    return _as_missing(evidence)


def _may_begin_again(evidence: Evidence, ended: Mapping[str, Any]) -> bool:
    """True when something from outside ended it and Slurm has not said yet whether it puts the job back.

    A batch script that is preempted writes its end while the job is RUNNING or COMPLETING; only then is it PENDING
    again, or PREEMPTED (24.11, partitions with PreemptMode=REQUEUE and CANCEL).
    """
    row = evidence.queue
    if row is None or meaning_of(row.state)[0].is_final:
        return False
    if evidence.was_cancelled or evidence.shares:
        return False
    return ended.get("reason") in _FROM_OUTSIDE or ended.get("signal") in ("SIGTERM", "SIGKILL")


def _is_gone(evidence: Evidence) -> bool:
    """True when Slurm does not run it any more, and what it wrote last has had time to arrive."""
    if evidence.misses < LOOKS_UNTIL_LOST // 2:
        return False
    return evidence.queue is None or meaning_of(evidence.queue.state)[0].is_final


def _as_it_says(evidence: Evidence, ended: Mapping[str, Any]) -> Fact | None:
    reason = ended.get("reason")
    if reason == "CANCELLED" and _will_tell_by_whom(evidence):
        return None
    raw = _raw_of(evidence)
    state = State.SUCCEEDED if ended.get("exit_code") == 0 and not reason else State.FAILED
    if reason in _BY_POLICY:
        state = _BY_POLICY[reason]
    elif reason == "CANCELLED":
        state, reason = State.CANCELLED, None
    elif state is State.FAILED and raw and meaning_of(raw)[1] in _SLURM_KNOWS_BETTER:
        reason = meaning_of(raw)[1]  # the job saw a signal only
    elif reason in _BY_SIGNAL and raw and meaning_of(raw)[0] is State.CANCELLED:
        state, reason = State.CANCELLED, None
    return Fact(
        state=state,
        reason=reason,
        raw_state=raw,
        exit_code=ended.get("exit_code"),
        signal=ended.get("signal"),
        host=ended.get("host"),
        started_at=_time(ended.get("started_at")),
        ended_at=_time(ended.get("ended_at")),
    )


def _will_tell_by_whom(evidence: Evidence) -> bool:
    """True when sacct, which lags, is still to say who cancelled it; it is not waited for long."""
    account = evidence.account
    is_told = account is not None and meaning_of(account.state)[0].is_final
    is_patient = evidence.misses < LOOKS_UNTIL_LOST // 2
    return evidence.has_accounting and is_patient and not is_told and not evidence.was_cancelled


def _raw_of(evidence: Evidence) -> str | None:
    """Slurm's own words; those of sacct also say who cancelled it."""
    row = evidence.account or evidence.queue
    return row.state if row else None


def _as_the_queue_says(evidence: Evidence, row: QueueRow) -> Fact | None:
    state, reason = meaning_of(row.state)
    is_in_vain = row.reason.startswith(NEVER)
    if is_in_vain and state in (State.PENDING, State.CANCELLED):
        return _in_vain(evidence, row.state)
    begun = _time((evidence.begun or {}).get("started_at"))
    if state is State.SUCCEEDED and evidence.begun is None:
        # Slurm calls a job completed whose command never ran (22.05, a plugin that did not load).
        return _lost(evidence, row.state) if evidence.misses >= LOOKS_UNTIL_LOST else None
    if state.is_final and evidence.misses < LOOKS_UNTIL_LOST // 2 and evidence.begun is not None:
        return (
            None  # what it wrote at its end may still be on its way through a network file system
        )
    return Fact(
        state=state,
        reason=reason,
        raw_state=_raw_of(evidence) if state is State.CANCELLED else row.state,
        host=first_host(row.nodes),
        exit_code=0 if state is State.SUCCEEDED else None,
        # One that was cancelled while it was pending has a start too: the time of its end.
        started_at=begun or (row.starts_at if row.nodes and state is not State.PENDING else None),
        ended_at=row.ends_at if state.is_final else None,
    )


def _as_accounted(evidence: Evidence, row: AccountRow) -> Fact | None:
    state, reason = meaning_of(row.state)
    if not state.is_final:  # sacct lags: it says RUNNING just after the end
        return None
    who = row.state.partition(" by ")[2]
    if state is State.CANCELLED and not who and evidence.waits_for:
        return _in_vain(evidence, row.state)
    if row.is_oom and state is not State.CANCELLED:
        state, reason = State.FAILED, Reason.OUT_OF_MEMORY
    ended_by_signal = row.signal if reason is Reason.EXIT_CODE else None
    return Fact(
        state=state,
        reason=Reason.SIGNAL if ended_by_signal else reason,
        raw_state=row.state,
        exit_code=None if ended_by_signal or state is State.CANCELLED else row.exit_code,
        signal=ended_by_signal,
        host=first_host(row.nodes),
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def _as_missing(evidence: Evidence) -> Fact | None:
    if evidence.was_cancelled:
        # A pending task of an array that is cancelled alone vanishes from squeue and sacct (22.05).
        return Fact(state=State.CANCELLED, raw_state="CANCELLED")
    return _lost(evidence, None) if evidence.misses >= LOOKS_UNTIL_LOST else None


def _in_vain(evidence: Evidence, raw: str) -> Fact:
    conditions = set((evidence.waits_for or {}).values())
    is_not_needed = conditions == {Condition.NOTOK}
    reason = Reason.UPSTREAM_SUCCEEDED if is_not_needed else Reason.UPSTREAM_FAILED
    return Fact(state=State.SKIPPED, reason=reason, raw_state=raw)


def _lost(evidence: Evidence, raw: str | None) -> Fact:
    return Fact(
        state=State.FAILED,
        reason=Reason.LOST,
        raw_state=raw,
        started_at=_time((evidence.begun or {}).get("started_at")),
    )


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None
