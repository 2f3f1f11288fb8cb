"""What every scheduler promises: a test module inherits the class and gives it a `place`."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from nemorun_discover.model.state import State

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nemorun_discover.schedulers.protocol import Fact, Scheduler, Submission

PATIENCE_S = 120.0  # several processes that import torch, on a machine that does other things too


class Place(Protocol):
    """Where the contract is tried: a kind of executor, and a folder that its jobs run in."""

    folder: Path

    def scheduler(self) -> Scheduler:
        """A new scheduler, which knows nothing of what another one did."""

    def submission(self, name: str, script: str, **fields: Any) -> Submission:
        """One attempt of a script task, run by bash; its folder and its job.json are there."""


class SchedulerContract:
    """The contract."""

    @pytest.fixture
    def place(self) -> Place:
        raise NotImplementedError

    def test_a_job_succeeds(self, place):
        scheduler, submission = place.scheduler(), place.submission("a", "echo hello")

        started = scheduler.submit(submission)

        assert started.native_id
        assert started.handle.count("://") == 1
        fact = until_final(scheduler, submission)
        assert (fact.state, fact.exit_code, fact.signal, fact.reason) == (
            State.SUCCEEDED,
            0,
            None,
            None,
        )

    def test_several_jobs_can_be_asked_about_together(self, place):
        scheduler = place.scheduler()
        first, second = place.submission("a", "true"), place.submission("b", "true")

        assert scheduler.can_start([first])
        assert scheduler.can_start([first, second])
        assert scheduler.query([first, second]) == {}

    def test_a_job_fails_with_its_code(self, place):
        scheduler, submission = place.scheduler(), place.submission("a", "exit 3")

        scheduler.submit(submission)

        fact = until_final(scheduler, submission)
        assert (fact.state, fact.exit_code, fact.reason) == (State.FAILED, 3, "EXIT_CODE")

    def test_a_job_that_a_signal_ended_fails_with_it(self, place):
        scheduler, submission = place.scheduler(), place.submission("a", "kill -SEGV $$")

        scheduler.submit(submission)

        fact = until_final(scheduler, submission)
        assert (fact.state, fact.exit_code, fact.signal) == (State.FAILED, None, "SIGSEGV")

    def test_a_job_that_runs_is_running(self, place):
        scheduler, submission = place.scheduler(), waiting(place, "a")

        scheduler.submit(submission)

        until(lambda: state_of(scheduler, submission) is State.RUNNING)
        go(place)
        assert until_final(scheduler, submission).state is State.SUCCEEDED

    def test_a_final_fact_has_its_times(self, place):
        scheduler, submission = place.scheduler(), place.submission("a", "true")

        scheduler.submit(submission)

        fact = until_final(scheduler, submission)
        assert fact.started_at is not None
        assert fact.started_at.utcoffset() is not None
        assert fact.started_at <= fact.ended_at

    def test_an_attempt_is_started_once_however_often_it_is_submitted(self, place):
        submission = place.submission("a", f"echo x >> starts; {WAIT}")
        scheduler = place.scheduler()
        scheduler.submit(submission)
        until(lambda: state_of(scheduler, submission) is State.RUNNING)

        for again in (place.scheduler(), place.scheduler()):
            again.submit(submission)
            until(lambda again=again: state_of(again, submission) is State.RUNNING)
        go(place)

        assert until_final(scheduler, submission).state is State.SUCCEEDED
        assert (place.folder / "starts").read_text() == "x\n"

    def test_another_process_adopts_what_was_submitted(self, place):
        submission = waiting(place, "a")
        first = place.scheduler()
        started = first.submit(submission)
        until(lambda: state_of(first, submission) is State.RUNNING)

        other = place.scheduler()
        adopted = other.adopt(submission)

        assert adopted is not None
        assert (adopted.native_id, adopted.handle) == (started.native_id, started.handle)
        assert state_of(other, submission) is State.RUNNING
        go(place)
        assert until_final(other, submission).state is State.SUCCEEDED

    def test_a_job_that_ended_while_nobody_looked_is_adopted_too(self, place):
        submission = place.submission("a", "exit 4")
        first = place.scheduler()
        first.submit(submission)
        until_final(first, submission)

        other = place.scheduler()

        assert other.adopt(submission) is not None
        assert until_final(other, submission).exit_code == 4

    def test_what_never_arrived_is_not_adopted(self, place):
        assert place.scheduler().adopt(place.submission("a", "true")) is None

    def test_what_never_arrived_is_left_out_of_the_answer(self, place):
        scheduler = place.scheduler()
        known, unknown = place.submission("a", "true"), place.submission("b", "true")
        scheduler.submit(known)

        until_final(scheduler, known)

        assert set(scheduler.query([known, unknown])) == {known.job.id}
        assert scheduler.query([]) == {}

    def test_a_second_attempt_is_another_one(self, place):
        scheduler = place.scheduler()
        first = place.submission("a", 'exit "$NEMORUN_ATTEMPT"')
        second = replace(first, attempt=2)
        scheduler.submit(first)
        first_fact = until_final(scheduler, first)

        scheduler.submit(second)

        assert first_fact.exit_code == 1
        assert until_final(scheduler, second).exit_code == 2

    def test_several_jobs_are_told_apart(self, place):
        scheduler = place.scheduler()
        submissions = [place.submission(name, f"exit {code}") for name, code in CODES.items()]
        for one in submissions:
            scheduler.submit(one)

        until(lambda: all_final(scheduler.query(submissions), len(submissions)))

        codes = {id_: fact.exit_code for id_, fact in scheduler.query(submissions).items()}
        assert codes == {one.job.id: CODES[one.job.task] for one in submissions}

    def test_a_job_that_is_cancelled_ends_as_cancelled(self, place):
        scheduler, submission = place.scheduler(), waiting(place, "a")
        scheduler.submit(submission)
        until(lambda: state_of(scheduler, submission) is State.RUNNING)

        scheduler.cancel([submission])
        scheduler.cancel([submission])

        assert until_final(scheduler, submission).state is State.CANCELLED

    def test_another_process_may_cancel(self, place):
        first, submission = place.scheduler(), waiting(place, "a")
        first.submit(submission)
        until(lambda: state_of(first, submission) is State.RUNNING)

        other = place.scheduler()
        other.adopt(submission)
        other.cancel([submission])

        assert until_final(other, submission).state is State.CANCELLED

    def test_cancelling_what_has_ended_or_never_began_changes_nothing(self, place):
        scheduler = place.scheduler()
        ended, unknown = place.submission("a", "true"), place.submission("b", "true")
        scheduler.submit(ended)
        until_final(scheduler, ended)

        scheduler.cancel([ended, unknown])

        assert until_final(scheduler, ended).state is State.SUCCEEDED
        assert unknown.job.id not in scheduler.query([unknown])

    def test_a_request_is_json_and_starts_nothing(self, place):
        scheduler, submission = place.scheduler(), place.submission("a", "true")

        request = scheduler.request(submission)

        assert json.loads(json.dumps(request))
        assert scheduler.query([submission]) == {}

    def test_a_job_is_told_who_it_is(self, place):
        out = place.folder / "told"
        submission = place.submission("a", "env | grep ^NEMORUN_ > told")
        scheduler = place.scheduler()

        scheduler.submit(submission)
        until_final(scheduler, submission)

        told = dict(line.split("=", 1) for line in out.read_text().splitlines())
        assert told["NEMORUN_EXPERIMENT_ID"] == submission.experiment_id
        assert told["NEMORUN_JOB_ID"] == submission.job.id
        assert told["NEMORUN_TASK"] == submission.job.task
        assert told["NEMORUN_EXECUTOR"] == submission.job.executor
        assert told["NEMORUN_ATTEMPT"] == "1"

    def test_secrets_and_variables_reach_the_job(self, place):
        out = place.folder / "told"
        submission = place.submission(
            "a",
            'printf "%s|%s" "$PLAIN" "$TOKEN" > told',
            env_vars={"PLAIN": "a b'\"$HOME"},
            environment={"TOKEN": "s3cret;`id`"},
        )
        scheduler = place.scheduler()

        scheduler.submit(submission)
        until_final(scheduler, submission)

        assert out.read_text() == "a b'\"$HOME|s3cret;`id`"


WAIT = "while [ ! -e go ]; do sleep 0.05; done"
CODES = {"a": 0, "b": 5, "c": 6}


def waiting(place: Place, name: str) -> Submission:
    """A job that runs until `go` is called."""
    return place.submission(name, WAIT)


def go(place: Place) -> None:
    (place.folder / "go").touch()


def state_of(scheduler: Scheduler, submission: Submission) -> State | None:
    fact = scheduler.query([submission]).get(submission.job.id)
    return fact.state if fact else None


def until(is_so) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def until_final(scheduler: Scheduler, submission: Submission) -> Fact:
    until(lambda: all_final(scheduler.query([submission]), 1))
    return scheduler.query([submission])[submission.job.id]


def all_final(facts: Mapping[str, Fact], count: int) -> bool:
    return len(facts) == count and all(fact.state.is_final for fact in facts.values())
