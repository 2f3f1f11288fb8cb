"""Jobs that wait for others: in the queue of one cluster, and across two."""

from __future__ import annotations

PLAN = """
    import os, sys
    import nemorun as run

    def good() -> str:
        return os.uname().nodename[0]

    def bad():
        sys.exit(7)

    def up() -> str:
        return run.upstream("first").result

    def on(host):
        tunnel = run.SSHTunnel(host=host, job_dir={base!r})
        return run.SlurmExecutor(tunnel=tunnel, time="00:05:00", mem="200M")

    a, b = on("cluster_a"), on("cluster_b")
    with run.Experiment("order", clean_mode=True) as experiment:
        {steps}
        experiment.run(detach=True)
        print(experiment.id)
"""


def ordered(lab, *steps):
    """Launch these steps; the experiment's id."""
    return lab.python(PLAN.format(steps="\n        ".join(steps), base=lab.base)).split()[-1]


def test_jobs_of_one_cluster_wait_in_its_queue_for_what_they_need(lab):
    experiment = ordered(
        lab,
        'first = experiment.add(good, executor=a, name="first")',
        'failed = experiment.add(bad, executor=a, name="failed")',
        'experiment.add(up, executor=a, name="after_ok", dependencies=[first])',
        'experiment.add(good, executor=a, name="after_any", dependencies=[(failed, "any")])',
        'experiment.add(good, executor=a, name="after_notok", dependencies=[(failed, "notok")])',
        'experiment.add(good, executor=a, name="in_vain", dependencies=[failed])',
        'experiment.add(good, executor=a, name="not_needed", dependencies=[(first, "notok")])',
    )

    jobs = lab.until_over(experiment)

    jobs = {job["task"]: job for job in jobs.values()}
    ends = {task: (job["state"], job["reason"]) for task, job in jobs.items()}
    assert ends == {
        "first": ("SUCCEEDED", None),
        "failed": ("FAILED", "EXIT_CODE"),
        "after_ok": ("SUCCEEDED", None),
        "after_any": ("SUCCEEDED", None),
        "after_notok": ("SUCCEEDED", None),
        "in_vain": ("SKIPPED", "UPSTREAM_FAILED"),
        "not_needed": ("SKIPPED", "UPSTREAM_SUCCEEDED"),
    }
    assert jobs["after_ok"]["result"] == "a"
    assert all(job["native_id"] for job in jobs.values()), "all were handed over at once"
    waiting = [row for row in lab.queue(lab.clusters.a, experiment) if row[1] == "PENDING"]
    assert waiting == [], "what waited in vain is gone from the queue"


def test_jobs_wait_for_jobs_of_the_other_cluster(lab):
    experiment = ordered(
        lab,
        'first = experiment.add(good, executor=a, name="first")',
        'failed = experiment.add(bad, executor=b, name="failed")',
        'experiment.add(good, executor=b, name="after_ok", dependencies=[first])',
        'experiment.add(good, executor=a, name="after_notok", dependencies=[(failed, "notok")])',
        'experiment.add(good, executor=a, name="in_vain", dependencies=[failed])',
    )

    jobs = lab.until_over(experiment)

    jobs = {job["task"]: job for job in jobs.values()}
    states = {task: job["state"] for task, job in jobs.items()}
    assert states == {
        "first": "SUCCEEDED",
        "failed": "FAILED",
        "after_ok": "SUCCEEDED",
        "after_notok": "SUCCEEDED",
        "in_vain": "SKIPPED",
    }
    assert jobs["after_ok"]["submitted_at"] > jobs["first"]["ended_at"]
    assert jobs["in_vain"]["native_id"] is None
