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
from nemorun_discover.model.state import State
from nemorun_discover.packaging.packager import list_package
from nemorun_discover.packaging.store import store_package
from nemorun_discover.schedulers.environment import job_environment
from nemorun_discover.schedulers.local.scheduler import LocalScheduler
from tests.schedulers.scheduler_contract import until_final, waiting

NODES = {"MASTER_ADDR": "node-0", "MASTER_PORT": "4711", "NODE_RANK": "1"}


@pytest.mark.parametrize(
    ("fields", "env", "sentence"),
    [
        (
            {"packager": Packager(symlink_from_remote_dir="/x")},
            {},
            "packager.symlink_from_remote_dir names a directory of a cluster, and a local job has none",
        ),
        (
            {"launcher": Torchrun(nsys_profile=True)},
            {"PATH": "/nowhere"},
            "launcher.nsys_profile needs nsys, which is not on PATH",
        ),
        (
            {"launcher": FaultTolerance(job_results_file="/x")},
            {},
            "launcher.job_results_file is for clusters that start a job again by themselves",
        ),
        (
            {"nodes": 2},
            {},
            "nodes = 2 works inside an allocation only, and MASTER_ADDR, MASTER_PORT, NODE_RANK is not set",
        ),
        (
            {"nodes": 2, "launcher": "torchrun"},
            {**NODES, "NODE_RANK": ""},
            "nodes = 2 works inside an allocation only, and NODE_RANK is not set",
        ),
        (
            {"nodes": 2},
            {**NODES, "NODE_RANK": "2"},
            "nodes = 2, but this node's number, 2, is none of 0 to 1",
        ),
        (
            {"nodes": 2},
            {**NODES, "NODE_RANK": "one"},
            "nodes = 2, but this node's number, one, is none of 0 to 1",
        ),
        ({"nodes": 2}, {**NODES, "SLURM_NNODES": "4"}, "nodes = 2, but the allocation has 4"),
        (
            {"gpus_per_task": 2},
            {"CUDA_VISIBLE_DEVICES": "0"},
            "gpus_per_task = 2, but this machine offers 1 GPUs",
        ),
        (
            {"gpus_per_task": 1, "ntasks_per_node": 4},
            {"CUDA_VISIBLE_DEVICES": "0,1"},
            "gpus_per_task = 1 with ntasks_per_node = 4, but this machine offers 2 GPUs",
        ),
    ],
    ids=[
        "symlink", "nsys", "ft results", "no allocation", "no node rank", "node out of range", "no number",
        "other allocation", "gpus", "gpus of all tasks",
    ],
)  # fmt: skip
def test_what_cannot_be_done_here_is_refused_in_one_sentence(fields, env, sentence):
    with pytest.raises(ExecutorRefused) as raised:
        LocalScheduler(env).check("big", LocalExecutor(**fields))

    assert raised.value.message == f"big: {sentence}"
    assert raised.value.hint


@pytest.mark.parametrize(
    ("fields", "env"),
    [
        ({}, {}),
        ({"launcher": "default"}, {}),
        ({"launcher": Launcher()}, {}),
        ({"launcher": "torchrun", "ntasks_per_node": 8}, {}),
        ({"launcher": "ft"}, {}),
        ({"ntasks_per_node": 4}, {}),
        ({"nodes": 2, "launcher": "torchrun"}, NODES),
        ({"nodes": 2}, {**NODES, "NODE_RANK": "", "SLURM_NODEID": "0", "SLURM_NNODES": "2"}),
        ({"packager": Packager()}, {}),
        ({"packager": GitArchivePackager()}, {}),
        ({"packager": PatternPackager(include_pattern="*")}, {}),
        ({"packager": HybridPackager(sub_packagers={})}, {}),
        ({"gpus": ["0"], "gpus_per_task": 1}, {}),
        ({"gpus": list("0123"), "gpus_per_task": 2, "ntasks_per_node": 2}, {}),
        ({"max_parallel": 9, "env_vars": {"A": "b"}, "timeout": "1h"}, {}),
    ],
    ids=[
        "plain", "default", "launcher", "torchrun", "ft", "tasks", "nodes", "slurm", "packager", "git",
        "pattern", "hybrid", "gpus", "gpus of all tasks", "limits",
    ],
)  # fmt: skip
def test_what_it_can_do_is_not_refused(fields, env):
    LocalScheduler(env).check("small", LocalExecutor(**fields))


@pytest.mark.parametrize("place_of_path", ["caller", "executor"])
def test_nsys_is_looked_for_where_the_job_will_look(tmp_path, place_of_path):
    (tmp_path / "nsys").write_text("#!/bin/sh\n")
    (tmp_path / "nsys").chmod(0o755)
    executor = LocalExecutor(launcher=Launcher(nsys_profile=True))
    path = {"PATH": str(tmp_path)}
    executor.env_vars = path if place_of_path == "executor" else {}

    LocalScheduler(path if place_of_path == "caller" else {}).check("profiled", executor)


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

    assert scheduler.can_start([submission])


@pytest.fixture
def packaged(place, tmp_path):
    """A job whose code was packaged, and has changed in the project since."""
    (place.folder / "src").mkdir()
    (place.folder / "src" / "word").write_text("as packaged")
    listing = list_package(PatternPackager(include_pattern="**"), place.folder, cache_dir=None)
    submission = place.submission("a", "cat word; pwd")
    store_package(submission.runtime.parent, listing)
    (place.folder / "src" / "word").write_text("changed since")
    checkout = tmp_path / "code" / "one"
    return replace(submission, package=listing.digest, checkout=checkout, root=checkout / "src")


def test_a_packaged_job_runs_in_a_checkout_of_its_package(place, packaged):
    scheduler = place.scheduler()

    for attempt in (packaged, replace(packaged, attempt=2)):
        scheduler.submit(attempt)
        until_final(scheduler, attempt)

    logs = [packaged.paths.attempt(number).log.read_text() for number in (1, 2)]
    assert logs == [f"as packaged{packaged.root}\n"] * 2


def test_a_package_that_is_gone_is_a_refusal_and_takes_no_place(place, packaged):
    place.executor.max_parallel = 1
    scheduler = place.scheduler()

    with pytest.raises(ExecutorRefused) as raised:
        scheduler.submit(replace(packaged, package="0" * 64))

    assert raised.value.message.startswith("a@local: ")
    assert scheduler.can_start([packaged])
    assert scheduler.query([packaged]) == {}


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

    had_room = scheduler.can_start([second])
    (place.folder / "go").touch()
    until_final(scheduler, first)

    assert not had_room
    assert scheduler.can_start([second])


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
    assert not after.can_start([third])


def until_it_runs(scheduler, submission):
    while not scheduler.query([submission]):
        pass


def test_two_executors_share_the_gpus_of_the_machine(place):
    place.executor = LocalExecutor(max_parallel=9, gpus_per_task=1)
    first = place.submission("a", "sleep 600", executor="one")
    second = place.submission("a", executor="two")
    scheduler = place.scheduler({**os.environ, "CUDA_VISIBLE_DEVICES": "0"})

    scheduler.submit(first)

    assert not scheduler.can_start([second])


def test_an_attempt_whose_gpu_was_taken_meanwhile_waits_for_it(place):
    """A second try, for which no room was asked: the first one's GPU may be another experiment's by now."""
    place.executor = LocalExecutor(max_parallel=9, gpus=["0"], gpus_per_task=1)
    first, second, third = (waiting(place, name) for name in "abc")
    other = replace(first, experiment_id="20261121-0000-other-aaaa")
    before, scheduler = place.scheduler(), place.scheduler()
    before.submit(other)

    answers = [scheduler.submit(one) for one in (second, third)]
    facts = scheduler.query([second, third])
    scheduler.cancel([third])

    assert answers == [None, None]
    assert [fact.state for fact in facts.values()] == [State.PENDING] * 2
    assert scheduler.contacts()["local"].waiting["b@local"] == (
        "1 GPU held by 20261121-0000-other-aaaa a@local"
    )
    assert scheduler.query([third])["c@local"].state is State.CANCELLED
    (place.folder / "go").touch()
    until_final(before, other)
    before.contacts()  # the end of a driver's step
    while (fact := scheduler.query([second])["b@local"]).state is not State.RUNNING:
        pass
    assert fact.native_id
    assert scheduler.contacts() == {}


@pytest.mark.parametrize(
    ("running", "wanted", "fits"),
    [(0, 1, True), (0, 2, True), (1, 1, True), (1, 2, False), (2, 1, False), (0, 5, True)],
    ids=["one", "two", "one more", "two more", "full", "more than there are places"],
)
def test_the_members_of_a_group_start_when_there_is_room_for_all(place, running, wanted, fits):
    scheduler = place.scheduler()
    for number in range(running):
        scheduler.submit(waiting(place, f"running{number}"))

    answer = scheduler.can_start([place.submission(f"member{n}") for n in range(wanted)])

    assert answer is fits


def test_the_members_of_a_group_need_gpus_for_all(place):
    place.executor = LocalExecutor(max_parallel=9, gpus=["0", "1", "2"], gpus_per_task=1)
    scheduler = place.scheduler()
    members = [place.submission(name) for name in "abc"]
    had_room = scheduler.can_start(members)

    scheduler.submit(waiting(place, "running"))

    assert had_room
    assert not scheduler.can_start(members)
    assert scheduler.can_start(members[:2])


def test_a_group_that_can_never_have_its_gpus_is_refused(place):
    place.executor = LocalExecutor(gpus=["0", "1"], gpus_per_task=1)

    with pytest.raises(ExecutorRefused) as raised:
        place.scheduler().can_start([place.submission(name) for name in "abc"])

    assert raised.value.message == (
        "local: 3 jobs that start together want more GPUs than this machine offers"
    )


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


@pytest.mark.parametrize(
    ("env_vars", "level"), [({}, "DETAIL"), ({"TORCH_DISTRIBUTED_DEBUG": "INFO"}, "INFO")],
    ids=["alone", "executor's own"],
)  # fmt: skip
def test_a_packager_that_debugs_switches_debugging_on(place, env_vars, level):
    submission = place.submission("a", env_vars=env_vars)
    submission.executor.packager = Packager(debug=True)

    env = job_environment(submission, {"CUDA_LAUNCH_BLOCKING": "0"})

    assert env["CUDA_LAUNCH_BLOCKING"] == "1"
    assert env["TORCH_SHOW_CPP_STACKTRACES"] == "1"
    assert env["TORCH_DISTRIBUTED_DEBUG"] == level
    assert "CUDA_LAUNCH_BLOCKING" not in job_environment(place.submission("b"), {})


def test_a_member_of_a_group_knows_its_group(place):
    alone = place.submission("a")
    member = replace(alone, job=replace(alone.job, group="served"))

    assert job_environment(member, {})["NEMORUN_GROUP"] == "served"
    assert "NEMORUN_GROUP" not in job_environment(alone, {"NEMORUN_GROUP": "outer"})


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
