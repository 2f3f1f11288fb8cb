"""The board, the driver's entries, and what an observer makes of them."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nemorun_discover.errors import StoreError
from nemorun_discover.files import write_json
from nemorun_discover.lifecycle import entries
from nemorun_discover.lifecycle.board import Board
from nemorun_discover.lifecycle.observe import observe, observe_record
from nemorun_discover.model.event import Event, EventType
from nemorun_discover.model.job import Job
from nemorun_discover.model.record import Project, Record
from nemorun_discover.model.state import State
from nemorun_discover.schedulers.protocol import Fact, Started
from nemorun_discover.store.create import create_experiment
from nemorun_discover.store.home import Home
from nemorun_discover.store.journal import append_events, read_events

AT = datetime(2026, 11, 22, 7, 12, tzinfo=UTC)
ID = "20261122-0712-f-x7k2"
JOBS = tuple(
    Job(id=f"{one}@local", slug=one, task=one, file="t.py", executor="local") for one in "fg"
)
RECORD = Record(
    id=ID,
    title="f",
    created_at=AT,
    argv=(),
    cwd="/",
    user="me",
    host="here",
    versions={},
    project=Project(root="/", name="n"),
    jobs=JOBS,
    executors={"local": {"kind": "local"}},
)


@pytest.fixture
def kept(tmp_path):
    home = Home(tmp_path / "home")
    os.close(create_experiment(home, RECORD, {"f": {}, "g": {}}))
    return home


@pytest.fixture
def layout(kept):
    return kept.layout.experiment(ID)


@pytest.fixture
def board(layout):
    return Board(RECORD, layout)


def event(type_, job="f@local", **fields):
    return Event(at=AT, type=EventType(type_), job=job, **fields)


def test_a_new_board_has_every_job_planned(board):
    assert {one: job.state for one, job in board.jobs.items()} == {
        "f@local": State.PLANNED,
        "g@local": State.PLANNED,
    }
    assert (board.has_begun, board.is_over, board.cancelling) == (False, False, set())


def test_a_board_takes_in_what_the_journal_has_already(layout):
    append_events(layout.events, [event("intent", attempt=1), event("cancel")])

    board = Board(RECORD, layout)

    assert board.jobs["f@local"].state is State.SUBMITTED
    assert (board.has_begun, board.cancelling) == (True, {"f@local"})


def test_what_is_written_is_in_the_journal_and_on_the_board(board, layout):
    board.write(event("intent", attempt=1))

    assert board.jobs["f@local"].attempt == 1
    assert [one.type for one in read_events(layout.events)[0]] == [EventType.INTENT]


def test_what_another_process_writes_is_taken_in_once(board, layout):
    append_events(layout.events, [event("state", state=State.FAILED)])

    board.refresh()
    board.refresh()

    assert board.jobs["f@local"].state is State.FAILED


def test_what_could_not_be_written_is_not_on_the_board(board, layout, permissions_hold):
    layout.events.touch()
    layout.events.chmod(0o400)

    with pytest.raises(StoreError):
        board.write(event("intent", attempt=1))

    assert board.jobs["f@local"].state is State.PLANNED


def test_what_is_written_of_a_job_is_told_with_where_the_job_stands_then(layout):
    told = []
    board = Board(RECORD, layout, lambda event, job: told.append((event.type, job.id, job.state)))

    board.write(event("intent", attempt=1), event("intent", job="g@local", attempt=1))
    board.write(event("note", job=None, message="of the experiment"), event("note", job="gone"))
    board.change_state("f@local", State.FAILED)

    assert told == [
        ("intent", "f@local", State.SUBMITTED),
        ("intent", "g@local", State.SUBMITTED),
        ("state", "f@local", State.FAILED),
    ]


def test_what_another_process_writes_is_not_told(layout):
    told = []
    board = Board(RECORD, layout, lambda *_: told.append(_))

    append_events(layout.events, [event("state", state=State.FAILED)])
    board.refresh()

    assert told == []


def test_what_could_not_be_written_is_not_told(layout, permissions_hold):
    told = []
    board = Board(RECORD, layout, lambda *_: told.append(_))
    layout.events.touch()
    layout.events.chmod(0o400)

    with pytest.raises(StoreError):
        board.write(event("intent", attempt=1))

    assert told == []


@pytest.mark.parametrize(
    ("jobs", "cancelling"),
    [(["f@local"], {"f@local"}), ([None], {"f@local", "g@local"}), (["gone"], {"gone"})],
    ids=["one", "all", "unknown"],
)
def test_whom_to_cancel_is_remembered(board, jobs, cancelling):
    board.write(*(event("cancel", job=job) for job in jobs))

    assert board.cancelling == cancelling


def test_a_state_that_is_changed_by_hand_has_an_end_when_it_is_final(board):
    board.change_state("f@local", State.SKIPPED, "UPSTREAM_FAILED")
    board.change_state("g@local", State.PENDING)

    skipped, pending = board.jobs["f@local"], board.jobs["g@local"]
    assert (skipped.state, skipped.reason) == (State.SKIPPED, "UPSTREAM_FAILED")
    assert skipped.ended_at is not None
    assert (pending.state, pending.ended_at) == (State.PENDING, None)
    assert not board.is_over


def test_it_is_over_when_every_job_is_final(board):
    for job in JOBS:
        board.change_state(job.id, State.CANCELLED)

    assert board.is_over


FACT = Fact(
    state=State.FAILED,
    reason="SIGNAL",
    raw_state="OUT_OF_ME+",
    exit_code=137,
    signal="SIGKILL",
    host="node-1",
    started_at=AT,
    ended_at=AT + timedelta(seconds=9),
)
NOW = AT + timedelta(seconds=20)


def test_an_intent_names_job_and_attempt():
    assert entries.intent("f@local", 2, NOW) == Event(
        at=NOW, type=EventType.INTENT, job="f@local", attempt=2
    )


@pytest.mark.parametrize("told", [None, AT], ids=["now", "as told"])
def test_what_the_backend_has_taken_has_its_id_and_its_state(told):
    answer = Started(
        native_id="42", handle="h://1", state=State.PENDING, host="here", started_at=told
    )

    submitted, changed = entries.started("f@local", 1, answer, NOW)

    assert (submitted.type, submitted.native_id, submitted.handle, submitted.host) == (
        EventType.SUBMITTED,
        "42",
        "h://1",
        "here",
    )
    assert (changed.type, changed.state) == (EventType.STATE, State.PENDING)
    assert changed.started_at == (told or NOW)


def test_a_change_keeps_all_that_the_backend_said():
    changed = entries.changed("f@local", 1, FACT, NOW)

    assert (changed.type, changed.state, changed.reason, changed.raw_state) == (
        EventType.STATE,
        State.FAILED,
        "SIGNAL",
        "OUT_OF_ME+",
    )
    assert (changed.started_at, changed.ended_at) == (FACT.started_at, FACT.ended_at)


def test_an_end_keeps_all_that_is_known_of_it():
    ended = entries.ended("f@local", 1, FACT, NOW)

    assert ended.type is EventType.ATTEMPT
    for name in (
        "state",
        "reason",
        "raw_state",
        "exit_code",
        "signal",
        "host",
        "started_at",
        "ended_at",
    ):
        assert getattr(ended, name) == getattr(FACT, name)
    assert entries.ended("f@local", 1, replace(FACT, ended_at=None), NOW).ended_at == NOW


def test_facts_are_taken_in_in_the_order_in_which_attempts_ended():
    early, late = replace(FACT, ended_at=AT), replace(FACT, ended_at=AT + timedelta(seconds=1))
    unknown = replace(FACT, ended_at=None)

    assert sorted([unknown, late, early], key=entries.order_of) == [early, late, unknown]


def test_a_start_that_failed_says_why_and_is_final():
    note, failed = entries.failed_to_start("f@local", 1, "no room", NOW)

    assert (note.type, note.job, note.message) == (EventType.NOTE, "f@local", "no room")
    assert (failed.state, failed.reason, failed.ended_at) == (State.FAILED, "START_FAILED", NOW)


def test_an_observer_sees_what_the_journal_says(kept, board):
    board.write(event("intent", attempt=1), event("note", job=None, message="hello"))

    status = observe(kept, ID)

    assert [job.state for job in status.jobs] == [State.SUBMITTED, State.PLANNED]
    assert status.notes == ("hello",)
    assert status.as_of.utcoffset() == timedelta(0)
    assert replace(observe_record(kept, RECORD), as_of=status.as_of) == status


def test_a_result_that_is_not_in_the_journal_is_read_from_its_file(kept, board, layout):
    board.change_state("f@local", State.SUCCEEDED)
    board.change_state("g@local", State.FAILED)
    for slug in "fg":
        write_json(layout.job(slug).result, {"large": slug})

    first, second = observe(kept, ID).jobs

    assert first.result == {"large": "f"}
    assert second.result is None


@pytest.mark.parametrize("value", [0, False, "", []], ids=repr)
def test_a_result_that_looks_like_nothing_is_a_result(kept, board, layout, value):
    board.write(event("result", value=value))
    board.change_state("f@local", State.SUCCEEDED)
    write_json(layout.job("f").result, "of the file")

    assert observe(kept, ID).jobs[0].result == value


def test_an_experiment_that_is_not_there_cannot_be_observed(kept):
    with pytest.raises(StoreError, match=r"record.json: cannot be read"):
        observe(kept, "20261122-0712-gone-aaaa")
