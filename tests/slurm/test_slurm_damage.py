"""Damaged files of jobs on a real cluster, while the jobs run: nothing is lost, doubled or left unsaid."""

from __future__ import annotations

from pathlib import Path


def test_damage_of_two_jobs_of_an_array_harms_neither_them_nor_the_third(lab):
    """The copies here are damaged while nobody drives: what tells an end, what tells a beginning, and the ids."""
    cluster = lab.clusters.a
    experiment = lab.launch("-k", "wait", "-e", "slurm_a", "n=1,2,3")
    first, second, third = lab.until_running(experiment).values()
    slugs = [Path(job["outputs"]).parent.name for job in (first, second, third)]
    here = lab.home / ".run" / "experiments" / experiment
    begun = here / "slurm" / "begun" / f"{slugs[1]}.1"
    lab.wait_for(begun.exists)
    arrived = [job["native_id"] for job in (first, second, third)]
    lab.kill_driver(experiment)

    (here / "slurm" / "ended").mkdir(exist_ok=True)
    (here / "slurm" / "ended" / f"{slugs[0]}.1").write_text("5")
    begun.unlink()
    begun.mkdir()
    (here / "jobs" / slugs[1] / "attempt-1" / "arrival.json").write_text("{")
    for unit in (here / "slurm" / "units").glob("*.json"):
        unit.write_text("[]")
    for cache in (lab.home / ".run" / "clusters").glob("*/*.json"):
        cache.write_bytes(b"\0" * 100)
    said = [lab(word, experiment) for word in ("status", "results", "logs")]
    lab.go(cluster, first, experiment)
    lab.until(experiment, lambda jobs: jobs[first["id"]]["state"] == "SUCCEEDED")
    cancelled = lab("cancel", experiment, third["id"])
    lab.go(cluster, second, experiment)
    jobs = lab.until_over(experiment)
    said += [lab(word, experiment) for word in ("status", "results", "logs")]

    assert {answer.code for answer in said} <= {0, 1}, [one.out + one.err for one in said]
    assert cancelled.code == 0, cancelled.out + cancelled.err
    assert [job["state"] for job in jobs.values()] == ["SUCCEEDED", "SUCCEEDED", "CANCELLED"]
    assert [job["native_id"] for job in jobs.values()] == arrived
    assert [job["attempt"] for job in jobs.values()] == [1, 1, 1]
    assert len(lab.comments(experiment, cluster)) == 1
