"""From evidence to a fact: what the job left, then squeue, then sacct."""

from __future__ import annotations

import pytest

from nemorun_discover.model.job import Condition
from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.slurm.rows import AccountRow, QueueRow
from nemorun_discover.schedulers.slurm.verdict import LOOKS_UNTIL_LOST, Evidence, fact_of

BEGUN = {"started_at": "2026-11-22T07:12:03+00:00", "native_id": "7"}
FINE = {"exit_code": 0, "signal": None, "reason": None, "host": "a1"}
BAD = {"exit_code": 3, "signal": None, "reason": "EXIT_CODE", "host": "a1"}
PREEMPTED = {"exit_code": None, "signal": "SIGTERM", "reason": "PREEMPTED", "host": "a1"}
KILLED = {"exit_code": None, "signal": "SIGTERM", "reason": "SIGNAL", "host": "a1"}


def in_queue(state, reason="None"):
    return QueueRow(native_id="7", state=state, reason=reason, nodes="a1")


def in_account(state, **fields):
    return AccountRow(native_id="7", state=state, **fields)


def end(fact):
    return None if fact is None else (fact.state, fact.reason, fact.exit_code)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ({}, None),
        ({"ended": FINE}, (State.SUCCEEDED, None, 0)),
        ({"ended": BAD}, (State.FAILED, "EXIT_CODE", 3)),
        ({"ended": FINE, "queue": in_queue("RUNNING")}, (State.SUCCEEDED, None, 0)),
        ({"ended": BAD, "queue": in_queue("COMPLETED")}, (State.FAILED, "EXIT_CODE", 3)),
        ({"ended": KILLED, "queue": in_queue("TIMEOUT")}, (State.FAILED, Reason.TIMEOUT, None)),
        ({"ended": KILLED, "queue": in_queue("CANCELLED")}, (State.CANCELLED, None, None)),
        # Slurm has yet to say whether it puts the job back: it may be preempted.
        ({"ended": KILLED, "queue": in_queue("RUNNING")}, None),
        ({"ended": PREEMPTED, "queue": in_queue("COMPLETING")}, None),
        ({"ended": PREEMPTED, "queue": in_queue("PREEMPTED")}, (State.FAILED, "PREEMPTED", None)),
        ({"ended": PREEMPTED}, (State.FAILED, "PREEMPTED", None)),
        ({"ended": KILLED, "queue": in_queue("FAILED")}, (State.FAILED, "SIGNAL", None)),
        (
            {"ended": KILLED, "queue": in_queue("RUNNING"), "shares": True},
            (State.FAILED, "SIGNAL", None),
        ),
        ({"ended": BAD, "queue": in_queue("RUNNING")}, (State.FAILED, "EXIT_CODE", 3)),
        ({"queue": in_queue("PENDING", "Priority")}, (State.PENDING, None, None)),
        ({"queue": in_queue("RUNNING"), "begun": BEGUN}, (State.RUNNING, None, None)),
        ({"queue": in_queue("FAILED"), "begun": BEGUN}, None),
        (
            {"queue": in_queue("FAILED"), "begun": BEGUN, "misses": 2},
            (State.FAILED, Reason.EXIT_CODE, None),
        ),
        ({"queue": in_queue("COMPLETED")}, None),
        (
            {"queue": in_queue("COMPLETED"), "misses": LOOKS_UNTIL_LOST},
            (State.FAILED, Reason.LOST, None),
        ),
        ({"account": in_account("RUNNING")}, None),
        ({"account": in_account("COMPLETED", exit_code=0)}, (State.SUCCEEDED, None, 0)),
        ({"account": in_account("FAILED", exit_code=6)}, (State.FAILED, Reason.EXIT_CODE, 6)),
        (
            {"account": in_account("FAILED", exit_code=0, signal="SIGKILL")},
            (State.FAILED, Reason.SIGNAL, None),
        ),
        (
            {"account": in_account("COMPLETED", exit_code=0, is_oom=True)},
            (State.FAILED, Reason.OUT_OF_MEMORY, 0),
        ),
        ({"account": in_account("CANCELLED by alice")}, (State.CANCELLED, None, None)),
        ({"misses": LOOKS_UNTIL_LOST - 1}, None),
        ({"misses": LOOKS_UNTIL_LOST}, (State.FAILED, Reason.LOST, None)),
        ({"was_cancelled": True}, (State.CANCELLED, None, None)),
    ],
)
def test_a_fact_follows_from_the_best_evidence(evidence, expected):
    assert end(fact_of(Evidence(**evidence))) == expected


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        (Condition.OK, Reason.UPSTREAM_FAILED),
        (Condition.NOTOK, Reason.UPSTREAM_SUCCEEDED),
    ],
)
@pytest.mark.parametrize("state", ["PENDING", "CANCELLED"])
def test_a_job_that_waits_in_vain_is_skipped(condition, reason, state):
    row = in_queue(state, "DependencyNeverSatisfied")

    fact = fact_of(Evidence(queue=row, waits_for={"prepare@slurm_a": condition}))

    assert (fact.state, fact.reason) == (State.SKIPPED, reason)


def test_one_that_slurm_cancelled_without_anybody_s_name_waited_in_vain():
    waits = {"prepare@slurm_a": Condition.OK}

    fact = fact_of(Evidence(account=in_account("CANCELLED"), waits_for=waits))

    assert fact.state is State.SKIPPED


def test_who_cancelled_it_is_told_where_it_is_known():
    fact = fact_of(Evidence(account=in_account("CANCELLED by bob"), queue=in_queue("CANCELLED")))

    assert fact.raw_state == "CANCELLED by bob"


def test_what_was_known_when_the_end_was_announced_counts_when_nothing_better_came():
    ending = {"exit_code": None, "signal": "SIGTERM", "reason": "TIMEOUT"}

    early = fact_of(Evidence(ending=ending, begun=BEGUN, queue=in_queue("COMPLETING")))
    late = fact_of(Evidence(ending=ending, begun=BEGUN, misses=LOOKS_UNTIL_LOST // 2))

    assert early.state is State.RUNNING
    assert (late.state, late.reason) == (State.FAILED, "TIMEOUT")


def test_who_cancelled_it_is_waited_for_a_little_where_accounting_will_tell():
    ended = {"exit_code": None, "signal": "SIGTERM", "reason": "CANCELLED"}
    known = {"ended": ended, "queue": in_queue("CANCELLED")}

    assert fact_of(Evidence(**known, has_accounting=True)) is None
    assert fact_of(Evidence(**known, has_accounting=True, account=in_account("RUNNING"))) is None
    told = fact_of(Evidence(**known, has_accounting=True, account=in_account("CANCELLED by bob")))
    assert (told.state, told.raw_state) == (State.CANCELLED, "CANCELLED by bob")
    for settled in ({"misses": 2, "has_accounting": True}, {"was_cancelled": True}, {}):
        assert fact_of(Evidence(**known, **settled)).state is State.CANCELLED
