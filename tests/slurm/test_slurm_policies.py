"""A site with policies: preemption, a plugin that replaces comments, small arrays; on Slurm 24.11."""

from __future__ import annotations

import time

import pytest

SAVING = """
    import time
    from pathlib import Path
    import nemorun

    @nemorun.task
    def train(seconds: float = 600.0):
        saved = nemorun.current().job_dir / "saved"
        if saved.exists():
            return saved.read_text()

        def save():
            time.sleep(1)
            saved.write_text("in attempt %d" % nemorun.current().attempt)
            print("saved", flush=True)

        nemorun.on_preempt(save)
        print("training", flush=True)
        time.sleep(seconds)
        return "not preempted"
"""


@pytest.mark.parametrize(
    ("partition", "end", "attempts"),
    [
        ("requeued", "SUCCEEDED", 2),
        ("requeued_later", "SUCCEEDED", 2),
        ("cancelled", "FAILED", 1),
        ("cancelled_later", "FAILED", 1),
    ],
    ids=["requeue", "requeue after a grace", "cancel", "cancel after a grace"],
)
def test_a_task_saves_what_it_has_at_a_real_preemption(lab_c, partition, end, attempts):
    lab, cluster = lab_c, lab_c.clusters.cluster
    lab.write("tasks.py", SAVING)
    lab.profile("slurm_c", cluster, f'partition = "{partition}"\nnodes = 1\nrequeue = true\n')
    experiment = lab.launch("-k", "train", "-e", "slurm_c")
    (job,) = lab.until_running(experiment).values()
    lab.wait_for(lambda: "training" in lab("logs", experiment).out)

    urgent = cluster.sbatch("sleep 4", "-p", "urgent", "-N2", "--exclusive")

    (job,) = lab.until_over(experiment, seconds=150).values()
    cluster.until_state(urgent, "COMPLETED", seconds=60)
    assert (job["state"], job["attempt"]) == (end, attempts), lab(
        "logs", experiment, "--attempt", "1"
    ).out
    assert "saved" in lab("logs", experiment, "--attempt", "1").out
    if end == "SUCCEEDED":
        assert job["result"] == "in attempt 1"
        first = lab.show(experiment)[job["id"]]["attempts"][0]
        assert first["reason"] in ("REQUEUED", "PREEMPTED")
    else:
        assert job["reason"] == "PREEMPTED"


def test_a_day_on_a_site_that_replaces_comments_and_takes_small_arrays(lab_c):
    lab, cluster = lab_c, lab_c.clusters.cluster
    lab.profile("slurm_c", cluster)
    values = ",".join(map(str, range(1, 15)))

    experiment = lab.launch("-k", "train", "-e", "slurm_c", f"lr={values}")
    lab.kill_driver(experiment)
    jobs = lab.until_over(experiment, seconds=150)

    assert {job["state"] for job in jobs.values()} == {"SUCCEEDED"}
    assert len({job["native_id"] for job in jobs.values()}) == 14
    assert len({job["native_id"].partition("_")[0] for job in jobs.values()}) == 2, "arrays of 11"
    waiting = lab.launch("-k", "wait", "-e", "slurm_c", "n=1,2")
    lab.until_running(waiting)
    cluster.run_as_root(
        "scontrol",
        "update",
        f"JobId={next(iter(lab.jobs(waiting).values()))['native_id']}",
        "comment=x",
    )
    time.sleep(5)  # some looks
    assert {job["state"] for job in lab.jobs(waiting).values()} == {"RUNNING"}
    assert lab("cancel", waiting).code == 0
    assert {job["state"] for job in lab.until_over(waiting).values()} == {"CANCELLED"}
    assert {row[1] for row in lab.queue(cluster, waiting)} == {"CANCELLED"}
