"""Which members of a group are stopped when another one has ended, and as what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nemorun_discover.lifecycle.groups import Stop, members_to_stop
from nemorun_discover.model.job import Job
from nemorun_discover.model.layout import ExperimentLayout
from nemorun_discover.model.record import GroupPolicy, Project, Record
from nemorun_discover.model.replay import blank_statuses
from nemorun_discover.model.state import Reason, State

AT = datetime(2026, 11, 22, tzinfo=UTC)
FAILED = Stop(state=State.CANCELLED, reason=Reason.GROUP_FAILED)
DONE = Stop(state=State.SUCCEEDED, reason=Reason.GROUP_DONE)
R, S, F, X, P = State.RUNNING, State.SUCCEEDED, State.FAILED, State.CANCELLED, State.PLANNED


def stops(policy, *states, group="g", reasons=None):
    """Members a, b, c… of one group in these states, which they entered one after the other."""
    names = "abcdefgh"[: len(states)]
    record = Record(
        id="x",
        title="x",
        created_at=AT,
        argv=(),
        cwd="/",
        user="me",
        host="here",
        versions={},
        project=Project(root="/", name="n"),
        jobs=tuple(
            Job(id=name, slug=name, task=name, file="t.py", executor="local", group=group)
            for name in names
        ),
        groups={} if policy is None else {"g": GroupPolicy(policy)},
    )
    statuses = blank_statuses(record, ExperimentLayout(Path("/x")))
    for number, (name, state) in enumerate(zip(names, states, strict=True)):
        reason = (reasons or {}).get(name)
        as_of = AT + timedelta(seconds=number)
        statuses[name] = replace(statuses[name], state=state, as_of=as_of, reason=reason)
    return members_to_stop(record, statuses)


@pytest.mark.parametrize("state", [S, F, X], ids=str)
@pytest.mark.parametrize("policy", ["all", None], ids=["all", "none said"])
def test_under_all_nobody_is_stopped(policy, state):
    assert stops(policy, state, R) == {}


@pytest.mark.parametrize("policy", GroupPolicy, ids=str)
def test_nobody_is_stopped_while_all_members_run(policy):
    assert stops(policy, R, R, P) == {}


@pytest.mark.parametrize(
    ("policy", "state", "stop"),
    [
        ("any_failed", S, None),
        ("any_failed", F, FAILED),
        ("any_failed", X, FAILED),
        ("first_done", S, DONE),
        ("first_done", F, FAILED),
        ("first_done", X, FAILED),
    ],
    ids=str,
)
def test_the_end_of_one_member_stops_those_that_have_not_ended(policy, state, stop):
    assert stops(policy, R, state, P, S) == ({"a": stop, "c": stop} if stop else {})


def test_a_job_of_no_group_is_not_stopped():
    assert stops("any_failed", F, R, group=None) == {}


def test_the_first_that_ended_decides():
    assert stops("first_done", S, F, R) == {"c": DONE}
    assert stops("first_done", F, S, R) == {"c": FAILED}


@pytest.mark.parametrize(
    ("first", "reason", "stop"),
    [(S, Reason.GROUP_DONE, FAILED), (X, Reason.GROUP_FAILED, DONE)],
    ids=str,
)
def test_a_member_that_was_stopped_decides_nothing(first, reason, stop):
    second = F if stop is FAILED else S

    assert stops("first_done", first, second, R, reasons={"a": reason}) == {"c": stop}


def test_a_member_that_was_stopped_is_no_failure_of_its_own():
    assert stops("any_failed", X, S, R, reasons={"a": Reason.GROUP_FAILED}) == {}
