"""From a record and its events to where every job stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nemorun_discover.model.event import Event, EventType
from nemorun_discover.model.job import Job
from nemorun_discover.model.layout import ExperimentLayout
from nemorun_discover.model.record import Project, Record
from nemorun_discover.model.replay import replay
from nemorun_discover.model.state import State

START = datetime(2026, 11, 22, 7, 12, tzinfo=UTC)
LAYOUT = ExperimentLayout(Path("/home/experiments/x"))


def at(seconds):
    return START + timedelta(seconds=seconds)


def event(seconds, type_, job="f@local", **fields):
    return Event(at=at(seconds), type=EventType(type_), job=job, **fields)


def record(*ids):
    jobs = [
        Job(id=one, slug=one.replace("@", "-"), task=one[0], file="t.py", executor="local", params={"x": 1})
        for one in ids
    ]  # fmt: skip
    return Record(
        id="20261122-0712-f-x7k2",
        title="f",
        created_at=START,
        argv=(),
        cwd="/",
        user="me",
        host="here",
        versions={},
        project=Project(root="/", name="n"),
        jobs=tuple(jobs),
    )


def play(*events, ids=("f@local",)):
    return replay(record(*ids), events, layout=LAYOUT, as_of=at(99))


def job_after(*events):
    return play(*events).jobs[0]


INTENT = event(1, "intent", attempt=1)
SUBMITTED = event(2, "submitted", attempt=1, native_id="42", handle="h://1", host="here")
RUNNING = event(3, "state", attempt=1, state=State.RUNNING, started_at=at(2.5))
FAILED = event(
    9, "attempt", attempt=1, state=State.FAILED, reason="EXIT_CODE", exit_code=1, host="here", ended_at=at(8)
)  # fmt: skip
SUCCEEDED = event(9, "attempt", attempt=1, state=State.SUCCEEDED, exit_code=0, ended_at=at(8))


def test_a_job_to_which_nothing_has_happened_is_planned():
    job = job_after()

    assert (job.id, job.slug, job.task, job.params, job.executor) == (
        "f@local",
        "f-local",
        "f",
        {"x": 1},
        "local",
    )
    assert (job.state, job.attempt, job.attempts, job.log) == (State.PLANNED, 0, (), None)
    assert job.outputs == "/home/experiments/x/jobs/f-local/outputs"
    assert job.as_of is None


def test_an_intent_begins_an_attempt():
    job = job_after(INTENT)

    assert (job.state, job.attempt, job.submitted_at) == (State.SUBMITTED, 1, at(1))
    assert job.log == "/home/experiments/x/jobs/f-local/attempt-1/log"
    assert [(one.number, one.state, one.log) for one in job.attempts] == [
        (1, State.SUBMITTED, job.log)
    ]


def test_a_submission_tells_where_the_attempt_is():
    job = job_after(INTENT, SUBMITTED)

    assert (job.native_id, job.handle, job.as_of) == ("42", "h://1", at(2))
    assert (job.attempts[0].native_id, job.attempts[0].host) == ("42", "here")
    assert job.state is State.SUBMITTED


def test_a_job_that_runs_has_a_start_and_no_end():
    job = job_after(INTENT, SUBMITTED, RUNNING)

    assert (job.state, job.started_at, job.ended_at) == (State.RUNNING, at(2.5), None)
    assert (job.attempts[0].state, job.attempts[0].started_at) == (State.RUNNING, at(2.5))


def test_a_start_is_not_forgotten_by_a_later_state_without_one():
    job = job_after(INTENT, RUNNING, event(4, "state", attempt=1, state=State.UNKNOWN))

    assert (job.state, job.started_at) == (State.UNKNOWN, at(2.5))


def test_a_preempted_job_is_pending_with_its_reason_and_the_backends_word():
    pending = event(4, "state", state=State.PENDING, reason="PREEMPTED", raw_state="REQUEUED")

    job = job_after(INTENT, SUBMITTED, RUNNING, pending)

    assert (job.state, job.reason, job.raw_state) == (State.PENDING, "PREEMPTED", "REQUEUED")
    assert job.ended_at is None


def test_a_state_without_a_word_is_unknown():
    assert job_after(INTENT, event(2, "state")).state is State.UNKNOWN


def test_an_attempt_that_ended_is_not_yet_the_end_of_its_job():
    job = job_after(INTENT, SUBMITTED, RUNNING, FAILED)

    assert job.state is State.RUNNING
    assert (job.reason, job.exit_code, job.ended_at) == ("EXIT_CODE", 1, at(8))
    attempt = job.attempts[0]
    assert (attempt.state, attempt.exit_code, attempt.started_at, attempt.ended_at) == (
        State.FAILED,
        1,
        at(2.5),
        at(8),
    )


def test_a_job_ends_with_its_result():
    result = event(9, "result", value={"loss": 0.5})
    end = event(9, "state", attempt=1, state=State.SUCCEEDED, ended_at=at(8))

    job = job_after(INTENT, SUBMITTED, RUNNING, SUCCEEDED, result, end)

    assert (job.state, job.result, job.exit_code) == (State.SUCCEEDED, {"loss": 0.5}, 0)
    assert (job.started_at, job.ended_at) == (at(2.5), at(8))
    assert job.attempts[0].state is State.SUCCEEDED


@pytest.mark.parametrize("told", [None, at(8)], ids=["by the journal", "by the job"])
def test_a_final_state_has_an_end(told):
    job = job_after(event(9, "state", state=State.SKIPPED, reason="UPSTREAM_FAILED", ended_at=told))

    assert job.ended_at == (told or at(9))


def test_every_attempt_of_a_job_that_is_tried_again_is_kept():
    second = [
        event(10, "intent", attempt=2),
        event(11, "submitted", attempt=2, native_id="43", handle="h://2"),
        event(12, "state", attempt=2, state=State.RUNNING, started_at=at(12)),
        event(20, "attempt", attempt=2, state=State.FAILED, reason="SIGNAL", signal="SIGKILL"),
        event(20, "state", attempt=2, state=State.FAILED, reason="SIGNAL", ended_at=at(20)),
    ]

    job = job_after(INTENT, SUBMITTED, RUNNING, FAILED, *second)

    assert [(one.number, one.state, one.exit_code, one.signal, one.native_id) for one in job.attempts] == [
        (1, State.FAILED, 1, None, "42"),
        (2, State.FAILED, None, "SIGKILL", "43"),
    ]  # fmt: skip
    assert (job.state, job.attempt, job.exit_code, job.signal) == (State.FAILED, 2, None, "SIGKILL")
    assert (job.started_at, job.ended_at, job.handle) == (at(12), at(20), "h://2")


def test_a_second_attempt_begins_without_anything_of_the_first():
    job = job_after(INTENT, SUBMITTED, RUNNING, FAILED, event(10, "intent", attempt=2))

    assert (job.state, job.attempt, job.submitted_at) == (State.SUBMITTED, 2, at(10))
    assert (
        job.reason, job.exit_code, job.signal, job.started_at, job.ended_at, job.native_id, job.handle, job.raw_state
    ) == (None,) * 8  # fmt: skip
    assert job.log.endswith("attempt-2/log")


def test_an_intent_that_is_written_twice_is_one_attempt():
    job = job_after(INTENT, INTENT)

    assert [one.number for one in job.attempts] == [1]


def test_an_attempt_that_could_not_be_started_has_failed_with_its_job():
    end = event(2, "state", attempt=1, state=State.FAILED, reason="START_FAILED", ended_at=at(2))

    job = job_after(INTENT, end)

    assert (job.state, job.reason) == (State.FAILED, "START_FAILED")
    assert [(one.state, one.reason, one.ended_at) for one in job.attempts] == [
        (State.FAILED, "START_FAILED", at(2))
    ]


def test_a_retry_that_could_not_be_started_leaves_the_first_attempt_as_it_was():
    end = event(11, "state", attempt=2, state=State.FAILED, reason="START_FAILED")

    job = job_after(INTENT, SUBMITTED, RUNNING, FAILED, event(10, "intent", attempt=2), end)

    assert [one.reason for one in job.attempts] == ["EXIT_CODE", "START_FAILED"]


def test_a_job_that_is_cancelled_while_it_waits_has_no_attempt():
    cancelled = event(5, "state", state=State.CANCELLED, ended_at=at(5))

    job = job_after(event(4, "cancel", message="asked by me"), cancelled)

    assert (job.state, job.attempt, job.attempts, job.ended_at) == (State.CANCELLED, 0, (), at(5))


def test_a_job_that_is_cancelled_while_pending_ends_with_its_attempt():
    pending = event(2, "state", attempt=1, state=State.PENDING)
    ended = event(5, "attempt", attempt=1, state=State.CANCELLED)
    cancelled = event(5, "state", attempt=1, state=State.CANCELLED)

    job = job_after(INTENT, SUBMITTED, pending, ended, cancelled)

    assert job.state is State.CANCELLED
    assert job.attempts[0].state is State.CANCELLED


@pytest.mark.parametrize("type_", ["cancel", "note"])
def test_what_somebody_said_changes_no_job(type_):
    assert job_after(INTENT, event(2, type_, message="x")) == job_after(INTENT)


def test_events_of_unknown_jobs_are_left_out():
    assert job_after(event(1, "state", job="gone@local", state=State.FAILED)) == job_after()


def test_events_of_one_job_leave_the_others_alone():
    status = play(INTENT, RUNNING, ids=("f@local", "g@local"))

    assert [job.state for job in status.jobs] == [State.RUNNING, State.PLANNED]


def test_notes_of_the_experiment_are_kept_in_order():
    status = play(
        event(1, "note", job=None, message="first"),
        event(2, "note", message="of a job"),
        event(3, "note", job=None, message="second"),
        event(4, "note", job=None),
    )

    assert status.notes == ("first", "second")


def test_an_experiment_has_an_end_when_its_last_job_has():
    both = ("f@local", "g@local")
    first = event(5, "state", state=State.SUCCEEDED, ended_at=at(5))
    last = event(9, "state", job="g@local", state=State.FAILED, ended_at=at(7))

    begun = play(first, ids=both)
    ended = play(first, last, ids=both)

    assert (begun.state, begun.ended_at) == (State.RUNNING, None)
    assert (ended.state, ended.ended_at) == (State.FAILED, at(7))
    assert (ended.id, ended.title, ended.created_at, ended.as_of) == (
        "20261122-0712-f-x7k2",
        "f",
        START,
        at(99),
    )


@pytest.mark.parametrize(
    ("reason", "state"),
    [("UPSTREAM_SUCCEEDED", State.SUCCEEDED), ("UPSTREAM_FAILED", State.SKIPPED)],
    ids=["not needed", "owed"],
)
def test_a_job_that_was_only_for_a_failure_does_no_harm_when_there_is_none(reason, state):
    done = event(3, "state", job="a@local", attempt=1, state=State.SUCCEEDED)
    skipped = event(4, "state", job="b@local", state=State.SKIPPED, reason=reason)

    assert play(done, skipped, ids=("a@local", "b@local")).state is state
