"""How the processes of a local job are asked for: the supervisor's command line, and the environment."""

from __future__ import annotations

import json
import os
import sys

import pytest

from nemorun_discover.executors.launchers import FaultTolerance, Launcher, Torchrun
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.launchers.ports import port_of
from nemorun_discover.launchers.rendezvous import rendezvous_id
from nemorun_discover.schedulers.local.processes import local_environment, place_of
from tests.schedulers.scheduler_contract import until_final

NODES = {"MASTER_ADDR": "node-0", "MASTER_PORT": "4711", "NODE_RANK": "1"}
OUTER = {"RANK": "7", "LOCAL_RANK": "1", "WORLD_SIZE": "8", "TORCHELASTIC_USE_AGENT_STORE": "True"}


def asked(place, env=None, **fields):
    """The submission of a job with these settings, and what follows the attempt on its command line."""
    place.executor = LocalExecutor(**fields)
    submission = place.submission("a")
    argv = place.scheduler(env or {}).request(submission)["argv"]
    head = [sys.executable, str(submission.runtime), str(submission.paths.root), "1"]
    assert argv[: len(head)] == head
    return submission, argv[len(head) :]


def rank_command(submission):
    return [sys.executable, str(submission.runtime), "--rank", str(submission.paths.root), "1"]


@pytest.mark.parametrize(
    "launcher", [None, "default", Launcher()], ids=["none", "name", "settings"]
)
def test_one_plain_process_is_asked_for_as_such(place, launcher):
    assert asked(place, launcher=launcher)[1] == []


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({"ntasks_per_node": 3}, ["--ranks", "3"]),
        ({"ntasks_per_node": 2, "gpus_per_task": 4}, ["--ranks", "2", "--gpus", "4"]),
        ({"nodes": 2}, ["--ranks", "1"]),
        ({"gpus_per_task": 4}, []),
    ],
    ids=["tasks", "gpus", "nodes", "one task"],
)
def test_several_plain_processes_are_counted(place, fields, options):
    assert asked(place, NODES, **fields)[1] == options


@pytest.mark.parametrize(
    ("launcher", "module"),
    [
        ("torchrun", "torch.distributed.run"),
        (FaultTolerance(), "nvidia_resiliency_ext.fault_tolerance.launcher"),
    ],
    ids=["torchrun", "ft"],
)
def test_a_launcher_is_started_once_and_starts_the_ranks(place, launcher, module):
    submission, options = asked(place, launcher=launcher, ntasks_per_node=4)

    assert options[:4] == ["--", sys.executable, "-m", module]
    assert "--nproc-per-node=4" in options
    assert "--rdzv-endpoint=localhost:0" in options
    assert options[-6:] == ["--no-python", *rank_command(submission)]


def test_a_profile_of_several_plain_processes_is_taken_of_each(place):
    submission, options = asked(place, ntasks_per_node=2, launcher=Launcher(nsys_profile=True))

    assert options[:5] == ["--ranks", "2", "--", "nsys", "profile"]
    assert options[-5:] == rank_command(submission)


def test_two_jobs_of_an_experiment_meet_apart(place):
    place.executor = LocalExecutor(launcher="torchrun")

    first, second = (place_of(place.submission(name), {}).key for name in "ab")

    assert first != second


def test_the_nodes_of_an_allocation_meet_though_each_has_an_experiment_of_its_own(place):
    submission, options = asked(place, NODES, nodes=2, launcher="torchrun", ntasks_per_node=8)
    key = f"node-0:4711/{submission.paths.root.name}/1"

    assert f"--rdzv-endpoint=node-0:{port_of(key)}" in options
    assert f"--rdzv-id={rendezvous_id(key)}" in options
    assert {"--nnodes=2", "--node-rank=1"} <= set(options)


def test_an_allocation_of_slurm_is_known_by_its_number(place):
    env = {**NODES, "NODE_RANK": "", "SLURM_NODEID": "0", "SLURM_JOB_ID": "42"}

    submission, options = asked(place, env, nodes=2, launcher="torchrun")

    assert f"--rdzv-id={rendezvous_id(f'42/{submission.paths.root.name}/1')}" in options
    assert "--node-rank=0" in options


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, {"NEMORUN_NNODES": "1", "NEMORUN_NODE_RANK": "0"}),
        ({"nodes": 2}, {"NEMORUN_NNODES": "2", "NEMORUN_NODE_RANK": "1", "MASTER_ADDR": "node-0"}),
        ({"nodes": 2, "launcher": "torchrun"}, {"NEMORUN_NODE_RANK": "1", "NODE_RANK": "1"}),
        ({"launcher": "torchrun"}, {"NEMORUN_NODE_RANK": "0", "NODE_RANK": "0"}),
        ({"launcher": Torchrun(), "grace_s": 4.5}, {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": "4"}),
        (
            {"launcher": "torchrun", "env_vars": {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": "99"}},
            {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": "99"},
        ),
        ({"launcher": FaultTolerance(cfg_path="/c")}, {"FAULT_TOL_CFG_PATH": "/c"}),
    ],
    ids=["plain", "nodes", "torchrun on nodes", "torchrun", "grace", "own grace", "ft"],
)
def test_a_job_is_told_its_place(place, fields, told):
    place.executor = LocalExecutor(**fields)
    submission = place.submission("a", env_vars=fields.get("env_vars"))

    env = local_environment(submission, NODES, inherited=NODES)

    assert told.items() <= env.items()


def test_one_plain_process_inherits_all(place):
    env = local_environment(place.submission("a"), OUTER, inherited=OUTER)

    assert OUTER.items() <= env.items()


@pytest.mark.parametrize(
    "fields", [{"ntasks_per_node": 2}, {"launcher": "torchrun"}], ids=["tasks", "torchrun"]
)
def test_what_an_outer_launcher_said_of_itself_does_not_reach_several_processes(place, fields):
    caller = {**OUTER, "MASTER_ADDR": "outer", "MASTER_PORT": "1"}
    place.executor = LocalExecutor(**fields)

    env = local_environment(place.submission("a"), caller, inherited=caller)

    assert not caller.keys() & env.keys()


def test_an_executor_may_say_where_its_processes_meet(place):
    place.executor = LocalExecutor(ntasks_per_node=2)
    submission = place.submission("a", env_vars={"MASTER_PORT": "4711"})

    env = local_environment(submission, {}, inherited={"MASTER_PORT": "1"})

    assert env["MASTER_PORT"] == "4711"


def test_the_gpus_of_a_job_are_dealt_to_its_processes(place):
    place.executor = LocalExecutor(
        gpus=["4", "5", "6", "7"], gpus_per_task=2, ntasks_per_node=2, max_parallel=1
    )
    submission = place.submission("a", 'echo "$LOCAL_RANK $CUDA_VISIBLE_DEVICES"')
    scheduler = place.scheduler()

    scheduler.submit(submission)
    until_final(scheduler, submission)

    attempt = submission.paths.attempt(1)
    assert sorted(attempt.log.read_text().split("\n")) == ["", "0 4,5", "1 6,7"]
    assert json.loads(attempt.process.read_text())["gpus"] == "4,5,6,7"


def test_a_profile_has_a_folder_to_be_written_to(place, tmp_path):
    """A stand-in for nsys, which is not to be had: it writes where it is told to."""
    nsys = tmp_path / "bin" / "nsys"
    nsys.parent.mkdir()
    nsys.write_text(
        "#!/bin/bash\nfor word; do [[ $word == --output=* ]] && out=${word#*=}; done\n"
        'echo "$@" > "${out/\\%p/$$}"\nwhile [[ $1 != *python* ]]; do shift; done\nexec "$@"\n'
    )
    nsys.chmod(0o755)
    place.executor = LocalExecutor(launcher=Launcher(nsys_profile=True), ntasks_per_node=2)
    submission = place.submission("a", "echo $RANK")
    scheduler = place.scheduler({**os.environ, "PATH": f"{nsys.parent}:{os.environ['PATH']}"})

    scheduler.submit(submission)
    fact = until_final(scheduler, submission)

    assert fact.exit_code == 0, submission.paths.attempt(1).log.read_text()
    assert len(list((submission.paths.root / "nsys_profile").glob("profile_*"))) == 2
    assert sorted(submission.paths.attempt(1).log.read_text().split()) == ["0", "1"]
