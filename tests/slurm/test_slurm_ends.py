"""How jobs end: by themselves, by somebody else, by Slurm; and by which evidence that is known."""

from __future__ import annotations

import time

import pytest

BOTH = pytest.mark.parametrize("letter", ["a", "b"])


def on(lab, letter):
    return lab.clusters.a if letter == "a" else lab.clusters.b


@BOTH
def test_a_job_that_somebody_else_cancels_is_cancelled_and_it_is_told_by_whom(lab, letter):
    cluster = on(lab, letter)
    experiment = lab.launch("-k", "wait", "-e", f"slurm_{letter}", "n=1,2")
    jobs = lab.until_running(experiment)
    first, second = jobs.values()

    cluster.run("scancel", first["native_id"])
    lab.go(cluster, second, experiment)
    jobs = lab.until_over(experiment)

    assert (jobs[first["id"]]["state"], jobs[first["id"]]["exit_code"]) == ("CANCELLED", None)
    assert jobs[second["id"]]["state"] == "SUCCEEDED"
    if cluster.site.has_accounting:
        assert jobs[first["id"]]["raw_state"] == f"CANCELLED by {cluster.user.name}"


def test_a_pending_job_that_somebody_else_cancels_is_cancelled(lab):
    lab.profile("slurm_a", lab.clusters.a, "additional_parameters = { hold = true }")
    lab.profile("slurm_b", lab.clusters.b, "additional_parameters = { hold = true }")
    experiment = lab.launch("-k", "train", "-e", "slurm_*")
    jobs = lab.jobs(experiment)

    for cluster, name in zip(lab.clusters.both, ("train@slurm_a", "train@slurm_b"), strict=True):
        cluster.run("scancel", jobs[name]["native_id"])

    jobs = lab.until_over(experiment)
    assert {job["state"] for job in jobs.values()} == {"CANCELLED"}
    assert {job["started_at"] for job in jobs.values()} == {None}


def test_a_pending_task_of_an_array_is_cancelled_alone(lab):
    lab.profile("slurm_b", lab.clusters.b, "additional_parameters = { hold = true }")
    experiment = lab.launch("-k", "train", "-e", "slurm_b", "lr=1,2,3")
    first = lab.jobs(experiment)["train[lr=1.0]@slurm_b"]

    lab("cancel", experiment, first["id"])
    lab.until(experiment, lambda jobs: jobs[first["id"]]["state"] == "CANCELLED")
    lab.clusters.b.run("scontrol", "release", first["native_id"].partition("_")[0])

    jobs = lab.until_over(experiment)
    assert sorted(job["state"] for job in jobs.values()) == ["CANCELLED", "SUCCEEDED", "SUCCEEDED"]


def test_the_task_s_own_limit_ends_it_as_timed_out(lab):
    lab.write(
        "tasks.py",
        """
        import time
        import nemorun

        @nemorun.task(timeout="2s")
        def slow():
            print("begun", flush=True)
            time.sleep(600)
        """,
    )
    answer = lab("run", "-k", "slow", "-e", "slurm_*")

    assert answer.code == 1
    ends = {(job["state"], job["reason"]) for job in lab.jobs().values()}
    assert ends == {("FAILED", "TIMEOUT")}


@BOTH
def test_the_cluster_s_limit_ends_a_job_as_timed_out(lab, letter):
    cluster = on(lab, letter)
    experiment = lab.launch("-k", "wait", "-e", f"slurm_{letter}")
    (job,) = lab.until_running(experiment).values()

    cluster.overrun(job["native_id"])
    jobs = lab.until_over(experiment)

    (job,) = jobs.values()
    assert (job["state"], job["reason"], job["exit_code"]) == ("FAILED", "TIMEOUT", None)


def test_a_job_that_takes_too_much_memory_ends_as_out_of_memory(lab):
    if not lab.clusters.a.site.memory_limits:
        return  # this machine's kernel limits no memory
    lab.write(
        "tasks.py",
        """
        import nemorun

        @nemorun.task
        def hungry():
            return len(bytearray(900_000_000))
        """,
    )
    answer = lab("run", "-k", "hungry", "-e", "slurm_*")

    assert answer.code == 1
    ends = {(job["state"], job["reason"]) for job in lab.jobs().values()}
    assert ends == {("FAILED", "OUT_OF_MEMORY")}


@BOTH
def test_a_requeued_job_is_a_second_attempt_and_both_keep_their_logs(lab, letter):
    cluster = on(lab, letter)
    lab.write(
        "tasks.py",
        """
        import os, time
        import nemorun

        @nemorun.task
        def again():
            attempt = nemorun.current().attempt
            print(f"attempt {attempt}", flush=True)
            if attempt == 1:
                time.sleep(600)
            return attempt
        """,
    )
    experiment = lab.launch("-k", "again", "-e", f"slurm_{letter}")
    (job,) = lab.until_running(experiment).values()
    lab.wait_for(lambda: "attempt 1" in lab("logs", experiment).out)

    cluster.run("scontrol", "requeue", job["native_id"])
    lab.until(experiment, lambda jobs: all(job["attempt"] == 2 for job in jobs.values()))
    jobs = lab.until_over(experiment)

    (job,) = jobs.values()
    assert (job["state"], job["result"], job["attempt"]) == ("SUCCEEDED", 2, 2)
    assert lab("logs", experiment, "--attempt", "1").out.splitlines()[0] == "attempt 1"
    assert lab("logs", experiment, "--attempt", "2").out.splitlines()[0] == "attempt 2"
    first, second = next(iter(lab.show(experiment).values()))["attempts"]
    assert (first["state"], first["reason"]) == ("FAILED", "REQUEUED")
    assert second["state"] == "SUCCEEDED"


@BOTH
def test_a_job_that_ended_while_nobody_looked_is_told_by_what_it_left(lab, letter):
    """Results, errors and exit codes come with the look."""
    cluster = on(lab, letter)
    experiment = lab.launch("-k", "wait or fail or boom", "-e", f"slurm_{letter}")
    lab.kill_driver(experiment)
    lab.go(cluster, {"outputs": f"jobs/wait@slurm_{letter}/outputs"}, experiment)
    lab.wait_for(
        lambda: len(list((lab.folder(cluster, experiment) / "slurm" / "ended").glob("[a-z]*"))) == 3
    )

    jobs = lab.until_over(experiment)

    ends = {job["task"]: (job["state"], job["exit_code"]) for job in jobs.values()}
    assert ends == {"wait": ("SUCCEEDED", 0), "fail": ("FAILED", 3), "boom": ("FAILED", 1)}
    assert "ValueError: no such thing as 0" in lab("wait", experiment).out


@BOTH
def test_a_torn_exit_file_neither_fails_a_job_nor_stops_nemorun(lab, letter):
    cluster = on(lab, letter)
    experiment = lab.launch("-k", "train", "-e", f"slurm_{letter}")
    lab.kill_driver(experiment)
    file = lab.folder(cluster, experiment) / "slurm" / "ended" / f"train@slurm_{letter}.1"
    lab.wait_for(file.exists)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])

    jobs = lab.jobs(experiment)
    assert {job["state"] for job in jobs.values()} <= {"PENDING", "RUNNING", "SUCCEEDED"}
    jobs = lab.until_over(experiment)

    assert {job["state"] for job in jobs.values()} == {"SUCCEEDED"}


@BOTH
def test_a_job_whose_node_fails_runs_again_as_a_second_attempt(lone_lab, letter):
    lab, cluster = lone_lab, on(lone_lab, letter)
    experiment = lab.launch("-k", "wait", "-e", f"slurm_{letter}")
    (job,) = lab.until_running(experiment).values()
    lab.wait_for(lambda: "waiting 0" in lab("logs", experiment).out)
    node = cluster.run("squeue", "-h", "-j", job["native_id"], "-o", "%N")

    cluster.faults.unplug(node)
    jobs = lab.until(
        experiment,
        lambda jobs: all((job["state"], job["attempt"]) == ("RUNNING", 2) for job in jobs.values()),
    )

    (job,) = jobs.values()
    lab.go(cluster, job, experiment)
    (job,) = lab.until_over(experiment).values()
    assert job["state"] == "SUCCEEDED"
    first, second = next(iter(lab.show(experiment).values()))["attempts"]
    assert (first["state"], first["reason"]) == ("FAILED", "REQUEUED")
    assert (second["state"], second["native_id"]) == ("SUCCEEDED", job["native_id"])
    for number in ("1", "2"):
        assert "waiting 0" in lab("logs", experiment, "--attempt", number).out


def test_ids_that_the_cluster_has_forgotten_are_told_by_evidence_and_by_accounting(lone_lab):
    lab = lone_lab
    for cluster in lab.clusters.both:
        lab.reconfigure(cluster, MinJobAge="2")
    lab.profile("held_a", lab.clusters.a, "additional_parameters = { hold = true }")
    experiment = lab.launch("-k", "train or fail", "-e", "slurm_*")
    held = lab.launch("-k", "train", "-e", "held_a")
    native_id = lab.jobs(held)["train@held_a"]["native_id"]
    lab.kill_driver(experiment)
    lab.kill_driver(held)
    lab.clusters.a.run("scancel", native_id)
    lab.wait_for(lambda: not any(lab.queue(cluster) for cluster in lab.clusters.both))

    ends = {
        job["id"]: (job["state"], job["exit_code"]) for job in lab.until_over(experiment).values()
    }

    assert ends == {
        f"{task}@slurm_{letter}": end
        for task, end in (("train", ("SUCCEEDED", 0)), ("fail", ("FAILED", 3)))
        for letter in "ab"
    }
    (job,) = lab.until_over(held).values()
    assert job["state"] == "CANCELLED"
    assert job["raw_state"].startswith("CANCELLED")


def test_a_job_that_is_nowhere_is_lost_only_after_several_looks(lone_lab):
    lab, cluster = lone_lab, lone_lab.clusters.b
    lab.reconfigure(cluster, MinJobAge="2")
    lab.profile("slurm_b", cluster, "additional_parameters = { hold = true }")
    experiment = lab.launch("-k", "train", "-e", "slurm_b")
    (job,) = lab.jobs(experiment).values()
    lab.kill_driver(experiment)
    cluster.run("scancel", job["native_id"])
    lab.wait_for(lambda: not lab.queue(cluster))
    began = time.monotonic()

    (job,) = lab.until_over(experiment).values()

    assert (job["state"], job["reason"]) == ("FAILED", "LOST")
    assert time.monotonic() - began > 4


def test_a_sweep_larger_than_the_largest_array_goes_as_several(lone_lab):
    lab, cluster = lone_lab, lone_lab.clusters.b
    lab.reconfigure(cluster, MaxArraySize="4")
    experiment = lab.launch("-k", "train", "-e", "slurm_b", "lr=1,2,3,4,5,6")

    jobs = lab.until_over(experiment)

    assert {job["state"] for job in jobs.values()} == {"SUCCEEDED"}
    arrays = {job["native_id"].partition("_")[0] for job in jobs.values()}
    assert len(arrays) == 2
    assert {job["result"]["lr"] for job in jobs.values()} == {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}


def test_a_sweep_on_a_cluster_without_arrays_goes_job_by_job(lone_lab):
    lab = lone_lab
    lab.reconfigure(lab.clusters.b, MaxArraySize="0")

    answer = lab("run", "-k", "train", "-e", "slurm_b", "lr=1,2,3")

    assert answer.code == 0, answer.out + answer.err
    ids = {job["native_id"] for job in lab.jobs().values()}
    assert len(ids) == 3
    assert not any("_" in one for one in ids)


def test_a_job_that_slurm_suspends_says_so_while_it_does_not_run(lab):
    cluster = lab.clusters.b
    experiment = lab.launch("-k", "wait", "-e", "slurm_b")
    (job,) = lab.until_running(experiment).values()

    cluster.run_as_root("scontrol", "suspend", job["native_id"])
    lab.until(experiment, lambda jobs: jobs[job["id"]]["waits_for"])
    suspended, told = lab.jobs(experiment)[job["id"]], lab("status", experiment).out
    cluster.run_as_root("scontrol", "resume", job["native_id"])
    lab.until(experiment, lambda jobs: jobs[job["id"]]["waits_for"] is None)
    lab.go(cluster, job, experiment)

    assert suspended["state"] == "RUNNING"
    assert "waits for Slurm to resume it: it is suspended" in told
    assert lab.until_over(experiment)[job["id"]]["state"] == "SUCCEEDED"


def test_a_task_ends_with_the_same_code_on_slurm_as_here(lab):
    lab.write(
        "tasks.py",
        """
        import asyncio, atexit, os
        import nemorun

        def leaves_at_once():
            atexit.register(os._exit, 0)
            raise ValueError("x")

        def lazy():
            return asyncio.sleep(0)

        def left():
            raise SystemExit(2**80)

        @nemorun.task
        async def end(n: int):
            if n == 0:
                return await asyncio.sleep(0, "done")
            return (leaves_at_once, lazy, left)[n - 1]()
        """,
    )
    lab("run", "-k", "end", "-e", "slurm_a", "-e", "local", "n=0,1,2,3")

    jobs = lab.jobs()
    for executor in ("slurm_a", "local"):
        ends = [jobs[f"end[n={n}]@{executor}"] for n in range(4)]
        assert [one["exit_code"] for one in ends] == [0, 1, 1, 255]
        assert ends[0]["result"] == "done"
