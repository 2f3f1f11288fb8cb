"""Which jobs are skipped, and which may start."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nemorun_discover.lifecycle.decide import decide
from nemorun_discover.model.job import Job
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


def decision(states, after=None, **limits):
    """Jobs a, b, c… in these states; `after` says what each waits for (`{"b": "a"}`)."""
    names = "abcdefgh"[: len(states)]
    jobs = tuple(
        Job(
            id=name,
            slug=name,
            task=name,
            file="t.py",
            executor="local",
            after={one: (one,) for one in (after or {}).get(name, "")},
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
    return "".join(job.id for job in found.ready)


@pytest.mark.parametrize(
    ("states", "after", "expected"),
    [
        ("", {}, ""),
        ("ppp", {}, "abc"),
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
