"""Where every file of an experiment lies."""

from __future__ import annotations

from pathlib import Path

from nemorun_discover.model.layout import HomeLayout


def test_every_file_has_its_place():
    home = HomeLayout(Path("/h"))
    experiment = home.experiment("e")
    job = experiment.job("f[x=1]@local")
    attempt = job.attempt(2)

    places = [
        home.readme, home.experiments, home.packages, home.crashes,
        experiment.record, experiment.events, experiment.driver_lock, experiment.driver_log,
        job.job, job.request, job.result, job.outputs,
        attempt.log, attempt.process, attempt.exit, attempt.error,
    ]  # fmt: skip

    assert [str(one) for one in places] == [
        "/h/README",
        "/h/experiments",
        "/h/packages",
        "/h/crashes",
        "/h/experiments/e/record.json",
        "/h/experiments/e/events.jsonl",
        "/h/experiments/e/driver.lock",
        "/h/experiments/e/driver.log",
        "/h/experiments/e/jobs/f[x=1]@local/job.json",
        "/h/experiments/e/jobs/f[x=1]@local/request.json",
        "/h/experiments/e/jobs/f[x=1]@local/result.json",
        "/h/experiments/e/jobs/f[x=1]@local/outputs",
        "/h/experiments/e/jobs/f[x=1]@local/attempt-2/log",
        "/h/experiments/e/jobs/f[x=1]@local/attempt-2/process.json",
        "/h/experiments/e/jobs/f[x=1]@local/attempt-2/exit.json",
        "/h/experiments/e/jobs/f[x=1]@local/attempt-2/error.json",
    ]
