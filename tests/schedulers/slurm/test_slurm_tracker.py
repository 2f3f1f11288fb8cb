"""The jobs of an experiment on a cluster, look by look."""

from __future__ import annotations

import json
import os

import pytest

from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.slurm.looking import Answer
from nemorun_discover.schedulers.slurm.tracker import Tracked, Tracker, known_evidence
from nemorun_discover.schedulers.slurm.verdict import LOOKS_UNTIL_LOST
from tests.schedulers.slurm.place import submission

KEY = "20261122-0712-lab-x7k2/train@slurm_a.1"


class Watch:
    """A tracker with one job, and the looks that it learns from."""

    def __init__(self, folder):
        self.folder = folder
        self.tracker = Tracker(folder=folder)
        self.job = Tracked(submission=submission("train"), attempt=1, native_id="7", key=KEY)
        self.tracker.jobs[self.job.submission.job.id] = self.job

    def leaves(self, kind, attempt=1, at=None, **document):
        file = self.folder / kind / f"train@slurm_a.{attempt}"
        file.parent.mkdir(parents=True, exist_ok=True)
        end = {} if kind == "begun" else {"exit_code": None, "signal": None, "reason": None}
        file.write_text(json.dumps(end | document))
        if at is not None:
            os.utime(file, (at, at))

    def look(self, queue="", as_of=1000.0, **fields):
        self.tracker.take(Answer(queue=queue, **fields), as_of)
        self.tracker.publish()
        return self.job.fact


@pytest.fixture
def watch(tmp_path):
    return Watch(tmp_path)


def row(state, reason="None", native_id="7", key=KEY):
    return f"{native_id}|{state}|N/A|N/A|a1|nemorun={key}|{reason}\n"


def test_a_job_s_way_through_the_queue_is_followed(watch):
    assert watch.look(row("PENDING", "Priority")).state is State.PENDING
    assert watch.job.waiting == "jobs of higher priority"
    watch.leaves("begun", started_at="2026-11-22T07:12:03+00:00")
    assert watch.look(row("RUNNING")).state is State.RUNNING
    assert watch.job.waiting is None
    watch.leaves("ended", exit_code=0)
    fact = watch.look(row("COMPLETED"))
    assert (fact.state, fact.exit_code, fact.native_id) == (State.SUCCEEDED, 0, "7")
    assert watch.tracker.ids_in_question() == ()


def test_no_answer_leaves_a_job_as_it_is(watch):
    watch.look(row("RUNNING"))

    for _ in range(3 * LOOKS_UNTIL_LOST):
        fact = watch.look(None, trouble="no answer")

    assert fact.state is State.RUNNING


def test_a_job_that_is_nowhere_is_lost_after_several_looks_and_no_sooner(watch):
    facts = [watch.look() for _ in range(LOOKS_UNTIL_LOST + 1)]

    assert facts[:-1] == [None] * LOOKS_UNTIL_LOST
    assert (facts[-1].state, facts[-1].reason) == (State.FAILED, Reason.LOST)


def test_one_that_is_seen_again_in_between_is_not_lost(watch):
    for _ in range(4):
        watch.look()
        watch.look()
        fact = watch.look(row("RUNNING"))

    assert fact.state is State.RUNNING


def test_a_job_of_somebody_else_with_our_id_says_nothing_of_ours(watch):
    assert watch.look(row("FAILED", key="other/train@slurm_a.1")) is None


def test_a_job_that_vanished_after_our_scancel_is_cancelled(watch):
    fact = watch.look(cancelled=frozenset({"7"}))

    assert fact.state is State.CANCELLED


def test_a_heterogeneous_job_is_found_by_the_id_of_the_whole(watch):
    fact = watch.look(row("RUNNING", native_id="7+0") + row("RUNNING", native_id="7+1"))

    assert fact.state is State.RUNNING


def test_a_job_that_is_pending_again_is_its_next_attempt(watch):
    watch.leaves("begun", at=900.0)
    watch.look(row("RUNNING"))

    fact = watch.look(row("PENDING", "BeginTime"), as_of=1000.0)

    assert (fact.state, fact.attempt) == (State.PENDING, 2)
    assert (fact.before.state, fact.before.reason) == (State.FAILED, Reason.REQUEUED)


def test_a_job_that_began_after_the_queue_was_asked_is_not_taken_for_requeued(watch):
    watch.leaves("begun", at=1000.5)

    fact = watch.look(row("PENDING"), as_of=1000.0)

    assert (fact.state, fact.attempt) == (State.PENDING, None)


def test_an_attempt_that_has_begun_since_shows_that_slurm_began_again(watch):
    watch.leaves("begun", at=900.0)
    watch.leaves("ended", exit_code=None, reason="REQUEUED")
    watch.leaves("begun", attempt=2, at=1005.0)

    fact = watch.look(row("RUNNING"))

    assert fact.attempt == 2
    assert watch.look(row("RUNNING")).state is State.RUNNING
    watch.leaves("ended", attempt=2, exit_code=0)
    assert watch.look().state is State.SUCCEEDED


def test_a_torn_file_is_no_evidence(watch):
    watch.leaves("ended", exit_code=0)
    file = watch.folder / "ended" / "train@slurm_a.1"
    file.write_text(file.read_text()[:9])

    assert watch.look(row("RUNNING")).state is State.RUNNING


def test_what_is_known_here_is_not_asked_for_again(watch):
    watch.leaves("begun")
    watch.leaves("ended", exit_code=0)
    (watch.folder / "ended" / ".half").touch()

    assert sorted(known_evidence(watch.folder)) == [
        "begun/train@slurm_a.1",
        "ended/train@slurm_a.1",
    ]
