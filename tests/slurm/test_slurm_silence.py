"""Slurm, or the way to it, does not answer while jobs are submitted: that is no refusal, and asked again."""

from __future__ import annotations

import socket

import pytest

TASKS = """
    import os, sys, time
    import nemorun

    @nemorun.task
    def flaky(n: int = 0):
        if nemorun.current().attempt == 1:
            print("the first failure", flush=True)
            while not os.path.exists(os.path.join(os.environ["NEMORUN_OUTPUT_DIR"], "go")):
                time.sleep(0.05)
            sys.exit(3)
        while not os.path.exists(os.path.join(os.environ["NEMORUN_OUTPUT_DIR"], "end")):
            time.sleep(0.05)
        return nemorun.current().attempt

    @nemorun.task
    def train(n: int = 0):
        return n
"""
AGAIN = "it is asked again"


def let(lab, cluster, job, experiment, word):
    slug = job["outputs"].split("/")[-2]
    (lab.folder(cluster, experiment) / "jobs" / slug / "outputs" / word).touch()


def trouble_of(lab, experiment, name):
    return lab.contacts(experiment).get(name, {}).get("trouble") or ""


def test_a_controller_that_is_away_is_asked_again_until_it_is_back(lone_lab):
    """A retry, a fresh launch, and one that is cancelled meanwhile."""
    lab, cluster, name = lone_lab, lone_lab.clusters.b, "slurm_b"
    lab.write("tasks.py", TASKS)
    lab.profile(name, cluster, "retries = 1")
    experiment = lab.launch("-k", "flaky", "-e", name)
    (job,) = lab.until_running(experiment).values()

    cluster.faults.stop_slurmctld()
    let(lab, cluster, job, experiment, "go")
    lab.until(experiment, lambda jobs: jobs[job["id"]]["attempt"] == 2)
    fresh = lab.start("run", "-k", "train", "-e", name, "--name", "fresh")
    detached = lab("run", "-d", "-k", "train", "-e", name, "n=1,2", "--name", "left")
    left = detached.out.split()[0]
    lab.wait_for(lambda: AGAIN in trouble_of(lab, experiment, name))
    shown = lab("status", experiment).out
    cancelled = lab("cancel", left)

    assert detached.code == 0, detached.out + detached.err
    assert AGAIN in detached.err
    assert "Unable to contact slurm controller (connect failure)" in shown
    assert "slurmctld does not run" in shown
    assert "attempt 1: exit code 3" in shown, "the first failure"
    assert cancelled.code == 0, cancelled.out + cancelled.err
    assert {one["state"] for one in lab.jobs(left).values()} == {"CANCELLED"}
    assert [one["state"] for one in lab.jobs(experiment).values()] == ["SUBMITTED"]

    cluster.faults.start_slurmctld()
    _, err = fresh.communicate(timeout=120)
    assert fresh.returncode == 0, err
    again = lab.until(experiment, lambda jobs: jobs[job["id"]]["state"] == "RUNNING", 120)
    assert again[job["id"]]["native_id"] != job["native_id"]
    let(lab, cluster, job, experiment, "end")
    (job,) = lab.until_over(experiment).values()
    assert (job["state"], job["result"]) == ("SUCCEEDED", 2)
    assert len(lab.comments(experiment, cluster)) <= 2
    assert lab.comments(left, cluster) == []


def test_a_retry_that_sbatch_refuses_leaves_the_first_failure(lab):
    lab.write("tasks.py", TASKS)
    cluster = lab.clusters.a
    refuses = 'test -e "$0.no" || exec /usr/bin/sbatch "$@"; exec /usr/bin/sbatch -p nosuch "$@"'
    place = lab.program(cluster, "sbatch", refuses)
    lab.profile("slurm_a", cluster, "retries = 1", pre_command=f"export PATH={place}:$PATH")
    experiment = lab.launch("-k", "flaky", "-e", "slurm_a")
    (job,) = lab.until_running(experiment).values()

    (cluster.outside(place) / "sbatch.no").touch()
    let(lab, cluster, job, experiment, "go")
    answer = lab("wait", experiment)

    assert answer.code == 1, answer.out + answer.err
    assert "the first failure" in answer.out
    assert "attempt 2 was not taken: " in answer.out
    assert "sbatch refused it" in answer.out
    assert "Invalid partition name specified" in answer.out
    assert "sinfo -s" in answer.out, "what to do about it"
    (job,) = lab.show(experiment).values()
    assert (job["state"], job["reason"], job["exit_code"]) == ("FAILED", "EXIT_CODE", 3)
    assert [one["reason"] for one in job["attempts"]] == ["EXIT_CODE", "REFUSED"]


@pytest.mark.parametrize("way", ["closed", "silent"])
def test_a_login_node_that_does_not_answer_is_asked_again(lab, way):
    """Nothing listens on its port, or nobody speaks there; then it is back."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        if way == "closed":
            listener.close()
        lab.profile("slurm_a", lab.clusters.a, port=port)
        running = lab.start("run", "-k", "train", "-e", "slurm_a", "lr=1")
        (experiment,) = lab.wait_for(lab.experiments)
        lab.wait_for(lambda: AGAIN in trouble_of(lab, experiment, "slurm_a"))

        assert running.poll() is None, "the command waits"
        assert {job["state"] for job in lab.jobs(experiment).values()} == {"SUBMITTED"}
        assert str(port) in lab("status", experiment).out or way == "silent"
        answer = lab("cancel", experiment)

    assert answer.code == 0, answer.out + answer.err
    assert {job["state"] for job in lab.jobs(experiment).values()} == {"CANCELLED"}
    out, err = running.communicate(timeout=60)
    assert running.returncode == 1, out + err


def test_what_waits_for_a_refused_job_is_not_submitted_after_a_silence(lab):
    """Three scripts of one conversation: refused, not answered, and one that waits for the first."""
    lab.write(
        "tasks.py",
        """
        import nemorun

        @nemorun.task
        def a_first(): ...

        @nemorun.task
        def b_second(): ...

        @nemorun.task(after=["a_first"])
        def c_third(): ...
        """,
    )
    silent = "sbatch: error: Batch job submission failed: Slurm backup controller in standby mode"
    place = lab.program(
        lab.clusters.b,
        "sbatch",
        f"""case "$*" in
          *a_first*) exec /usr/bin/sbatch --partition=nosuch "$@" ;;
          *b_second*) [ -e "$0.once" ] || {{ touch "$0.once"; echo "{silent}" >&2; exit 1; }} ;;
        esac
        exec /usr/bin/sbatch "$@\"""",
    )
    lab.profile("slurm_b", lab.clusters.b, pre_command=f"export PATH={place}:$PATH")

    answer = lab("run", "-d", "-k", "first or second or third", "-e", "slurm_b")

    assert answer.code == 6, answer.out + answer.err
    assert "the primary one is away" in answer.err, "what it means that it is not answered"
    jobs = lab.until_over_or_refused(lab.experiments()[0])
    ends = {job["task"]: (job["state"], job["reason"]) for job in jobs.values()}
    assert ends == {
        "a_first": ("PLANNED", "REFUSED"),
        "b_second": ("SUCCEEDED", None),
        "c_third": ("PLANNED", "REFUSED"),
    }
