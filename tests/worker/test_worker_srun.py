"""A task of srun, started as srun starts it; Slurm itself is in tests/schedulers/slurm."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from nemorun_discover.packaging.runtime import install_runtime
from nemorun_discover.worker.srun import srun_variables

ONE = {"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1", "SLURM_STEP_NUM_NODES": "1"}
FIFTH = {
    "SLURM_PROCID": "5",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "2",
    "SLURM_STEP_NUM_TASKS": "6",
    "SLURM_STEP_NUM_NODES": "3",
}


def test_a_process_of_many_is_told_who_it_is():
    assert srun_variables({**FIFTH, "MASTER_ADDR": "n1"}, is_rank=True) == {
        "NEMORUN_NNODES": "3",
        "NEMORUN_NODE_RANK": "2",
        "NODE_RANK": "2",
        "RANK": "5",
        "WORLD_SIZE": "6",
        "LOCAL_RANK": "1",
        "LOCAL_WORLD_SIZE": "2",
        "GROUP_RANK": "2",
        "MASTER_ADDR": "n1",
    }


def test_a_launcher_and_a_process_alone_are_told_of_their_node_only():
    told = srun_variables(FIFTH, is_rank=False)

    assert told == {"NEMORUN_NNODES": "3", "NEMORUN_NODE_RANK": "2", "NODE_RANK": "2"}


class Task:
    """A job's folder, and what srun would start in it."""

    def __init__(self, root):
        self.folder = root / "jobs" / "train"
        self.attempt = self.folder / "attempt-1"
        self.attempt.mkdir(parents=True)
        self.runtime = install_runtime(root)

    def start(self, variables=ONE, **job):
        told = {"root": "../../code", "sys_path": ["../../code"], "args": [], "argv": []}
        told |= {"timeout_s": None, "grace_s": 10.0, **job}
        (self.folder / "../../code").resolve().mkdir(exist_ok=True)
        (self.folder / "job.json").write_text(json.dumps(told))
        command = [sys.executable, self.runtime, "--srun", self.folder, "1"]
        about = {"NEMORUN_JOB_DIR": str(self.folder), "NEMORUN_ATTEMPT": "1"}
        return subprocess.Popen(
            command, env={**os.environ, **variables, **about}, stdout=subprocess.PIPE, text=True
        )

    def run(self, variables=ONE, **job):
        process = self.start(variables, **job)
        return process.communicate(timeout=30)[0], process.returncode


@pytest.fixture
def task(tmp_path):
    return Task(tmp_path)


def test_it_runs_at_the_projects_root_and_leaves_proof_that_it_ran(task):
    said, code = task.run(ONE | {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "3"}, argv=["pwd"])

    assert (said.strip(), code) == (str(task.folder.parents[1] / "code"), 0)
    assert json.loads((task.attempt / "process.json").read_text())["step"] == "7.3"


def test_the_step_of_a_component_is_that_components(task):
    variables = {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "3", "SLURM_JOB_ID_HET_GROUP_1": "8"}

    task.run(ONE | variables | {"NEMORUN_HET_GROUP": "1"}, argv=["true"])

    assert json.loads((task.attempt / "process.json").read_text())["step"] == "8.3"


def test_only_the_first_task_leaves_the_proof(task):
    task.run(FIFTH, argv=["true"], is_many=True)

    assert not (task.attempt / "process.json").exists()


def test_a_launcher_is_started_in_its_place_with_macros_filled_in(task):
    launch = ["bash", "-c", 'echo "$@"', "launcher", "--node=${node_rank_var}", "${job_dir_var}"]

    said, code = task.run(FIFTH, launch=launch)

    words = said.split()
    assert words[:2] == ["--node=2", str(task.folder)]
    assert words[-3:] == ["--rank", str(task.folder), "1"]
    assert code == 0


STAND_BY = "trap 'echo told; exit 4' TERM; echo ready; while :; do sleep 0.05; done"


def test_a_launcher_that_stands_behind_us_is_ended_as_it_ends_itself(task):
    variables = ONE | {"NEMORUN_PREEMPT_SIGNAL": "SIGUSR1"}
    process = task.start(variables, launch=["bash", "-c", STAND_BY])
    assert process.stdout.readline() == "ready\n"

    process.send_signal(signal.SIGUSR1)  # for the job's processes, of which there is none yet
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)

    assert process.communicate(timeout=30)[0] == "told\n"
    assert process.returncode == 4


def test_a_launcher_that_a_signal_ends_is_told_as_a_shell_tells_it(task):
    variables = ONE | {"NEMORUN_PREEMPT_SIGNAL": "SIGUSR1"}

    _, code = task.run(variables, launch=["bash", "-c", "kill -KILL $$"])

    assert code == 128 + signal.SIGKILL
