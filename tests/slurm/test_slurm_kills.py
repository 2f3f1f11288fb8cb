"""Retries, cancels and reruns under kill -9 of the command and of the driver: each attempt runs once, and is known."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor

KILLS = 12  # for each of three campaigns, which run side by side
TASKS = """
    import os, sys, time
    import nemorun

    def note():
        with open(os.path.join(os.environ["NEMORUN_OUTPUT_DIR"], "starts"), "a") as file:
            file.write(f"{nemorun.current().attempt}\\n")

    @nemorun.task
    def twice(n: int = 0):
        note()
        if nemorun.current().attempt == 1:
            sys.exit(3)
        return n

    @nemorun.task
    def wait(n: int = 0):
        note()
        while True:
            time.sleep(0.2)

    @nemorun.task
    def fail(n: int = 0):
        note()
        sys.exit(4)
"""


def test_retries_cancels_and_reruns_survive_kills_at_any_moment(lab, dice):
    lab.write("tasks.py", TASKS)
    for cluster in lab.clusters.both:
        # An array on one cluster, a job each on the other.
        array = "array = false" if cluster is lab.clusters.a else ""
        lab.profile(f"slurm_{cluster.site.letter}", cluster, array)
        lab.profile(f"again_{cluster.site.letter}", cluster, f"retries = 1\n{array}")
    lab.profiles["slurm_none"] = '[profiles.slurm_none]\nkind = "local"\n'
    lab.profiles["again_none"] = '[profiles.again_none]\nkind = "local"\nretries = 1\n'
    lab.configure()
    campaigns = [retries, cancels, reruns]
    seeds = [random.Random(dice.random()) for _ in campaigns]

    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda one: one[0](lab, one[1]), zip(campaigns, seeds, strict=True)))

    for experiment in lab.experiments():
        here = lab.home / ".run" / "experiments" / experiment
        for folder in (here, *(lab.folder(cluster, experiment) for cluster in lab.clusters.both)):
            for job in (folder / "jobs").iterdir():
                starts = job / "outputs" / "starts"
                begun = starts.read_text().split() if starts.exists() else []
                assert len(begun) == len(set(begun)), f"{job.name} ran an attempt twice: {begun}"


def retries(lab, dice):
    experiment = lab.launch("-k", "twice", "-e", "again_*", "n=1,2", "--name", "retries")
    for _ in range(KILLS):
        kill_within(lab, lab.start("status", experiment), experiment, dice.uniform(0.2, 2.5))

    jobs = lab.until_over(experiment)
    assert {job["state"] for job in jobs.values()} == {"SUCCEEDED"}
    assert {job["attempt"] for job in jobs.values()} == {2}
    assert sorted(job["result"] for job in jobs.values()) == [1, 1, 1, 2, 2, 2]


def cancels(lab, dice):
    experiment = lab.launch("-k", "wait", "-e", "slurm_*", "n=1,2", "--name", "cancels")
    for _ in range(KILLS):
        word = dice.choice(["cancel", "cancel", "status"])
        kill_within(lab, lab.start(word, experiment), experiment, dice.uniform(0.2, 2.5))
    answer = lab("cancel", experiment)

    assert answer.code == 0, answer.out + answer.err
    jobs = lab.until_over(experiment)
    assert {job["state"] for job in jobs.values()} == {"CANCELLED"}
    for cluster in lab.clusters.both:
        ours = [job for job in jobs.values() if job["executor"][-1] == cluster.site.letter]
        lab.wait_for(lambda cluster=cluster, ours=ours: are_gone(cluster, ours))


def are_gone(cluster, jobs):
    ended = ("CANCELLED", "COMPLETED", "FAILED", "")
    return all(cluster.state_of(job["native_id"]) in ended for job in jobs if job["native_id"])


def reruns(lab, dice):
    """Each rerun is an experiment of its own, or nothing, and none of its jobs runs twice."""
    first = lab.launch("-k", "fail", "-e", "slurm_*", "n=1,2", "--name", "reruns")
    lab.until_over(first)
    for _ in range(KILLS):
        known = set(named(lab))
        rerun = lab.start("rerun", "-d", first, "--failed")
        time.sleep(dice.uniform(0.3, 2.5))
        rerun.kill()
        for experiment in set(named(lab)) - known:
            lab.kill_driver(experiment)
        rerun.communicate()

    for experiment in named(lab):
        jobs = lab.until_over(experiment)
        assert {(job["state"], job["exit_code"]) for job in jobs.values()} == {("FAILED", 4)}
        assert {job["attempt"] for job in jobs.values()} == {1}


def named(lab):
    return [one for one in lab.experiments() if "-reruns-" in one]


def kill_within(lab, process, experiment, seconds):
    time.sleep(seconds)
    process.kill()
    lab.kill_driver(experiment)
    process.communicate()
