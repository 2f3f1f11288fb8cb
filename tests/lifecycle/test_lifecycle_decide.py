"""Which jobs are skipped, and which may start."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nemorun_discover.lifecycle.decide import decide
from nemorun_discover.model.job import Condition, Job
from nemorun_discover.model.layout import ExperimentLayout
from nemorun_discover.model.record import Project, Record
from nemorun_discover.model.replay import blank_statuses
from nemorun_discover.model.state import State

LETTERS = {
    "p": State.PLANNED,
    "s": State.SUBMITTED,
    "w": State.PENDING,
    "r": State.RUNNING,
    "?": State.UNKNOWN,
    "+": State.SUCCEEDED,
    "-": State.FAILED,
    "x": State.CANCELLED,
    "o": State.SKIPPED,
}


def decision(states, after=None, *, conditions=None, groups=None, **limits):
    """Jobs a, b, c… in these states.

    `after` says what each waits for (`{"b": "a"}`), `conditions` how that must have ended, and `groups`
    what starts together (`{"g": "bc"}`).
    """
    names = "abcdefgh"[: len(states)]
    jobs = tuple(
        Job(
            id=name,
            slug=name,
            task=name,
            file="t.py",
            executor="local",
            after={one: (one,) for one in (after or {}).get(name, "")},
            conditions={
                one: Condition(how) for one, how in (conditions or {}).get(name, {}).items()
            },
            group=next(
                (group for group, members in (groups or {}).items() if name in members), None
            ),
        )
        for name in names
    )
    record = Record(
        id="x",
        title="x",
        created_at=datetime(2026, 11, 22, tzinfo=UTC),
        argv=(),
        cwd="/",
        user="me",
        host="here",
        versions={},
        project=Project(root="/", name="n"),
        jobs=jobs,
        **limits,
    )
    statuses = blank_statuses(record, ExperimentLayout(Path("/x")))
    for name, letter in zip(names, states, strict=True):
        statuses[name] = replace(statuses[name], state=LETTERS[letter])
    return decide(record, statuses)


def ready(found):
    """`a bc`: what is ready, with a space between what does not start together."""
    return " ".join("".join(job.id for job in unit) for unit in found.ready)


@pytest.mark.parametrize(
    ("states", "after", "expected"),
    [
        ("", {}, ""),
        ("ppp", {}, "a b c"),
        ("srw?+-xo", {}, ""),
        ("rp", {"b": "a"}, ""),
        ("?p", {"b": "a"}, ""),
        ("+p", {"b": "a"}, "b"),
        ("pp", {"b": "a"}, "a"),
        ("++p", {"c": "ab"}, "c"),
        ("+rp", {"c": "ab"}, ""),
        ("-p", {}, "b"),
    ],
    ids=str,
)
def test_a_planned_job_is_ready_when_it_waits_for_nothing_any_more(states, after, expected):
    found = decision(states, after)

    assert ready(found) == expected
    assert found.skip == {}
    assert found.room == len(states)


@pytest.mark.parametrize("upstream", ["-", "x", "o"], ids=["failed", "cancelled", "skipped"])
def test_a_job_whose_upstream_did_not_succeed_is_skipped(upstream):
    found = decision(f"{upstream}+pp", {"c": "ab", "d": "b"})

    assert found.skip == {"c": "UPSTREAM_FAILED"}
    assert ready(found) == "d"


def test_a_job_is_skipped_as_soon_as_one_upstream_failed_though_another_runs():
    assert decision("-rp", {"c": "ab"}).skip == {"c": "UPSTREAM_FAILED"}


def test_what_waits_for_a_job_that_is_being_skipped_is_left_for_the_next_look():
    found = decision("-pp", {"b": "a", "c": "b"})

    assert found.skip == {"b": "UPSTREAM_FAILED"}
    assert ready(found) == ""


@pytest.mark.parametrize(
    ("states", "maxfail", "skipped"),
    [
        ("-pp", 1, "bc"),
        ("-pp", 2, ""),
        ("--p", 2, "c"),
        ("---p", 2, "d"),
        ("xop", 1, ""),
        ("-rp", 1, "c"),
        ("-p", None, ""),
    ],
    ids=[
        "first",
        "not yet",
        "enough",
        "more",
        "only failures count",
        "running goes on",
        "no limit",
    ],
)
def test_after_enough_failures_nothing_is_started(states, maxfail, skipped):
    found = decision(states, maxfail=maxfail)

    assert "".join(found.skip) == skipped
    assert set(found.skip.values()) <= {"MAXFAIL"}
    assert not set(ready(found)) & set(skipped)


def test_a_failed_upstream_is_the_better_reason():
    assert decision("-p", {"b": "a"}, maxfail=1).skip == {"b": "UPSTREAM_FAILED"}


@pytest.mark.parametrize(
    ("states", "max_jobs", "room"),
    [
        ("ppp", None, 3),
        ("rrp", None, 3),
        ("ppp", 2, 2),
        ("rpp", 2, 1),
        ("rsp", 2, 0),
        ("rsw?p", 2, 0),
        ("+-xop", 1, 1),
    ],
    ids=["none", "none with active", "all free", "one taken", "full", "over", "ended ones"],
)
def test_there_is_room_for_as_many_jobs_as_may_run(states, max_jobs, room):
    assert decision(states, max_jobs=max_jobs).room == room


@pytest.mark.parametrize(
    ("condition", "states", "expected"),
    [
        ("ok", "+p", "ready"),
        ("ok", "-p", "UPSTREAM_FAILED"),
        ("ok", "xp", "UPSTREAM_FAILED"),
        ("ok", "op", "UPSTREAM_FAILED"),
        ("any", "+p", "ready"),
        ("any", "-p", "ready"),
        ("any", "xp", "ready"),
        ("any", "op", "ready"),
        ("notok", "+p", "UPSTREAM_SUCCEEDED"),
        ("notok", "-p", "ready"),
        ("notok", "xp", "ready"),
        ("notok", "op", "ready"),
        *((condition, f"{active}p", "waits") for condition in Condition for active in "srw?"),
    ],
    ids=str,
)
def test_a_condition_says_how_the_upstream_job_must_have_ended(condition, states, expected):
    found = decision(states, {"b": "a"}, conditions={"b": {"a": condition}})

    assert found.skip == ({} if expected in ("ready", "waits") else {"b": expected})
    assert ready(found) == ("b" if expected == "ready" else "")


def test_every_condition_must_have_come_true():
    after, conditions = {"c": "ab"}, {"c": {"a": "any", "b": "notok"}}

    assert ready(decision("--p", after, conditions=conditions)) == "c"
    assert ready(decision("-rp", after, conditions=conditions)) == ""
    assert decision("r+p", after, conditions=conditions).skip == {"c": "UPSTREAM_SUCCEEDED"}


def test_after_enough_failures_what_waits_for_a_failure_is_not_started_either():
    found = decision("-p", {"b": "a"}, conditions={"b": {"a": "notok"}}, maxfail=1)

    assert found.skip == {"b": "MAXFAIL"}


@pytest.mark.parametrize(
    ("states", "after", "expected"),
    [
        ("pppp", {}, "a bd c"),
        ("rppp", {"d": "a"}, "c"),
        ("+ppp", {"d": "a"}, "bd c"),
        ("rrpp", {}, "d c"),
        ("pxpp", {}, "a d c"),
    ],
    ids=["all ready", "one waits", "none waits any more", "half begun", "one cancelled"],
)
def test_the_members_of_a_group_are_ready_together(states, after, expected):
    found = decision(states, after, groups={"g": "bd"})

    assert sorted(ready(found).split()) == sorted(expected.split())
    assert found.skip == {}


def test_a_group_of_which_one_member_will_never_start_is_skipped_as_a_whole():
    found = decision("-prp", {"d": "a", "b": "c"}, groups={"g": "bd"})

    assert found.skip == {"b": "UPSTREAM_FAILED", "d": "UPSTREAM_FAILED"}
    assert ready(found) == ""


def test_a_group_and_a_job_with_the_name_of_one_are_two_things():
    found = decision("pp", groups={"a": "b"})

    assert ready(found) == "a b"


@pytest.mark.parametrize(
    ("states", "is_idle"), [("pp", True), ("+-xop", True), ("rp", False), ("?p", False)], ids=str
)
def test_nothing_runs_when_no_job_is_active(states, is_idle):
    assert decision(states).is_idle is is_idle
