"""The stock `torchx` command on our handles."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from torchx.schedulers import DEFAULT_SCHEDULER_MODULES

from nemorun_discover.executors.codec import executor_to_dict
from nemorun_discover.executors.kinds import FAMILIES
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.lifecycle.launch import launch
from nemorun_discover.lifecycle.plan import Plan
from nemorun_discover.lifecycle.watch import watch
from nemorun_discover.model.job import Job
from nemorun_discover.model.record import Project
from nemorun_discover.model.task import Script
from nemorun_discover.store.home import open_home
from nemorun_discover.torchx_command.scheduler import JobScheduler
from tests.drivers import drivers_of

TORCHX = Path(sys.executable).with_name("torchx")


def torchx(*arguments):
    return subprocess.run(
        [str(TORCHX), *arguments], capture_output=True, text=True, check=False, cwd="/", timeout=60
    )


def start(tmp_path, script):
    job = Job(
        id="hello[n=1]@local",
        slug="hello-n=1@local",
        task="hello",
        file="nemorun.toml",
        executor="local",
        script=Script(command=("bash", "-c", script)),
    )
    plan = Plan(
        title="hello",
        project=Project(root=str(tmp_path), name="demo"),
        jobs=(job,),
        executors={"local": executor_to_dict(LocalExecutor(grace_s=1))},
    )
    home = open_home(os.environ)
    experiment = launch(home, plan, os.environ)
    return home, experiment


def handle_when(home, experiment, state):
    for status in watch(home, experiment):
        if status.jobs[0].state == state:
            return status.jobs[0].handle
    return status.jobs[0].handle


def test_torchx_tells_the_state_and_prints_the_log(tmp_path):
    home, experiment = start(tmp_path, "echo one; echo two")
    handle = handle_when(home, experiment, "SUCCEEDED")

    status = torchx("status", handle)
    log = torchx("log", handle)

    assert "SUCCEEDED" in status.stdout
    assert log.stdout.splitlines() == ["hello/0 one", "hello/0 two"]


def test_torchx_cancels_a_running_job(tmp_path):
    home, experiment = start(tmp_path, "sleep 600")
    handle = handle_when(home, experiment, "RUNNING")
    process = home.layout.experiment(experiment).job("hello-n=1@local").attempt(1).process
    deadline = time.monotonic() + 30
    while not process.exists() or not process.stat().st_size:
        assert time.monotonic() < deadline

    answer = torchx("cancel", handle)

    assert answer.returncode == 0, answer.stderr
    states = [status.jobs[0].state for status in watch(home, experiment)]
    assert states[-1] == "CANCELLED"


def test_torchx_lists_our_jobs(tmp_path):
    home, experiment = start(tmp_path, "true")
    handle_when(home, experiment, "SUCCEEDED")

    answer = torchx("list", "-s", "nemorun_local")

    assert f"{experiment}:hello-n=1@local" in answer.stdout


@pytest.mark.parametrize(
    "handle",
    [
        "nemorun_local://nemorun/no:such",
        "nemorun_local://nemorun/20261122-0712-hello-x7k2:such",
        "nemorun_local://nemorun/..:x",
    ],
    ids=["no id", "no experiment", "path"],
)
def test_a_handle_of_no_job_is_said_to_be_unknown(handle):
    answer = torchx("status", handle)

    assert "does not exist" in answer.stdout + answer.stderr


def test_a_job_of_an_experiment_that_it_is_not_in_is_unknown(tmp_path):
    home, experiment = start(tmp_path, "true")
    handle = handle_when(home, experiment, "SUCCEEDED")

    assert JobScheduler("nemorun_local", "x", os.environ).describe(f"{experiment}:other") is None
    assert "does not exist" in torchx("status", handle + "0").stderr


def test_a_scheduler_knows_the_jobs_of_its_own_kind_only(tmp_path):
    home, experiment = start(tmp_path, "true")
    handle_when(home, experiment, "SUCCEEDED")
    own, other = (
        JobScheduler(name, "x", os.environ) for name in ("nemorun_local", "nemorun_other")
    )

    assert [one.app_id for one in own.list()] == [f"{experiment}:hello-n=1@local"]
    assert other.list() == []
    assert own.exists(f"{experiment}:hello-n=1@local")
    assert not other.exists(f"{experiment}:hello-n=1@local")


def test_torchx_follows_a_log_until_the_job_ends(tmp_path):
    home, experiment = start(
        tmp_path, "echo one; while [ ! -e go ]; do sleep 0.05; done; echo two; false"
    )
    handle = handle_when(home, experiment, "RUNNING")
    scheme, _, path = handle.partition("://")
    tail = subprocess.Popen(
        [str(TORCHX), "log", "-t", f"{scheme}://{path}"], stdout=subprocess.PIPE, text=True, cwd="/"
    )

    first = tail.stdout.readline()
    (tmp_path / "go").touch()
    rest, _ = tail.communicate(timeout=60)

    assert (first, rest) == ("hello/0 one\n", "hello/0 two\n")
    assert "FAILED" in torchx("status", handle).stdout


def test_torchx_tells_the_state_of_a_job_whose_driver_was_killed(tmp_path):
    home, experiment = start(tmp_path, "while [ ! -e go ]; do sleep 0.05; done; exit 7")
    handle = handle_when(home, experiment, "RUNNING")
    for pid in drivers_of(experiment):
        os.kill(pid, signal.SIGKILL)
    (tmp_path / "go").touch()

    deadline = time.monotonic() + 60
    while "FAILED" not in (answer := torchx("status", handle)).stdout:
        assert time.monotonic() < deadline, answer.stdout

    assert "EXIT_CODE" in answer.stdout


def test_torchx_does_not_start_jobs_of_ours():
    answer = torchx("run", "-s", "nemorun_local", "utils.echo", "--msg", "x")

    assert answer.returncode != 0
    assert "a job of nemorun belongs to an experiment" in answer.stderr


@pytest.mark.parametrize("name", DEFAULT_SCHEDULER_MODULES)
def test_torchx_keeps_its_own_schedulers_beside_ours(name):
    names = {one.name for one in entry_points(group="torchx.schedulers")}

    assert {name, "nemorun_local"} <= names


@pytest.mark.parametrize("kind", FAMILIES["executor"])
def test_torchx_has_a_scheduler_for_every_kind_of_ours(kind):
    names = {one.name for one in entry_points(group="torchx.schedulers")}

    assert f"nemorun_{kind}" in names
