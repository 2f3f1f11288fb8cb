"""TorchX's own Slurm scheduler, on real clusters: one with accounting, which TorchX expects, and one without."""

from __future__ import annotations

import json
import os
import signal
import time
import uuid

import pytest

from nemorun_discover.executors.torchx import TorchxExecutor
from nemorun_discover.model.state import State
from nemorun_discover.schedulers.torchx.evidence import EVIDENCE_LAG_S
from nemorun_discover.schedulers.torchx.scheduler import TorchxScheduler
from tests.cli.conftest import Cli
from tests.schedulers.scheduler_contract import (
    WAIT,
    JobPlace,
    SchedulerContract,
    begin,
    fact_of,
    submitted,
    until,
    until_final,
)
from tests.schedulers.test_torchx_run import TASKS, drivers, jobs_of


@pytest.fixture
def shared(clusters):
    """Makes a folder that a cluster's nodes see under the same path as we do."""

    def make(cluster):
        folder = cluster.site.folder / f"torchx {uuid.uuid4().hex[:8]}"
        folder.mkdir()
        return folder

    return make


class TestWithAccounting(SchedulerContract):
    @pytest.fixture
    def place(self, clusters, shared, monkeypatch):
        monkeypatch.setenv("SLURM_CONF", str(clusters.a.slurm_conf))
        executor = TorchxExecutor(scheduler="slurm", grace_s=1, resource={"cpu": 1, "memMB": 100})
        with JobPlace(shared(clusters.a), executor, TorchxScheduler) as place:
            yield place


@pytest.fixture
def place_on(shared, monkeypatch):
    """Makes a place on a cluster, for a job with these options; ends what runs there."""
    places = []

    def make(cluster, **fields):
        monkeypatch.setenv("SLURM_CONF", str(cluster.slurm_conf))
        executor = TorchxExecutor(scheduler="slurm", grace_s=1, **fields)
        places.append(JobPlace(shared(cluster), executor, TorchxScheduler))
        return places[-1]

    yield make
    for place in places:
        place.end_everything()


def test_a_cluster_without_accounting_runs_and_cancels_jobs_all_the_same(clusters, place_on):
    place = place_on(clusters.b)
    scheduler = place.scheduler()
    good, bad, endless = (
        place.submission(name, script)
        for name, script in {"a": "echo one", "b": "exit 7", "c": "sleep 600"}.items()
    )
    for one in (good, bad):
        scheduler.submit(one)
    begin(scheduler, endless)

    scheduler.cancel([endless])

    assert until_final(scheduler, good).state is State.SUCCEEDED
    assert until_final(scheduler, bad).exit_code == 7
    assert until_final(scheduler, endless).state is State.CANCELLED
    assert good.paths.attempt(1).log.read_text() == "one\n"


def test_that_a_cluster_cannot_tell_is_said_of_its_executor(clusters, place_on):
    place = place_on(clusters.b)
    scheduler, submission = place.scheduler(), place.submission("a", "sleep 600")

    begin(scheduler, submission)

    until(lambda: scheduler.contacts().get("lab") and scheduler.contacts()["lab"].trouble)
    assert scheduler.contacts()["lab"].trouble.startswith(
        "lab: slurm: Slurm accounting storage is disabled"
    )


def test_what_sbatch_refuses_is_told_in_its_words_and_nothing_is_left(clusters, place_on):
    place = place_on(clusters.a, cfg={"partition": "nosuch"})
    scheduler, submission = place.scheduler(), place.submission("a", "true")

    scheduler.submit(submission)

    until(lambda: fact_of(scheduler, submission))
    fact = fact_of(scheduler, submission)
    assert (fact.state, fact.reason) == (State.PLANNED, "REFUSED")
    assert fact.message == (
        "lab: slurm: sbatch: error: Batch job submission failed: Invalid partition name specified"
    )
    assert not submission.paths.attempt(1).start.exists()


def test_a_job_that_waits_in_the_queue_is_found_again_and_never_begins_once_cancelled(
    clusters, place_on
):
    place = place_on(clusters.a, cfg={"partition": "closed"})
    scheduler, waiting = place.scheduler(), place.submission("waiting", "sleep 600")
    native, _ = submitted(scheduler, waiting)
    until(lambda: fact_of(scheduler, waiting).state is State.PENDING)

    other = place.scheduler()

    assert other.adopt(waiting) is None
    assert submitted(other, waiting)[0] == native
    other.cancel([waiting])
    assert until_final(other, waiting).state is State.CANCELLED
    assert not waiting.paths.attempt(1).process.exists()


def let_go(cluster, native):
    """Move a job to a partition where it runs."""
    job = native.rpartition("/")[2]
    cluster.run_as_root("scontrol", "update", f"JobId={job}", "Partition=batch")


def test_a_job_that_two_drivers_handed_over_runs_once_and_is_followed_by_its_own_name(
    clusters, place_on
):
    place = place_on(clusters.a, cfg={"partition": "closed"})
    first = place.scheduler()
    twice = place.submission("twice", f"echo x >> starts; {WAIT}")
    name, _ = submitted(first, twice)
    app = twice.paths.attempt(1).app
    document = json.loads(app.read_text())
    # As the first one leaves it when it dies before it has written down what sbatch answered.
    app.write_text(json.dumps({key: one for key, one in document.items() if key != "handle"}))
    first.close()

    second = place.scheduler()
    other, _ = submitted(second, twice)
    let_go(clusters.a, name)
    until(lambda: fact_of(second, twice).state is State.RUNNING)
    let_go(clusters.a, other)
    until(lambda: clusters.a.state_of(other.rpartition("/")[2]) == "COMPLETED")
    time.sleep(EVIDENCE_LAG_S + 2)  # by then an app that has ended would be believed

    assert name != other
    assert fact_of(second, twice).state is State.RUNNING
    assert fact_of(second, twice).native_id == name
    (place.folder / "go").touch()
    assert until_final(second, twice).state is State.SUCCEEDED
    assert (place.folder / "starts").read_text() == "x\n"


def test_a_job_that_somebody_else_cancels_is_cancelled(clusters, place_on):
    place = place_on(clusters.a)
    scheduler, submission = place.scheduler(), place.submission("a", "sleep 600")
    native, _ = begin(scheduler, submission)

    clusters.a.run_as_root("scancel", native.rpartition("/")[2])

    assert until_final(scheduler, submission).state is State.CANCELLED


def test_nothing_is_left_where_nemorun_was_called(clusters, place_on, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = place_on(clusters.a)
    scheduler, submission = place.scheduler(), place.submission("a", "true")

    scheduler.submit(submission)
    until_final(scheduler, submission)

    assert list(tmp_path.iterdir()) == []


def test_a_job_that_never_began_has_what_its_cluster_said_in_its_log(clusters, place_on):
    place = place_on(clusters.a, python="/nosuch/python")
    scheduler, submission = place.scheduler(), place.submission("a", "true")

    scheduler.submit(submission)

    fact = until_final(scheduler, submission)
    assert (fact.state, fact.reason, fact.raw_state) == (State.FAILED, "START_FAILED", "FAILED")
    assert (
        "/nosuch/python: No such file or directory" in submission.paths.attempt(1).log.read_text()
    )


def test_an_experiment_on_a_cluster_outlives_its_driver(clusters, shared, monkeypatch):
    folder = shared(clusters.a)
    monkeypatch.setenv("SLURM_CONF", str(clusters.a.slurm_conf))
    monkeypatch.setenv("NEMORUN_HOME", str(folder / "home"))
    project = folder / "project"
    (project / ".git").mkdir(parents=True)
    (project / "tasks.py").write_text(TASKS)
    (project / "nemorun.toml").write_text(
        '[profiles.tx]\nkind = "torchx"\nscheduler = "slurm"\n'
        '[profiles.tx.packager]\nkind = "pattern"\ninclude_pattern = "*.py"\n'
    )
    nemorun = Cli(project)
    answer = nemorun("run", "-k", "number or double", "-e", "tx", "--json")
    nemorun("run", "-k", "seven or waits", "-e", "tx", "--detach")
    code = folder / "home" / "experiments"
    until(lambda: list(code.glob("*/jobs/*/code/begun")))
    for pid in drivers():
        os.kill(pid, signal.SIGKILL)
    until(lambda: not drivers())

    before = jobs_of(nemorun("status", "--json"))["waits"]
    (next(code.glob("*/jobs/*/code/begun")).parent / "go").touch()
    after = jobs_of(nemorun("wait", "--json"))

    assert jobs_of(answer)["double"]["result"] == 4, answer.err
    assert (after["waits"]["state"], after["waits"]["result"]) == ("SUCCEEDED", "went")
    assert after["waits"]["native_id"] == before["native_id"]
    assert before["native_id"].startswith("slurm://torchx/")
    assert (after["seven"]["state"], after["seven"]["exit_code"]) == ("FAILED", 7)
