"""What every scheduler promises: a test module inherits the class and gives it a `place`."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from nemorun_discover.model.state import State
from nemorun_discover.testing.place import (
    WAIT,
    Place,
    all_final,
    begin,
    go,
    state_of,
    submitted,
    taken_over,
    until,
    until_final,
    waiting,
)

CODES = {"a": 0, "b": 5, "c": 6}


class SchedulerContract:
    """The contract of `nemorun_discover.schedulers.protocol.Scheduler`.

    It holds for adapters that answer at once, and for those whose `submit` returns None and whose `query`
    tells later.
    """

    @pytest.fixture
    def place(self) -> Place:
        """Where the contract is tried; a subclass says so."""
        raise NotImplementedError

    def test_a_job_succeeds(self, place: Place) -> None:
        scheduler, submission = place.scheduler(), place.submission("a", "echo hello")

        native_id, handle = submitted(scheduler, submission)

        assert native_id
        assert handle.count("://") == 1
        fact = until_final(scheduler, submission)
        assert (fact.state, fact.exit_code) == (State.SUCCEEDED, 0)
        assert (fact.signal, fact.reason) == (None, None)

    def test_several_jobs_can_be_asked_about_together(self, place: Place) -> None:
        scheduler = place.scheduler()
        first, second = place.submission("a", "true"), place.submission("b", "true")

        assert scheduler.can_start([first])
        assert scheduler.can_start([first, second])
        assert scheduler.query([first, second]) == {}

    def test_a_job_fails_with_its_code(self, place: Place) -> None:
        scheduler, submission = place.scheduler(), place.submission("a", "exit 3")

        scheduler.submit(submission)

        fact = until_final(scheduler, submission)
        assert (fact.state, fact.exit_code, fact.reason) == (State.FAILED, 3, "EXIT_CODE")

    def test_a_job_that_a_signal_ended_fails_with_it(self, place: Place) -> None:
        scheduler, submission = place.scheduler(), place.submission("a", "kill -SEGV $$")

        scheduler.submit(submission)

        fact = until_final(scheduler, submission)
        assert (fact.state, fact.exit_code, fact.signal) == (State.FAILED, None, "SIGSEGV")

    def test_a_job_that_runs_is_running(self, place: Place) -> None:
        scheduler, submission = place.scheduler(), waiting(place, "a")

        scheduler.submit(submission)

        until(lambda: state_of(scheduler, submission) is State.RUNNING)
        go(place)
        assert until_final(scheduler, submission).state is State.SUCCEEDED

    def test_a_final_fact_has_its_times(self, place: Place) -> None:
        scheduler, submission = place.scheduler(), place.submission("a", "true")

        scheduler.submit(submission)

        fact = until_final(scheduler, submission)
        assert fact.started_at is not None
        assert fact.started_at.utcoffset() is not None
        assert fact.ended_at is not None
        assert fact.started_at <= fact.ended_at

    def test_an_attempt_is_started_once_however_often_it_is_submitted(self, place: Place) -> None:
        submission = place.submission("a", f"echo x >> starts; {WAIT}")
        scheduler = place.scheduler()
        begin(scheduler, submission)

        for again in (place.scheduler(), place.scheduler()):
            begin(again, submission)
        go(place)

        assert until_final(scheduler, submission).state is State.SUCCEEDED
        assert (place.folder / "starts").read_text() == "x\n"

    def test_another_process_adopts_what_was_submitted(self, place: Place) -> None:
        submission = waiting(place, "a")
        first = place.scheduler()
        identity = begin(first, submission)

        other = place.scheduler()

        assert taken_over(other, submission) == identity
        until(lambda: state_of(other, submission) is State.RUNNING)
        go(place)
        assert until_final(other, submission).state is State.SUCCEEDED

    def test_a_job_that_ended_while_nobody_looked_is_adopted_too(self, place: Place) -> None:
        submission = place.submission("a", "echo x >> starts; exit 4")
        first = place.scheduler()
        first.submit(submission)
        until_final(first, submission)

        other = place.scheduler()
        taken_over(other, submission)

        assert until_final(other, submission).exit_code == 4
        assert (place.folder / "starts").read_text() == "x\n"

    def test_what_runs_goes_on_when_its_scheduler_is_closed(self, place: Place) -> None:
        submission = waiting(place, "a")
        first = place.scheduler()
        begin(first, submission)

        first.close()

        go(place)
        other = place.scheduler()
        taken_over(other, submission)
        assert until_final(other, submission).state is State.SUCCEEDED

    def test_what_never_arrived_is_not_adopted(self, place: Place) -> None:
        assert place.scheduler().adopt(place.submission("a", "true")) is None

    def test_what_never_arrived_is_left_out_of_the_answer(self, place: Place) -> None:
        scheduler = place.scheduler()
        known, unknown = place.submission("a", "true"), place.submission("b", "true")
        scheduler.submit(known)

        until_final(scheduler, known)

        assert set(scheduler.query([known, unknown])) == {known.job.id}
        assert scheduler.query([]) == {}

    def test_a_second_attempt_is_another_one(self, place: Place) -> None:
        scheduler = place.scheduler()
        first = place.submission("a", 'exit "$NEMORUN_ATTEMPT"')
        second = replace(first, attempt=2)
        scheduler.submit(first)
        first_fact = until_final(scheduler, first)

        scheduler.submit(second)

        assert first_fact.exit_code == 1
        assert until_final(scheduler, second).exit_code == 2

    def test_several_jobs_are_told_apart(self, place: Place) -> None:
        scheduler = place.scheduler()
        submissions = [place.submission(name, f"exit {code}") for name, code in CODES.items()]
        for one in submissions:
            scheduler.submit(one)

        until(lambda: all_final(scheduler.query(submissions), len(submissions)))

        codes = {id_: fact.exit_code for id_, fact in scheduler.query(submissions).items()}
        assert codes == {one.job.id: CODES[one.job.task] for one in submissions}

    def test_a_job_that_is_cancelled_ends_as_cancelled(self, place: Place) -> None:
        scheduler, submission = place.scheduler(), waiting(place, "a")
        begin(scheduler, submission)

        scheduler.cancel([submission])
        scheduler.cancel([submission])

        assert until_final(scheduler, submission).state is State.CANCELLED

    def test_another_process_may_cancel(self, place: Place) -> None:
        first, submission = place.scheduler(), waiting(place, "a")
        begin(first, submission)

        other = place.scheduler()
        taken_over(other, submission)
        other.cancel([submission])

        assert until_final(other, submission).state is State.CANCELLED

    def test_cancelling_what_has_ended_or_never_began_changes_nothing(self, place: Place) -> None:
        scheduler = place.scheduler()
        ended, unknown = place.submission("a", "true"), place.submission("b", "true")
        scheduler.submit(ended)
        until_final(scheduler, ended)

        scheduler.cancel([ended, unknown])

        assert until_final(scheduler, ended).state is State.SUCCEEDED
        assert unknown.job.id not in scheduler.query([unknown])

    def test_a_request_is_json_and_starts_nothing(self, place: Place) -> None:
        scheduler, submission = place.scheduler(), place.submission("a", "true")

        request = scheduler.request(submission)

        assert json.loads(json.dumps(request))
        assert scheduler.query([submission]) == {}

    def test_a_job_is_told_who_it_is(self, place: Place) -> None:
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

    def test_secrets_and_variables_reach_the_job(self, place: Place) -> None:
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
