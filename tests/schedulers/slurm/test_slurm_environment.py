"""The variables of a job, as shell code that bash reads back."""

from __future__ import annotations

import subprocess

import pytest

from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.launchers import FaultTolerance, Torchrun
from nemorun_discover.executors.slurm import SlurmExecutor
from nemorun_discover.launchers.ports import port_of
from nemorun_discover.schedulers.slurm.environment import env_text, preempt_signal, secrets_text
from nemorun_discover.schedulers.slurm.paths import ClusterPaths
from tests.schedulers.slurm.place import EXPERIMENT, submission

PATHS = ClusterPaths(base="/scratch/it's me", experiment_id=EXPERIMENT)


def read(text, before=""):
    """The variables that bash has after it."""
    out = subprocess.run(
        ["env", "-i", *before.split(), "bash", "-c", f"{text}\nenv -0"],
        capture_output=True,
        check=True,
    ).stdout.decode()
    return dict(one.partition("=")[::2] for one in out.split("\0") if one)


def env_of(executor=None, before="", **keywords):
    return read(env_text(submission("train", executor, **keywords), PATHS), before)


def test_a_job_is_told_who_it_is_with_the_clusters_paths():
    found = env_of()

    assert found["NEMORUN_JOB_ID"] == "train@slurm_a"
    assert found["NEMORUN_JOB_DIR"] == PATHS.job("train@slurm_a")
    assert found["NEMORUN_OUTPUT_DIR"] == f"{PATHS.job('train@slurm_a')}/outputs"
    assert found["WANDB_RUN_GROUP"] == EXPERIMENT


def test_nothing_of_the_callers_environment_is_in_it(monkeypatch):
    monkeypatch.setenv("MINE", "here")

    assert "MINE" not in env_of()


@pytest.mark.parametrize(
    "value",
    ["two  words", "$HOME `id` $(id)", 'it\'s "quoted"', "a\nb\n", "é \\ ; # ! ~ *", ""],
    ids=["spaces", "expansions", "quotes", "lines", "signs", "empty"],
)
def test_a_value_comes_back_as_it_was(value):
    assert env_of(SlurmExecutor(env_vars={"V": value}))["V"] == value


@pytest.mark.parametrize("name", ["A B", "1A", "A=B", "A;touch pwn", ""], ids=str)
def test_a_name_that_no_shell_takes_is_refused(name):
    with pytest.raises(ConfigError, match="no name of an environment variable"):
        env_of(SlurmExecutor(env_vars={name: "x"}))


def test_names_keep_their_case():
    assert env_of(SlurmExecutor(env_vars={"http_proxy": "p"}))["http_proxy"] == "p"


def test_secrets_are_in_their_own_file_only():
    one = submission("train", environment={"TOKEN": "s3cr3t it's"})

    assert "s3cr3t" not in env_text(one, PATHS)
    assert read(secrets_text(one.environment))["TOKEN"] == "s3cr3t it's"


@pytest.mark.parametrize(
    ("own", "before", "middle"),
    [
        ({}, "", []),
        ({}, "PYTHONPATH=/node", ["/node"]),
        ({"PYTHONPATH": "/own"}, "PYTHONPATH=/node", ["/own"]),
    ],
    ids=["none", "the node's", "the executor's"],
)
def test_the_project_is_found_before_everything_and_the_runtime_after_it(own, before, middle):
    found = env_of(SlurmExecutor(env_vars=own), before)["PYTHONPATH"].split(":")

    assert found[0] == f"{PATHS.job('train@slurm_a')}/code"
    assert found[1:-1] == middle
    assert found[-1].startswith("/scratch/it's me/packages/runtime-")


def test_processes_of_several_are_told_a_port_of_their_own():
    found = env_of(SlurmExecutor(nodes=2))

    assert found["MASTER_PORT"] == str(port_of(f"{EXPERIMENT}/train@slurm_a/1"))
    assert found["NEMORUN_NNODES"] == "2"
    assert "MASTER_PORT" not in env_of()


def test_ft_finds_its_flag_in_the_jobs_folder():
    found = env_of(SlurmExecutor(launcher=FaultTolerance()))

    assert found["FAULT_TOL_FINISHED_FLAG_FILE"] == "${job_dir_var}/ft_finished"
    assert "FAULT_TOL_FINISHED_FLAG_FILE" not in env_of(SlurmExecutor(launcher=Torchrun()))


@pytest.mark.parametrize(
    ("signal", "name"),
    [
        (None, None),
        ("USR1@60", "SIGUSR1"),
        ("B:USR2", "SIGUSR2"),
        ("R:SIGTERM@5", "SIGTERM"),
        ("10@30", "SIGUSR1"),
        ("odd one", None),
    ],
    ids=str,
)
def test_the_signal_is_named_as_python_knows_it(signal, name):
    assert preempt_signal(signal) == name
