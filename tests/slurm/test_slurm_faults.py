"""What goes wrong between a client and a cluster: every job is there exactly once, and none is failed for it."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor

PROJECT_BYTES = 8_000_000


def exactly_once(lab, cluster, experiment, count):
    """The cluster has so many jobs of the experiment, each of them once."""
    rows = lab.queue(cluster, experiment)
    ids = [row[0] for row in rows]
    assert len(ids) == count, rows
    names = [(row[2], row[0].partition("_")[2], row[3]) for row in rows]
    assert len(set(names)) == count, rows


def test_a_connection_that_breaks_while_code_is_sent_is_taken_up_again(lab):
    lab.write("data/random.txt", "")
    (lab.root / "data/random.txt").write_bytes(random.Random(7).randbytes(PROJECT_BYTES))
    lab.write("data/other.txt", "one")
    with lab.through(lab.clusters.a, "slurm_a") as proxy:
        launching = lab.start("run", "-d", "-k", "look", "-e", "slurm_a")
        for share in (3, 2):
            lab.wait_for(lambda part=PROJECT_BYTES // share: proxy.passed["up"] > part)
            proxy.drop()
        out, err = launching.communicate(timeout=90)

        assert launching.returncode == 0, out + err
        (job,) = lab.until_over().values()

    assert (job["state"], job["result"]["random"]) == ("SUCCEEDED", PROJECT_BYTES)
    exactly_once(lab, lab.clusters.a, lab.experiments()[0], 1)
    assert not list(lab.clusters.a.outside(lab.base).glob(".incoming-*")), "no half package is left"


def test_a_connection_that_breaks_while_sbatch_runs_submits_once(lone_lab):
    lab, cluster = lone_lab, lone_lab.clusters.b
    place = lab.program(cluster, "sbatch", 'touch "$0.began"; sleep 1; exec /usr/bin/sbatch "$@"')
    lab.profile("slurm_b", cluster, pre_command=f"export PATH={place}:$PATH")
    launching = lab.start("run", "-d", "-k", "train", "-e", "slurm_b", "lr=1,2,3")
    lab.wait_for((cluster.outside(place) / "sbatch.began").exists)
    cluster.faults.pause_slurmctld()
    lab.wait_for(lambda: cluster.site.login.processes("sbatch"))

    cluster.faults.drop_connections()
    time.sleep(1)
    cluster.faults.resume_slurmctld()
    out, err = launching.communicate(timeout=120)

    assert launching.returncode == 0, out + err
    jobs = lab.until_over()
    assert {job["state"] for job in jobs.values()} == {"SUCCEEDED"}
    exactly_once(lab, cluster, lab.experiments()[0], 3)


def test_a_controller_that_hangs_while_sbatch_runs_has_each_job_once(lone_lab):
    """Sbatch gives up, and what it asked for is done all the same when the controller goes on."""
    lab, cluster = lone_lab, lone_lab.clusters.a
    place = lab.program(cluster, "sbatch", 'touch "$0.began"; sleep 2; exec /usr/bin/sbatch "$@"')
    lab.profile("slurm_a", cluster, pre_command=f"export PATH={place}:$PATH")
    launching = lab.start("run", "-d", "-k", "train or wait", "-e", "slurm_a", "lr=1,2,3")
    lab.wait_for((cluster.outside(place) / "sbatch.began").exists)
    cluster.faults.pause_slurmctld()
    time.sleep(8)
    cluster.faults.resume_slurmctld()
    out, err = launching.communicate(timeout=150)

    assert launching.returncode == 0, out + err
    (experiment,) = lab.experiments()
    lab.until(experiment, lambda jobs: jobs["wait@slurm_a"]["state"] == "RUNNING")
    lab.go(cluster, lab.jobs(experiment)["wait@slurm_a"], experiment)
    jobs = lab.until_over()
    assert {job["state"] for job in jobs.values()} == {"SUCCEEDED"}
    exactly_once(lab, cluster, experiment, 4)


def test_a_login_node_that_is_away_for_a_while_makes_facts_old_and_nothing_worse(lone_lab):
    lab = lone_lab
    experiment = lab.launch("-k", "wait", "-e", "slurm_*")
    jobs = lab.until_running(experiment)
    reading = lab.start("logs", "-f", experiment)
    time.sleep(2)

    lab.clusters.a.faults.stop_sshd()
    lab.clusters.b.faults.drop_connections()
    contact = lab.wait_for(lambda: lab.contacts(experiment).get("slurm_a", {}).get("trouble"))
    shown = lab("status", experiment).out
    states = {job["state"] for job in lab.jobs(experiment).values()}
    for letter, cluster in zip("ab", lab.clusters.both, strict=True):
        lab.go(cluster, jobs[f"wait@slurm_{letter}"], experiment)
    time.sleep(2)
    lab.clusters.a.faults.start_sshd()

    assert str(lab.clusters.a.port) in contact
    assert "as of" in shown
    assert states <= {"RUNNING", "SUCCEEDED"}
    jobs = lab.until_over(experiment)
    assert {job["state"] for job in jobs.values()} == {"SUCCEEDED"}
    out, err = reading.communicate(timeout=60)
    assert reading.returncode == 0, err
    lines = sorted(line for line in out.decode().splitlines() if "waiting" in line)
    assert lines == [f"wait@slurm_{letter} | waiting 0" for letter in "ab"], "each line once"


def test_a_cluster_that_is_away_does_not_hide_what_the_others_jobs_print(lone_lab):
    lab = lone_lab
    experiment = lab.launch("-k", "wait", "-e", "slurm_*", "n=7")
    lab.until_running(experiment)

    lab.clusters.a.faults.stop_sshd()
    shown = lab("logs", experiment)
    lab.clusters.a.faults.start_sshd()

    assert shown.out == "wait[n=7]@slurm_b | waiting 7\n"
    assert str(lab.clusters.a.port) in shown.err
    lab("cancel", experiment)
    lab.until_over(experiment)


def test_jobs_that_end_while_the_controller_is_down_are_known_by_what_they_left(lone_lab):
    lab, cluster = lone_lab, lone_lab.clusters.b
    experiment = lab.launch("-k", "wait", "-e", "slurm_*", "n=1,2")
    jobs = lab.until_running(experiment)
    on_b = [job for job in jobs.values() if job["executor"] == "slurm_b"]
    on_a = [job for job in jobs.values() if job["executor"] == "slurm_a"]

    cluster.faults.stop_slurmctld()
    lab.go(cluster, on_b[0], experiment)
    for job in on_a:
        lab.go(lab.clusters.a, job, experiment)
    trouble = lab.wait_for(lambda: lab.contacts(experiment).get("slurm_b", {}).get("trouble"))
    jobs = lab.until(experiment, lambda jobs: jobs[on_b[0]["id"]]["state"] == "SUCCEEDED")

    assert "Unable to contact slurm controller" in trouble
    assert jobs[on_b[1]["id"]]["state"] == "RUNNING"
    lab.until(experiment, lambda jobs: all(jobs[job["id"]]["state"] == "SUCCEEDED" for job in on_a))
    cluster.faults.start_slurmctld()
    lab.go(cluster, on_b[1], experiment)
    jobs = lab.until_over(experiment)
    assert {job["state"] for job in jobs.values()} == {"SUCCEEDED"}
    assert not lab.contacts(experiment).get("slurm_b", {}).get("trouble")


def test_a_client_killed_at_any_moment_leaves_every_job_exactly_once(lab, dice):
    """Fifty kills of the command and of the driver, in launches of twenty jobs each."""
    held = "additional_parameters = { hold = true }"
    lab.profile("slurm_a", lab.clusters.a, f"array = false\n{held}")
    lab.profile("slurm_b", lab.clusters.b, held)
    began = time.monotonic()
    lab("cancel", lab.launch(*TWENTY, "--name", "rehearsal"))
    takes = min(time.monotonic() - began, 10)
    lanes = [(f"lane{number}", random.Random(dice.random())) for number in range(3)]

    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda lane: kill_often(lab, *lane, kills=17, takes=takes), lanes))

    launched = [one for title, _ in lanes for one in named(lab, title)]
    for experiment in launched:
        jobs = lab.until_state(experiment, "PENDING", 180)
        assert len(jobs) == 20
        for cluster in lab.clusters.both:
            exactly_once(lab, cluster, experiment, 10)
            told = {job["native_id"] for job in ours(jobs, cluster)}
            assert told == {row[0] for row in lab.queue(cluster, experiment)}
    for experiment in launched[1:]:
        lab("cancel", experiment)
    for cluster in lab.clusters.both:
        ids = {job["native_id"].partition("_")[0] for job in ours(lab.jobs(launched[0]), cluster)}
        cluster.run("scontrol", "release", *ids)
    jobs = lab.until_over(launched[0], 180)
    assert {job["state"] for job in jobs.values()} == {"SUCCEEDED"}
    assert {job["attempt"] for job in jobs.values()} == {1}


def test_a_client_killed_at_any_moment_where_the_site_replaces_comments(lab_c, dice):
    """The same on the newer cluster, where no submit key is found in a comment; as arrays and one by one."""
    lab, cluster = lab_c, lab_c.clusters.cluster
    held = "additional_parameters = { hold = true }"
    lab.profile("slurm_c", cluster, f"array = false\n{held}")
    lab.profile("slurm_d", cluster, held)
    began = time.monotonic()
    lab("cancel", lab.launch(*TWENTY, "--name", "rehearsal"))
    takes = min(time.monotonic() - began, 10)

    kill_often(lab, "lane", random.Random(dice.random()), kills=12, takes=takes)

    launched = named(lab, "lane")
    for experiment in launched:
        jobs = lab.until_state(experiment, "PENDING", 180)
        exactly_once(lab, cluster, experiment, 20)
        told = {job["native_id"] for job in jobs.values()}
        assert told == {row[0] for row in lab.queue(cluster, experiment)}
        lab("cancel", experiment)


def test_a_driver_that_died_while_it_wrote_ids_down_leaves_an_array_that_is_known(lab):
    lab.profile("slurm_b", lab.clusters.b, "additional_parameters = { hold = true }")
    experiment = lab.launch("-k", "train", "-e", "slurm_b", "lr=1,2,3,4")
    before = {id_: job["native_id"] for id_, job in lab.jobs(experiment).items()}
    lab.kill_driver(experiment)
    home = lab.home / ".run" / "experiments" / experiment
    for file in sorted(home.glob("jobs/*/attempt-1/arrival.json"))[2:]:
        file.unlink()

    after = {id_: job["native_id"] for id_, job in lab.jobs(experiment).items()}

    assert after == before
    time.sleep(3)
    exactly_once(lab, lab.clusters.b, experiment, 4)
    lab("cancel", experiment)
    assert {job["state"] for job in lab.until_over(experiment).values()} == {"CANCELLED"}


TWENTY = ("-k", "train", "-e", "slurm_*", "lr=1,2,3,4,5,6,7,8,9,10")


def ours(jobs, cluster):
    return [job for job in jobs.values() if job["executor"][-1] == cluster.site.letter]


def named(lab, title):
    return [one for one in lab.experiments() if f"-{title}-" in one]


def kill_often(lab, title, dice, *, kills, takes):
    """Launch, and kill whoever works on it, again and again; one that is complete is followed by another."""
    for _ in range(kills):
        open_ones = [one for one in named(lab, title) if not is_handed_over(lab, one)]
        if open_ones:
            process, wait_s = lab.start("status", open_ones[0]), dice.uniform(0.05, 0.6) * takes
        else:
            process = lab.start("run", "-d", *TWENTY, "--name", title)
            wait_s = dice.uniform(0.2, 1.0) * takes
        time.sleep(wait_s)
        process.kill()
        for experiment in named(lab, title):
            lab.kill_driver(experiment)
        process.communicate()
    if not named(lab, title):
        lab.launch(*TWENTY, "--name", title)


def is_handed_over(lab, experiment):
    """By what is written down here, without a driver."""
    journal = lab.home / ".run" / "experiments" / experiment / "events.jsonl"
    return journal.exists() and journal.read_text().count('"type":"submitted"') >= 20


def test_a_retry_whose_driver_dies_in_sbatch_is_not_refused_while_it_runs(lone_lab):
    """The login node is away as the next driver looks: nobody knows, and nothing is decided."""
    lab, cluster = lone_lab, lone_lab.clusters.a
    lab.write(
        "tasks.py",
        """
        import os, sys, time
        import nemorun

        @nemorun.task
        def twice():
            if nemorun.current().attempt == 1:
                sys.exit(3)
            while not os.path.exists(os.path.join(os.environ["NEMORUN_OUTPUT_DIR"], "go")):
                time.sleep(0.05)
        """,
    )
    slow = 'case "$*" in *.2.sh*) touch "$0.began"; sleep 2 ;; esac; exec /usr/bin/sbatch "$@"'
    place = lab.program(cluster, "sbatch", slow)
    lab.profile("slurm_a", cluster, "retries = 1", pre_command=f"export PATH={place}:$PATH")
    experiments = [lab.launch("-k", "twice", "-e", "slurm_a")]
    lab.wait_for((cluster.outside(place) / "sbatch.began").exists)
    lab.kill_driver(experiments[0])
    began = lab.folder(cluster, experiments[0]) / "slurm" / "begun" / "twice@slurm_a.2"
    lab.wait_for(began.exists)
    cluster.faults.stop_sshd()

    lab.wait_for(lambda: lab.contacts(experiments[0]).get("slurm_a", {}).get("trouble"))
    (job,) = lab.jobs(experiments[0]).values()
    cancelled = lab.start("cancel", experiments[0])
    time.sleep(3)
    (asked,) = lab.jobs(experiments[0]).values()
    cluster.faults.start_sshd()
    out, err = cancelled.communicate(timeout=90)

    assert (job["state"], job["attempt"]) == ("SUBMITTED", 2)
    assert asked["state"] == "SUBMITTED", "it is not called cancelled while it runs"
    (job,) = lab.until_over(experiments[0]).values()
    assert (job["state"], job["attempt"]) == ("CANCELLED", 2), out + err
    assert cluster.state_of(job["native_id"]) in ("CANCELLED", "COMPLETING", "")
    exactly_once(lab, cluster, experiments[0], 2)
