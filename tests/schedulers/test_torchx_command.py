"""The stock `torchx` command on our handles."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from torchx.schedulers import DEFAULT_SCHEDULER_MODULES

from nemorun_discover.executors.codec import executor_to_dict
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.lifecycle.launch import launch
from nemorun_discover.lifecycle.plan import Plan
from nemorun_discover.lifecycle.watch import watch
from nemorun_discover.model.job import Job
from nemorun_discover.model.record import Project
from nemorun_discover.model.task import Script
from nemorun_discover.store.home import open_home

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


def test_a_handle_of_no_job_is_said_to_be_unknown(tmp_path):
    answer = torchx("status", "nemorun_local://nemorun/no:such")

    assert "does not exist" in answer.stdout + answer.stderr


@pytest.mark.parametrize("name", DEFAULT_SCHEDULER_MODULES)
def test_torchx_keeps_its_own_schedulers_beside_ours(name):
    names = {one.name for one in entry_points(group="torchx.schedulers")}

    assert {name, "nemorun_local"} <= names
