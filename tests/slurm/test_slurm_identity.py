"""Which batch job is ours: the one with the id that we were given, whatever sites and users write into its comment."""

from __future__ import annotations

import json
import time

import pytest

from tests.services.slurm import modern

LOOKS_S = 11  # in which a job that is nowhere would be taken for lost
TASKS = """
    import os, time
    import nemorun

    @nemorun.task
    def wait(n: int = 0):
        print(f"waiting {n}", flush=True)
        while not os.path.exists(os.path.join(os.environ["NEMORUN_OUTPUT_DIR"], "go")):
            time.sleep(0.05)
        return n

    @nemorun.task
    def held():
        return 1
"""


@pytest.fixture
def rewriting(lab, cluster_c):
    """A cluster whose job_submit.lua replaces every comment."""
    modern.give_ssh(cluster_c, lab.home)
    lab.profile("slurm_c", cluster_c)
    lab.write("tasks.py", TASKS)
    yield cluster_c
    for experiment in lab.experiments():
        lab.kill_driver(experiment)
    rows = cluster_c.run("squeue", "-h", "-o", "%F|%Z").splitlines()
    ours = {row.partition("|")[0] for row in rows if lab.mark in row}
    if ours:
        cluster_c.run("scancel", *ours, check=False)


def states_on(cluster, native_ids):
    return {one: cluster.state_of(one) for one in native_ids}


def test_a_site_that_rewrites_comments_changes_nothing(lab, rewriting):
    """An array, a job with another name, and one that waits; through a driver's death, to the end."""
    lab.profile("held_c", rewriting, "additional_parameters = { hold = true }")
    experiment = lab.launch("-k", "wait", "-e", "slurm_c", "n=1,2,3")
    held = lab.launch("-k", "held", "-e", "held_c")
    jobs = lab.until_state(experiment, "RUNNING")
    first, second, third = jobs.values()
    slug = {job["id"]: job["outputs"].split("/")[-2] for job in jobs.values()}
    begun = lab.folder(rewriting, experiment) / "slurm" / "begun"
    lab.wait_for(lambda: len(list(begun.glob("[a-z]*"))) == 3)

    lab.kill_driver(experiment)
    began = time.monotonic()
    while time.monotonic() - began < LOOKS_S:
        assert {job["state"] for job in lab.jobs(experiment).values()} == {"RUNNING"}
        assert {job["state"] for job in lab.jobs(held).values()} == {"PENDING"}
        time.sleep(1)
    assert lab("cancel", experiment, first["id"]).code == 0
    assert lab("cancel", held).code == 0
    for job in (second, third):
        (lab.folder(rewriting, experiment) / "jobs" / slug[job["id"]] / "outputs" / "go").touch()
    jobs = lab.until_over(experiment)

    assert [job["state"] for job in jobs.values()] == ["CANCELLED", "SUCCEEDED", "SUCCEEDED"]
    assert [job["result"] for job in jobs.values()] == [None, 2, 3]
    assert set(states_on(rewriting, [first["native_id"]]).values()) <= {"CANCELLED", ""}
    assert {job["state"] for job in lab.jobs(held).values()} == {"CANCELLED"}


def test_a_submission_whose_answer_was_lost_is_found_where_comments_are_rewritten(lab, rewriting):
    """The driver dies in sbatch: the next one finds the job by its batch script, waiting or begun."""
    lab.profile("held_c", rewriting, "additional_parameters = { hold = true }\narray = false")
    waiting = lab.launch("-k", "held", "-e", "held_c")
    running = lab.launch("-k", "wait", "-e", "slurm_c")
    lab.until_state(running, "RUNNING")
    before = [next(iter(lab.jobs(one).values()))["native_id"] for one in (waiting, running)]
    for experiment in (waiting, running):
        lab.kill_driver(experiment)
        forget_the_answer(lab, rewriting, experiment)

    after = [next(iter(lab.jobs(one).values())) for one in (waiting, running)]

    assert [job["native_id"] for job in after] == before
    assert [job["state"] for job in after] == ["PENDING", "RUNNING"]
    for experiment in (waiting, running):
        assert lab("cancel", experiment).code == 0
        names = rewriting.run("squeue", "-h", "-t", "all", "-o", "%o").splitlines()
        assert len([one for one in names if experiment in one]) == 1


@pytest.mark.parametrize("form", ["shared", "heterogeneous"])
def test_groups_are_known_where_comments_are_rewritten(lab, rewriting, form):
    text = f"""
        import nemorun as run

        executor = run.SlurmExecutor(
            partition="batch",
            time="00:05:00",
            mem="200M",
            heterogeneous={form == "heterogeneous"},
            tunnel=run.SSHTunnel(host="cluster_c", job_dir="{lab.base}"),
        )
        with run.Experiment("group", clean_mode=True) as experiment:
            line = "echo begun; while [ ! -e $NEMORUN_OUTPUT_DIR/go ]; do sleep 0.1; done"
            members = [run.Script(inline=line), run.Script(inline=line)]
            experiment.add(members, executor=executor, name="both")
            experiment.run(detach=True)
            print(experiment.id)
        """
    experiment = lab.python(text).split()[-1]
    jobs = lab.until_state(experiment, "RUNNING")
    if form == "heterogeneous":  # they are found again where the answer was lost, too
        lab.kill_driver(experiment)
        forget_the_answer(lab, rewriting, experiment)

    began = time.monotonic()
    while time.monotonic() - began < LOOKS_S:
        seen = lab.jobs(experiment)
        assert {job["state"] for job in seen.values()} == {"RUNNING"}
        time.sleep(1)
    assert [job["native_id"] for job in seen.values()] == [
        job["native_id"] for job in jobs.values()
    ]
    assert lab("cancel", experiment).code == 0
    assert {job["state"] for job in lab.until_over(experiment).values()} == {"CANCELLED"}


def forget_the_answer(lab, cluster, experiment):
    """As if the driver, and the script that it had started on the cluster, had died in sbatch."""
    home = lab.home / ".run" / "experiments" / experiment
    lines = (home / "events.jsonl").read_bytes().splitlines(keepends=True)
    intents = [line for line in lines if b'"intent"' in line]
    (home / "events.jsonl").write_bytes(b"".join(intents))
    for file in (*home.glob("jobs/*/attempt-1/arrival.json"), *home.glob("slurm/units/*.json")):
        file.unlink()
    for file in (lab.folder(cluster, experiment) / "slurm").glob("*.id"):
        file.unlink()


def test_comments_and_names_that_a_user_changes_change_nothing(lab):
    """scontrol update on a job, a task of an array, and one that waits; one of them is put back into the queue."""
    lab.write("tasks.py", TASKS)
    cluster = lab.clusters.a
    lab.profile("held_a", cluster, "additional_parameters = { hold = true }")
    experiment = lab.launch("-k", "wait", "-e", "slurm_a", "n=1,2")
    alone = lab.launch("-k", "wait", "-e", "slurm_a")
    held = lab.launch("-k", "held", "-e", "held_a")
    lab.until_running(experiment)
    (first, second), (single,), (waiting,) = (
        lab.jobs(one).values() for one in (experiment, alone, held)
    )
    lab.until_running(alone)

    for job, comment in ((first, "x"), (second, ""), (single, "site"), (waiting, "nothing")):
        change = [f"JobId={job['native_id']}", f"Comment={comment}", "JobName=renamed"]
        cluster.run("scontrol", "update", *change)
    lab.kill_driver(alone)
    began = time.monotonic()
    while time.monotonic() - began < LOOKS_S:
        states = [
            job["state"] for one in (experiment, alone, held) for job in lab.jobs(one).values()
        ]
        assert states == ["RUNNING", "RUNNING", "RUNNING", "PENDING"]
        time.sleep(1)
    cluster.run("scontrol", "requeue", single["native_id"])
    lab.until(alone, lambda jobs: jobs[single["id"]]["attempt"] == 2)
    assert lab("cancel", experiment, second["id"]).code == 0
    assert lab("cancel", held).code == 0
    lab.go(cluster, first, experiment)

    jobs = lab.until_over(experiment)
    assert [job["state"] for job in jobs.values()] == ["SUCCEEDED", "CANCELLED"]
    assert cluster.state_of(second["native_id"]) == "CANCELLED"
    assert {job["state"] for job in lab.jobs(held).values()} == {"CANCELLED"}
    again = lab.until(alone, lambda jobs: jobs[single["id"]]["state"] == "RUNNING")
    lab.go(cluster, again[single["id"]], alone)
    (job,) = lab.until_over(alone).values()
    assert (job["state"], job["attempt"]) == ("SUCCEEDED", 2)


def blind(lab, cluster):
    """A login node on which squeue and sacct say nothing while the file is there, as where jobs are private."""
    place = lab.program(cluster, "squeue", 'test -e "${0%/*}/blind" || exec /usr/bin/squeue "$@"')
    folder = cluster.outside(place)
    (folder / "sacct").write_text(
        '#!/bin/sh\ntest -e "${0%/*}/blind" || exec /usr/bin/sacct "$@"\n'
    )
    (folder / "sacct").chmod(0o755)
    lab.profile("slurm_a", cluster, pre_command=f"export PATH={place}:$PATH")
    return folder / "blind"


def test_evidence_that_comes_after_a_job_was_taken_for_lost_overrules_that(lab):
    lab.write("tasks.py", TASKS)
    cluster = lab.clusters.a
    file = blind(lab, cluster)
    experiment = lab.launch("-k", "wait", "-e", "slurm_a", "n=1,2,3")
    jobs = lab.until_running(experiment)
    first, second, third = jobs.values()
    file.touch()
    lost = lab.until_over(experiment)
    assert {(job["state"], job["reason"]) for job in lost.values()} == {("FAILED", "LOST")}
    lab.wait_for(lambda: not lab.driver(experiment))

    lab.go(cluster, first, experiment)
    ended = lab.folder(cluster, experiment) / "slurm" / "ended"
    lab.wait_for(lambda: list(ended.glob("[a-z]*")))
    found = lab.jobs(experiment)  # squeue still says nothing

    assert (found[first["id"]]["state"], found[first["id"]]["result"]) == ("SUCCEEDED", 1)
    assert found[second["id"]]["reason"] == "LOST"
    lab.wait_for(lambda: not lab.driver(experiment))
    file.unlink()
    rerun = lab("rerun", experiment, "--failed")
    assert rerun.code == 5, rerun.out + rerun.err
    assert "no job" in rerun.err
    assert lab("cancel", experiment, second["id"]).code == 0
    assert cluster.state_of(second["native_id"]) == "CANCELLED"
    lab.go(cluster, third, experiment)
    jobs = lab.until_over(experiment)
    assert [job["state"] for job in jobs.values()] == ["SUCCEEDED", "CANCELLED", "SUCCEEDED"]
    assert {len(job["attempts"]) for job in lab.show(experiment).values()} == {1}
    assert {job["attempts"][0]["reason"] for job in lab.show(experiment).values()} == {None}


def test_a_lost_job_is_found_by_the_driver_that_goes_on_for_others(lab):
    """Two clusters, one of them blind: its job is lost while the other one keeps the driver."""
    lab.write("tasks.py", TASKS)
    file = blind(lab, lab.clusters.a)
    experiment = lab.launch("-k", "wait", "-e", "slurm_*")
    lab.until_running(experiment)
    file.touch()
    jobs = lab.until(experiment, lambda jobs: jobs["wait@slurm_a"]["reason"] == "LOST")
    driver = lab.driver(experiment)

    file.unlink()
    rerun = lab("rerun", experiment, "--failed")
    cancelled = lab("cancel", experiment, "wait@slurm_a")
    ended = lab.jobs(experiment)

    assert rerun.code == 5, rerun.out + rerun.err
    assert cancelled.code == 0, cancelled.out + cancelled.err
    assert (ended["wait@slurm_a"]["state"], ended["wait@slurm_b"]["state"]) == (
        "CANCELLED",
        "RUNNING",
    )
    assert lab.clusters.a.state_of(jobs["wait@slurm_a"]["native_id"]) == "CANCELLED"
    assert lab.driver(experiment) == driver
    lab("cancel", experiment)


def test_a_journal_of_an_earlier_version_that_calls_a_job_lost_is_overruled_too(lab):
    """As 0.x wrote it: the comment was changed, and the job lost while it ran."""
    lab.write("tasks.py", TASKS)
    cluster = lab.clusters.b
    experiment = lab.launch("-k", "wait", "-e", "slurm_b")
    (job,) = lab.until_running(experiment).values()
    lab.kill_driver(experiment)
    journal = lab.home / ".run" / "experiments" / experiment / "events.jsonl"
    at = json.loads(journal.read_text().splitlines()[-1])["at"]
    end = {
        "at": at,
        "job": job["id"],
        "attempt": 1,
        "state": "FAILED",
        "reason": "LOST",
        "ended_at": at,
    }
    with journal.open("a") as file:
        for kind in ("attempt", "state"):
            file.write(json.dumps({**end, "type": kind}) + "\n")

    (seen,) = lab.jobs(experiment).values()

    assert (seen["state"], seen["reason"], seen["ended_at"]) == ("RUNNING", None, None)
    lab.go(cluster, job, experiment)
    (job,) = lab.until_over(experiment).values()
    assert (job["state"], job["exit_code"]) == ("SUCCEEDED", 0)
