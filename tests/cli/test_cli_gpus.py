"""A GPU of this machine is one job's at a time, whichever home, and whoever of its processes was killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND
from tests.drivers import drivers_of

CONFIG = """
    [profiles.gpu]
    kind = "local"
    gpus = ["0"]
    gpus_per_task = 1

    [tasks.hold]
    command = ["bash", "-c", "touch begun; until [ -e go ]; do sleep 0.05; done"]
    executors = ["gpu"]

    [tasks.use]
    command = ["bash", "-c", "echo has $CUDA_VISIBLE_DEVICES; touch used"]
    executors = ["gpu"]

    [tasks.inner]
    command = ["bash", "-c", "$NEMORUN run -k use -q"]
    executors = ["gpu"]
"""
PATIENCE_S = 60.0


@pytest.fixture
def homes(tmp_path, write):
    write("nemorun.toml", CONFIG)
    return [{"NEMORUN_HOME": str(tmp_path / name)} for name in ("first", "second")]


def until(is_so):
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := is_so()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)
    return answer


def job_of(nemorun, home):
    (job,) = nemorun("status", "--json", **home).json["jobs"]
    return job


def children_of(pid):
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_two_homes_give_one_gpu_to_one_job_though_driver_and_supervisor_are_killed(
    nemorun, homes, project
):
    first, second = homes
    experiment = nemorun("run", "-k", "hold", "-d", **first).out.strip()
    until((project / "begun").exists)
    held = f"1 GPU held by {experiment} hold@gpu"

    nemorun("run", "-k", "use", "-d", **second)
    waiting = nemorun.start("wait", env=second)
    said = waiting.stderr.readline().decode()
    waiting.terminate()
    waiting.communicate(timeout=PATIENCE_S)
    before = job_of(nemorun, second)
    supervisor = int(job_of(nemorun, first)["native_id"])
    (task,) = children_of(supervisor)
    (driver,) = drivers_of(experiment)
    for pid in (driver, supervisor):
        os.kill(pid, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{driver}").exists())
    time.sleep(0.5)  # five looks of the driver that waits
    after = job_of(nemorun, second)

    assert said == f"use@gpu waits for {held}\n"
    assert (before["state"], before["waits_for"]) == ("PLANNED", held)
    assert (after["state"], after["waits_for"]) == ("PLANNED", held)
    assert f"waits for {held}" in nemorun("status", **second).out

    os.kill(task, signal.SIGKILL)
    until((project / "used").exists)  # by the driver that waits, with no command to wake it

    assert nemorun("wait", **second).code == 0
    assert nemorun("logs", **second).out == "has 0\n"


def test_what_runs_inside_a_job_shares_out_the_gpus_of_that_job(nemorun, homes):
    """It would wait for its own end if it had to wait until the machine's are free."""
    command = f"env PYTHONPATH={nemorun.environment()['PYTHONPATH']} {' '.join(COMMAND)}"

    answer = nemorun("run", "-k", "inner", NEMORUN=command, **homes[0])

    assert answer.code == 0, answer.out + answer.err
    assert nemorun("logs", **homes[0]).out == "has 0\n"  # the last one began inside the first
