"""One experiment on two clusters: launched, watched, read and ended through the command."""

from __future__ import annotations

import json
import random
import signal
import stat
import string
import time
from hashlib import sha256
from pathlib import Path

from nemorun_discover.model.layout import AttemptLayout
from tests.slurm.login import LoginNode


def test_a_sweep_runs_on_two_clusters_in_one_experiment(lab):
    answer = lab("run", "-k", "train", "-e", "slurm_*", "lr=1e-4,3e-4")

    assert answer.code == 0, answer.out + answer.err
    jobs = lab.jobs()
    assert set(jobs) == {
        f"train[lr={lr}]@slurm_{letter}" for lr in ("0.0001", "0.0003") for letter in "ab"
    }
    assert {job["state"] for job in jobs.values()} == {"SUCCEEDED"}
    for job in jobs.values():
        assert job["result"]["lr"] == job["params"]["lr"]
        assert job["result"]["host"][0] == job["executor"][-1]
        assert job["exit_code"] == 0
    for cluster in lab.clusters.both:
        folder = cluster.outside(lab.base)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        ids = {row[0] for row in lab.queue(cluster)}
        assert {one.partition("_")[2] for one in ids} == {"0", "1"}, "one array on each"
        assert {
            one["native_id"]
            for one in jobs.values()
            if one["result"]["host"][0] == cluster.site.letter
        } == ids
        names = {row[2] for row in lab.queue(cluster)}
        assert all("train" in name for name in names)


def test_tasks_of_an_array_have_their_own_log_exit_state_cancel_and_rerun(lab):
    lab.write(
        "tasks.py",
        """
        import os, sys, time
        import nemorun

        @nemorun.task
        def mixed(n: int):
            print(f"this is {n}", flush=True)
            if n == 1:
                sys.exit(41)
            while n == 2:
                time.sleep(0.1)
            return n
        """,
    )
    experiment = lab.launch("-k", "mixed", "-e", "slurm_a", "n=0,1,2,3")
    jobs = lab.until(
        experiment,
        lambda jobs: (
            sorted(job["state"] for job in jobs.values())
            == ["FAILED", "RUNNING", "SUCCEEDED", "SUCCEEDED"]
        ),
    )

    lab("cancel", experiment, "mixed[n=2]@slurm_a")
    jobs = lab.until_over(experiment)

    ends = {job["params"]["n"]: (job["state"], job["exit_code"]) for job in jobs.values()}
    assert ends == {
        0: ("SUCCEEDED", 0),
        1: ("FAILED", 41),
        2: ("CANCELLED", None),
        3: ("SUCCEEDED", 0),
    }
    assert len({job["native_id"].partition("_")[0] for job in jobs.values()}) == 1
    for name in jobs:
        number = name.partition("=")[2].partition("]")[0]
        assert lab("logs", experiment, name).out.splitlines()[0] == f"this is {number}"

    again = lab("rerun", experiment, "--failed", "-d")
    rerun = again.out.split()[-1]
    states = lab.until(rerun, lambda jobs: "FAILED" in {job["state"] for job in jobs.values()})
    assert {job["params"]["n"] for job in states.values()} == {1, 2}
    lab("cancel", rerun)
    lab.until_over(rerun)


def test_array_false_submits_each_job_by_itself(lab):
    lab.profile("slurm_b", lab.clusters.b, "array = false")

    experiment = lab.launch("-k", "train", "-e", "slurm_b", "lr=1,2,3")
    jobs = lab.until_over(experiment)

    ids = {job["native_id"] for job in jobs.values()}
    assert len(ids) == 3
    assert all(one.isdigit() for one in ids)
    assert {job["state"] for job in jobs.values()} == {"SUCCEEDED"}


def test_max_parallel_limits_an_array_and_status_says_what_the_others_wait_for(lab):
    lab.profile("slurm_b", lab.clusters.b, "max_parallel = 1")
    experiment = lab.launch("-k", "wait", "-e", "slurm_b", "n=1,2,3")

    jobs = lab.until(
        experiment,
        lambda jobs: (
            sorted(job["state"] for job in jobs.values()) == ["PENDING", "PENDING", "RUNNING"]
        ),
    )

    pending = [job for job in jobs.values() if job["state"] == "PENDING"]
    assert {job["waits_for"] for job in pending} == {"the others of its sweep (max_parallel)"}
    assert "the others of its sweep" in lab("status", experiment).out
    for job in jobs.values():
        lab.go(lab.clusters.b, job, experiment)
    assert {job["state"] for job in lab.until_over(experiment).values()} == {"SUCCEEDED"}


def test_a_pending_job_says_why_it_waits_and_when_it_will_start(lab):
    lab.profile("slurm_a", lab.clusters.a, 'additional_parameters = { begin = "now+1hour" }')
    lab.profile("slurm_b", lab.clusters.b, "additional_parameters = { hold = true }")
    experiment = lab.launch("-k", "train", "-e", "slurm_*")

    jobs = lab.until(experiment, lambda jobs: all(job["waits_for"] for job in jobs.values()))

    assert {job["state"] for job in jobs.values()} == {"PENDING"}
    assert "its time to begin" in jobs["train@slurm_a"]["waits_for"]
    assert jobs["train@slurm_a"]["expected_start_at"] is not None
    assert jobs["train@slurm_b"]["waits_for"] == "somebody to release it: scontrol release"
    shown = lab("status", experiment).out
    assert "scontrol release" in shown

    lab("cancel", experiment)
    jobs = lab.until_over(experiment)
    assert {job["state"] for job in jobs.values()} == {"CANCELLED"}
    assert not [
        row for cluster in lab.clusters.both for row in lab.queue(cluster) if row[1] == "PENDING"
    ]


def test_logs_follow_all_jobs_of_both_clusters_in_one_stream_until_the_end(lab):
    experiment = lab.launch("-k", "wait", "-e", "slurm_*", "n=1,2")
    jobs = lab.until_running(experiment)
    reading = lab.start("logs", "-f", experiment)
    for cluster in lab.clusters.both:
        for job in jobs.values():
            if job["executor"][-1] == cluster.site.letter:
                lab.go(cluster, job, experiment)

    out, err = reading.communicate(timeout=90)

    assert reading.returncode == 0, err
    lines = sorted(line for line in out.decode().splitlines() if "waiting" in line)
    assert lines == [f"wait[n={n}]@slurm_{letter} | waiting {n}" for n in (1, 2) for letter in "ab"]
    assert lab("logs", experiment, "wait[n=2]@slurm_b").out == "waiting 2\n"


def test_interrupting_the_watching_leaves_the_jobs_running(lab):
    watching = lab.start("run", "-k", "wait", "-e", "slurm_a")
    lab.wait_for(lab.experiments)
    (experiment,) = lab.experiments()
    jobs = lab.until_running(experiment)

    watching.send_signal(signal.SIGINT)
    _, err = watching.communicate(timeout=60)

    assert watching.returncode == 2
    assert f"nemorun cancel {experiment}" in err.decode()
    for job in jobs.values():
        lab.go(lab.clusters.a, job, experiment)
    assert lab("wait", experiment).code == 0


def test_a_failure_is_told_with_its_traceback_and_its_log(lab):
    answer = lab("run", "-k", "boom or fail", "-e", "slurm_*")

    assert answer.code == 1
    assert "ValueError: no such thing as 0" in answer.out
    assert "now it fails" in answer.out
    jobs = lab.jobs()
    assert {job["state"] for job in jobs.values()} == {"FAILED"}
    assert jobs["fail@slurm_a"]["exit_code"] == jobs["fail@slurm_b"]["exit_code"] == 3


def test_edits_after_the_launch_do_not_reach_queued_jobs(lab):
    lab.profile("slurm_a", lab.clusters.a, "additional_parameters = { hold = true }")
    experiment = lab.launch("-k", "train", "-e", "slurm_a")
    lab.write("tasks.py", (lab.root / "tasks.py").read_text().replace('"lr": lr', '"lr": "edited"'))
    native_id = lab.jobs(experiment)["train@slurm_a"]["native_id"]

    lab.clusters.a.run("scontrol", "release", native_id)

    assert lab.until_over(experiment)["train@slurm_a"]["result"]["lr"] == 0.1


def test_only_what_has_changed_is_sent(lab):
    size = 400_000
    lab.write("data/random.txt", noise(size))
    lab.write("data/other.txt", "one")
    lab.write("data/gone.txt", "gone")
    sent = []
    with lab.through(lab.clusters.a, "slurm_a") as proxy:
        for change in ("nothing before", "nothing", "a file", "a file less"):
            if change == "a file":
                lab.write("data/other.txt", "two")
            if change == "a file less":
                (lab.root / "data/gone.txt").unlink()
            before = proxy.passed["up"]
            experiment = lab.launch("-k", "look", "-e", "slurm_a")
            result = lab.until_over(experiment)["look@slurm_a"]["result"]
            sent.append(proxy.passed["up"] - before)
    small = 80_000
    assert sent[0] > size
    assert max(sent[1:]) < small, sent
    assert result == {"other": "two", "random": size, "gone": False}


def noise(size: int) -> str:
    return "".join(random.Random(7).choices(string.printable, k=size))


def test_a_secret_is_nowhere_but_in_the_job(lab):
    value = "s3cr3t-%f-'\"$HOME`id`"
    lab.profile("slurm_a", lab.clusters.a, 'secrets = ["TOKEN"]')
    lab.write(
        "tasks.py",
        """
        import hashlib, os, time
        import nemorun

        @nemorun.task
        def peek():
            while not os.path.exists(os.path.join(os.environ["NEMORUN_OUTPUT_DIR"], "go")):
                time.sleep(0.05)
            return hashlib.sha256(os.environ["TOKEN"].encode()).hexdigest()
        """,
    )
    experiment = lab.launch("-k", "peek", "-e", "slurm_a", TOKEN=value)
    job = lab.until_running(experiment)["peek@slurm_a"]
    cluster = lab.clusters.a

    folder = cluster.outside(lab.base)
    holders = [one for one in lab.files(folder) if b"s3cr3t" in one.read_bytes()]
    assert [one.parent.name for one in holders] == ["secrets"]
    assert stat.S_IMODE(holders[0].stat().st_mode) == 0o600
    shown = cluster.run("scontrol", "show", "job", job["native_id"]) + cluster.run(
        "squeue", "-o", "%all"
    )
    assert "s3cr3t" not in shown + cluster.run(
        "scontrol", "write", "batch_script", job["native_id"], "-"
    )
    lab.kill_driver(experiment)  # the one that goes on does not know the value
    lab.go(cluster, job, experiment)
    lab.until_over(experiment)

    assert lab.jobs(experiment)["peek@slurm_a"]["result"] == sha256(value.encode()).hexdigest()
    lab.wait_for(lambda: not lab.driver(experiment))
    assert not [
        one for one in (*lab.files(folder), *lab.files(lab.home)) if b"s3cr3t" in one.read_bytes()
    ]


def test_a_login_node_s_own_variables_do_not_reach_the_job(lab):
    lab.write(
        "tasks.py",
        """
        import os
        import nemorun

        @nemorun.task
        def peek():
            print("".join(f"{name}={value}\\n" for name, value in os.environ.items()))
        """,
    )
    lab.profiles["here"] = '[profiles.here]\nkind = "slurm"\ntime = "00:05:00"\nmem = "200M"\n'
    lab.configure()
    nemorun = LoginNode(lab, lab.clusters.b)
    polluted = {
        "SLURM_JOB_ID": "1",
        "SLURM_NTASKS": "7",
        "SLURM_MEM_PER_NODE": "1",
        "SBATCH_PARTITION": "nosuch",
        "SBATCH_EXPORT": "NONE",
        "SQUEUE_FORMAT": "%A",
        "SQUEUE_STATES": "RUNNING",
        "PMI_RANK": "3",
        "PMIX_RANK": "3",
    }

    done = nemorun("run", "-k", "peek", "-e", "here", **polluted)

    assert done.returncode == 0, done.stdout + done.stderr
    told = nemorun("logs", "peek@here").stdout
    assert "SLURM_NTASKS=7" not in told
    assert "PMI" not in told
    assert "SLURM_JOB_ID=1\n" not in told
    assert "SLURM_JOB_ID=" in told


def claim(lab, experiment, job_id, native_id):
    """Let our record say that this job is ours, as when a cluster counts its ids anew."""
    outputs = lab.show(experiment)[job_id]["outputs"]
    lab.kill_driver(experiment)
    file = AttemptLayout(Path(outputs).parent / "attempt-1").arrival
    file.write_text(json.dumps({**json.loads(file.read_text()), "native_id": native_id}))


def test_a_foreign_job_with_our_id_is_not_cancelled(lab):
    experiment = lab.launch("-k", "wait", "-e", "slurm_*")
    lab.until_running(experiment)
    foreign = {
        cluster.name: cluster.sbatch("sleep 300", "--mem=50M", "--time=5")
        for cluster in lab.clusters.both
    }
    for letter, cluster in zip("ab", lab.clusters.both, strict=True):
        claim(lab, experiment, f"wait@slurm_{letter}", foreign[cluster.name])
        cluster.until_state(foreign[cluster.name], "RUNNING")

    lab("cancel", experiment)
    time.sleep(6)

    for cluster in lab.clusters.both:
        assert cluster.state_of(foreign[cluster.name]) == "RUNNING"
        cluster.run("scancel", foreign[cluster.name])


def test_the_same_id_on_two_clusters_is_two_jobs(lone_lab):
    lab = lone_lab
    level_ids(lab)
    experiment = lab.launch("-k", "wait", "-e", "slurm_*")
    jobs = lab.until_running(experiment)

    assert jobs["wait@slurm_a"]["native_id"] == jobs["wait@slurm_b"]["native_id"]
    lab("cancel", experiment, "wait@slurm_b")
    lab.until(experiment, lambda jobs: jobs["wait@slurm_b"]["state"] == "CANCELLED")

    assert lab.clusters.a.state_of(jobs["wait@slurm_a"]["native_id"]) == "RUNNING"
    lab.go(lab.clusters.a, jobs["wait@slurm_a"], experiment)
    assert lab.until_over(experiment)["wait@slurm_a"]["state"] == "SUCCEEDED"


def test_one_question_serves_all_processes(lab):
    count = counted_squeue(lab, lab.clusters.a)
    experiments = [lab.launch("-k", "wait", "-e", "slurm_a", f"n={n}") for n in range(3)]
    for experiment in experiments:
        lab.until_running(experiment)
    before, began = count(), time.monotonic()

    readers = [lab.start("status", "-w", one) for one in experiments for _ in range(2)]
    time.sleep(10)
    asked, took_s = count() - before, time.monotonic() - began
    for experiment in experiments:
        (job,) = lab.jobs(experiment).values()
        lab.go(lab.clusters.a, job, experiment)
    for reader in readers:
        reader.communicate(timeout=60)

    assert 1 <= asked <= took_s / 2 + 3, (
        "at most one in 2 s, for all of them, and what the readers asked for at their start"
    )
    assert {reader.returncode for reader in readers} == {0}


def level_ids(lab):
    """Both clusters give the next job the same id."""
    a, b = (int(one.sbatch("true", "--hold", "--mem=50M")) for one in lab.clusters.both)
    behind = lab.clusters.a if a < b else lab.clusters.b
    for _ in range(abs(a - b)):
        behind.sbatch("true", "--hold", "--mem=50M")
    for cluster in lab.clusters.both:
        cluster.cancel_all()


def counted_squeue(lab, cluster):
    """A squeue on the login's PATH that counts; how often it was called."""
    script = 'echo x >>"${0%/*}/count"\nexec /usr/bin/squeue "$@"'
    place = lab.program(cluster, "squeue", script)
    lab.profile("slurm_a", cluster, pre_command=f"export PATH={place}:$PATH")
    return lambda: len((cluster.outside(place) / "count").read_text().splitlines())
