"""SkyPilot's lists leave a job out now and then: only when it is gone in every way of asking is it lost.

The service here answers what the test says; what the real one answers is looked at in `test_skypilot_story.py`.
"""

from __future__ import annotations

from threading import Event
from types import SimpleNamespace

import pytest

from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.skypilot.line import Line
from nemorun_discover.schedulers.skypilot.on_cluster import OnCluster
from nemorun_discover.schedulers.skypilot.run import Run
from nemorun_discover.schedulers.skypilot.sdk import Sky
from nemorun_discover.schedulers.skypilot.service import Service
from tests.schedulers.skypilot.place import Place


class Told(Service):
    """Answers as it is told: `lists` says whether the next list has the job, `gone` what the other way says."""

    def __init__(self) -> None:
        self.lists = True
        self.gone: bool | Exception = False
        self.is_over = Event()

    def states(self, runs):
        return {run.id: "RUNNING" for run in runs} if self.lists else {}

    def is_gone(self, run):  # noqa: ARG002 - there is one
        if isinstance(self.gone, Exception):
            raise self.gone
        return self.gone

    def follow(self, run, sink):  # noqa: ARG002 - it prints nothing
        self.is_over.wait()

    def _start(self, run): ...
    def _is_there(self, run): ...
    def _take_answer(self, run): ...
    def cancel(self, run): ...
    def tidy(self, run): ...
    def tidy_refused(self, run): ...


@pytest.fixture
def service():
    told = Told()
    yield told
    told.is_over.set()


@pytest.fixture
def run(tmp_path):
    return Run(submission=Place(tmp_path).submission(), id=7)


def look(line, run, service, answers):
    """Let the thread's work be done once for each answer."""
    for service.lists in answers:
        line._look([run])


def test_omissions_that_an_answer_interrupts_make_no_job_lost_however_many_there_are(service, run):
    line = Line("sky", service)
    service.gone = True  # and what is not in a row is not even asked about

    look(line, run, service, [number % 3 == 0 for number in range(3000)])

    assert run.fact is None


@pytest.mark.parametrize(
    "answer", [False, ExecutorRefused("the server is away")], ids=["knows it", "no answer"]
)
def test_omissions_in_a_row_prove_nothing_while_another_way_knows_it_or_nobody_answers(
    service, run, answer
):
    line = Line("sky", service)
    service.gone = answer

    look(line, run, service, [True, *[False] * 10])
    assert run.fact is None

    service.gone = True
    look(line, run, service, [False])
    assert (run.fact.state, run.fact.reason) == (State.FAILED, Reason.LOST)
    assert "lists no such job" in run.fact.message


class Client:
    """As much of SkyPilot's own client as is asked whether a cluster has a job."""

    StatusRefreshMode = SimpleNamespace(NONE=0, FORCE=1)

    def __init__(self, status, jobs):
        self.now, self.jobs = status, jobs

    def get(self, answer):
        return answer

    def status(self, names, **_):
        there = [] if self.now is None else names
        return [{"name": name, "status": self.now, "handle": None} for name in there]

    def queue(self, _, **__):
        return [{"job_id": job, "job_name": "a", "status": "RUNNING"} for job in self.jobs]


@pytest.mark.parametrize(
    ("status", "jobs", "is_gone"),
    [
        ("UP", [8, 7], False),
        ("UP", [8], True),
        ("UP", [], True),
        ("INIT", [], False),  # being started, or repaired: nobody can ask it
        ("PENDING", [], False),
        ("STOPPED", [], True),
        (None, [], True),
    ],
    ids=str,
)
def test_a_cluster_proves_that_a_job_is_gone_by_its_queue_or_by_being_gone(
    run, status, jobs, is_gone
):
    sky = Sky()
    sky._sky, sky._unpriced = Client(status, jobs), (AttributeError,)

    assert OnCluster(sky, "lab").is_gone(run) is is_gone
