"""The example project as README runs it: the real command, from the repository's root."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def nemorun():
    """Runs the command and gives what it printed; it must succeed."""

    def run(*arguments):
        command = [sys.executable, "-m", "nemorun_discover.cli.main", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_a_sweep_is_trained_evaluated_and_ranked(nemorun):
    nemorun("run", "learning_rate=0.02,0.1", "hidden=4,8", "epochs=1")

    jobs = json.loads(nemorun("status", "--json"))["jobs"]

    assert [job["state"] for job in jobs] == ["SUCCEEDED"] * 9
    (report,) = (job for job in jobs if job["task"] == "report")
    judged = [job["result"]["accuracy"] for job in jobs if job["task"] == "evaluate"]
    assert len(judged) == 4
    assert report["result"]["accuracy"] == max(judged)


def test_a_training_says_how_each_epoch_went(nemorun):
    nemorun("run", "-k", "=train", "epochs=2", "hidden=4")

    log = nemorun("logs")

    assert "epoch 1/2  loss " in log
    assert "epoch 2/2  loss " in log


def test_the_profile_of_a_factory_runs_a_task(nemorun):
    nemorun("run", "-k", "=train", "-e", "small", "epochs=1", "hidden=4")

    (job,) = json.loads(nemorun("status", "--json"))["jobs"]

    assert (job["executor"], job["state"]) == ("small", "SUCCEEDED")


def test_the_script_task_describes_the_data(nemorun):
    nemorun("run", "-k", "describe_data")

    assert "1797 images of 64 pixels" in nemorun("logs")
