"""What the local scheduler refuses, hands over and keeps apart; the contract is tried elsewhere."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nemorun_discover.errors import ConfigError, ExecutorRefused
from nemorun_discover.executors.launchers import FaultTolerance, Launcher, Torchrun
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.executors.packagers import (
    GitArchivePackager,
    HybridPackager,
    Packager,
    PatternPackager,
)
from nemorun_discover.schedulers.environment import job_environment
from nemorun_discover.schedulers.local.scheduler import LocalScheduler
from tests.schedulers.scheduler_contract import until_final, waiting


@pytest.mark.parametrize(
    ("fields", "setting"),
    [
        ({"launcher": "torchrun"}, 'launcher = "torchrun"'),
        ({"launcher": Torchrun()}, 'launcher = "torchrun"'),
        ({"launcher": "ft"}, 'launcher = "ft"'),
        ({"launcher": FaultTolerance()}, 'launcher = "ft"'),
        ({"launcher": Launcher(nsys_profile=True)}, "launcher.nsys_profile"),
        ({"packager": GitArchivePackager()}, 'packager = "git"'),
        ({"packager": PatternPackager(include_pattern="*")}, 'packager = "pattern"'),
        ({"packager": HybridPackager(sub_packagers={})}, 'packager = "hybrid"'),
        ({"packager": Packager(symlink_from_remote_dir="/x")}, "packager.symlink_from_remote_dir"),
        ({"nodes": 2}, "nodes = 2"),
        ({"ntasks_per_node": 4}, "ntasks_per_node = 4"),
        ({"nodes": 2, "launcher": "torchrun"}, 'launcher = "torchrun"'),
    ],
    ids=[
        "torchrun", "torchrun settings", "ft", "ft settings", "nsys", "git", "pattern", "hybrid", "symlink",
        "nodes", "tasks", "first of several",
    ],
)  # fmt: skip
def test_what_this_version_cannot_do_is_refused_in_one_sentence(fields, setting):
    with pytest.raises(ExecutorRefused) as raised:
        LocalScheduler({}).check("big", LocalExecutor(**fields))

    assert raised.value.message == (
        f"big: {setting} cannot be used yet: this version starts one plain process a job"
    )
    assert raised.value.hint


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"launcher": "default"},
        {"launcher": Launcher()},
        {"packager": Packager()},
        {"gpus": ["0"], "gpus_per_task": 1},
        {"max_parallel": 9, "env_vars": {"A": "b"}, "timeout": "1h"},
    ],
    ids=["plain", "default", "launcher", "packager", "gpus", "limits"],
)
def test_what_it_can_do_is_not_refused(fields):
    LocalScheduler({}).check("small", LocalExecutor(**fields))


def test_more_gpus_than_there_are_are_refused():
    scheduler = LocalScheduler({"CUDA_VISIBLE_DEVICES": "0"})

    with pytest.raises(ExecutorRefused) as raised:
        scheduler.check("big", LocalExecutor(gpus_per_task=2))

    assert raised.value.message == "big: gpus_per_task = 2, but this machine offers 1 GPUs"


def test_a_launcher_that_is_no_kind_is_a_config_error():
    with pytest.raises(ConfigError, match="unknown kind of launcher 'mpirun'"):
        LocalScheduler({}).check("x", LocalExecutor(launcher="mpirun"))


@pytest.mark.parametrize(
    ("env_vars", "sentence"),
    [
        ({"A": "b\0c"}, "its environment cannot be handed over (embedded null byte)"),
        ({"A=B": "c"}, "its environment cannot be handed over (illegal environment variable name)"),
        ({"A": "x" * 3_000_000}, "Argument list too long"),
    ],
    ids=["nul", "name", "size"],
)
def test_an_environment_that_no_process_can_have_is_refused(place, env_vars, sentence):
    scheduler, submission = place.scheduler(), place.submission("a", env_vars=env_vars)

    with pytest.raises(ExecutorRefused) as raised:
        scheduler.submit(submission)

    assert raised.value.message.startswith("a@local: ")
    assert raised.value.message.endswith(sentence)
    assert scheduler.query([submission]) == {}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"python": "/nowhere/python"}, "/nowhere/python: No such file or directory"),
        ({"root": "/nowhere"}, "/nowhere: No such file or directory"),
    ],
    ids=["python", "project"],
)
def test_a_start_that_fails_names_what_is_missing_and_gives_the_place_back(place, change, named):
    place.executor.max_parallel = 1
    submission = place.submission("a")
    submission.executor.python = change.get("python")
    submission = replace(submission, root=Path(change.get("root", submission.root)))
    scheduler = place.scheduler()

    with pytest.raises(ExecutorRefused, match=f"a@local: {named}"):
        scheduler.submit(submission)

    assert scheduler.can_start(submission)


def test_a_job_whose_secret_is_not_known_is_not_started_and_can_be_asked_for(place):
    submission = place.submission("a", missing=("WANDB_API_KEY",))
    scheduler = place.scheduler()

    with pytest.raises(ConfigError) as raised:
        scheduler.submit(submission)

    assert raised.value.message.startswith("local: the value of WANDB_API_KEY is not written down")
    assert "export WANDB_API_KEY=…" in raised.value.hint
    assert scheduler.adopt(submission) is None
    assert scheduler.query([submission]) == {}


def test_a_supervisor_that_could_not_begin_is_a_start_that_failed(place):
    submission = place.submission("a")
    submission.paths.job.unlink()
    scheduler = place.scheduler()

    scheduler.submit(submission)

    fact = until_final(scheduler, submission)
    assert (fact.reason, fact.exit_code) == ("START_FAILED", 1)
    assert "there is none, or it is damaged" in submission.paths.attempt(1).log.read_text()


def test_there_is_room_again_when_a_job_has_ended(place):
    place.executor.max_parallel = 1
    first, second = waiting(place, "a"), place.submission("b")
    scheduler = place.scheduler()
    scheduler.submit(first)

    had_room = scheduler.can_start(second)
    (place.folder / "go").touch()
    until_final(scheduler, first)

    assert not had_room
    assert scheduler.can_start(second)


def test_an_adopted_job_takes_a_place_and_its_gpus(place):
    place.executor = LocalExecutor(max_parallel=9, gpus=["0", "1"], gpus_per_task=1)
    first, second, third = (waiting(place, name) for name in "abc")
    before = place.scheduler()
    before.submit(first)
    until_it_runs(before, first)

    after = place.scheduler()
    after.adopt(first)
    after.submit(second)
    until_it_runs(after, second)

    gpus = [json.loads(one.paths.attempt(1).process.read_text())["gpus"] for one in (first, second)]
    assert gpus == ["0", "1"]
    assert not after.can_start(third)


def until_it_runs(scheduler, submission):
    while not scheduler.query([submission]):
        pass


def test_two_executors_share_the_gpus_of_the_machine(place):
    place.executor = LocalExecutor(max_parallel=9, gpus_per_task=1)
    first = place.submission("a", "sleep 600", executor="one")
    second = place.submission("a", executor="two")
    scheduler = place.scheduler({**os.environ, "CUDA_VISIBLE_DEVICES": "0"})

    scheduler.submit(first)

    assert not scheduler.can_start(second)


def test_a_request_shows_what_would_be_started(place):
    submission = place.submission("a", env_vars={"PLAIN": "x"}, environment={"TOKEN": "***"})

    request = place.scheduler().request(submission)

    assert request["argv"] == [
        sys.executable,
        str(submission.runtime),
        str(submission.paths.root),
        "1",
    ]
    assert request["cwd"] == str(place.folder)
    assert (request["env"]["PLAIN"], request["env"]["TOKEN"]) == ("x", "***")
    assert "HOME" not in request["env"]


def test_the_environment_of_a_job_is_made_of_layers(place):
    submission = place.submission(
        "a",
        env_vars={"B": "executor", "C": "executor", "D": "executor", "WANDB_RUN_GROUP": "mine"},
        environment={"D": "submission"},
    )
    script = replace(submission.job.script, env={"C": "script", "D": "script"})
    submission = replace(submission, job=replace(submission.job, script=script))
    caller = {"A": "caller", "B": "caller", "NEMORUN_JOB_ID": "outer", "NEMORUN_HOME": "/h"}

    env = job_environment(submission, caller)

    assert [env[name] for name in "ABCD"] == ["caller", "executor", "script", "submission"]
    assert env["WANDB_RUN_GROUP"] == "mine"
    assert env["MLFLOW_EXPERIMENT_NAME"] == submission.experiment_id
    assert (env["NEMORUN_JOB_ID"], env["NEMORUN_HOME"]) == ("a@local", "/h")


def test_what_an_outer_job_was_told_does_not_reach_an_inner_one(place):
    caller = {"NEMORUN_PARAM_LR": "1", "NEMORUN_EXPERIMENT_ID": "outer", "NEMORUN_ANYTHING": "x"}

    env = job_environment(place.submission("a"), caller)

    assert "NEMORUN_PARAM_LR" not in env
    assert "NEMORUN_ANYTHING" not in env
    assert env["NEMORUN_EXPERIMENT_ID"] == "20261122-0712-lab-x7k2"


def test_a_script_finds_its_parameters_as_text(place):
    submission = place.submission("a")
    params = {"lr": 0.1, "name": 'a "b"', "flag": True, "none": None, "many": ["é", 1]}
    submission = replace(submission, job=replace(submission.job, params=params))

    env = job_environment(submission, {})

    assert {name: env[f"NEMORUN_PARAM_{name.upper()}"] for name in params} == {
        "lr": "0.1",
        "name": 'a "b"',
        "flag": "true",
        "none": "null",
        "many": '["é", 1]',
    }


@pytest.mark.parametrize(
    ("own", "callers", "rest"),
    [
        (None, "", []),
        (None, "/callers:/more", ["/callers", "/more"]),
        ("/own", "/callers", ["/own"]),
        (None, ":/callers:", ["/callers"]),
    ],
    ids=["none", "caller", "executor", "empty entries"],
)
def test_the_python_path_begins_with_the_project(place, own, callers, rest):
    submission = place.submission("a", env_vars={} if own is None else {"PYTHONPATH": own})
    project = replace(submission.project, pythonpath=("src", "/abs"))
    submission = replace(submission, project=project, root=Path("/p/x/.."))

    env = job_environment(submission, {"PYTHONPATH": callers})

    assert env["PYTHONPATH"].split(":") == ["/p", "/p/src", "/abs", *rest, str(submission.runtime)]
