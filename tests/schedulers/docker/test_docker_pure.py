"""The pure parts: names, mounts, commands, evidence, refusals."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.docker import DockerExecutor
from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.docker.commands import filled_in, secrets_text
from nemorun_discover.schedulers.docker.evidence import (
    fact_of_own_end,
    fact_of_state,
    note_container,
)
from nemorun_discover.schedulers.docker.faults import lacks_program, refusal
from nemorun_discover.schedulers.docker.images import similar
from nemorun_discover.schedulers.docker.names import container_name, host_name
from nemorun_discover.schedulers.docker.request import create_arguments
from nemorun_discover.schedulers.docker.scheduler import DockerScheduler
from nemorun_discover.schedulers.docker.tracked import Tracked
from nemorun_discover.schedulers.docker.volumes import as_bind, as_mount, parse_volume
from nemorun_discover.testing.job_place import JobPlace

VALID_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")
EXITED = {"Status": "exited", "ExitCode": 0, "FinishedAt": "2026-11-25T16:23:02.653386767Z"}


@pytest.fixture
def submission(tmp_path):
    """One that is never submitted: no engine is asked."""
    place = JobPlace(tmp_path, DockerExecutor(container_image="i"), DockerScheduler)
    return replace(place.submission("a", "true"), root=Path("code"))


def arguments(submission, **fields):
    return create_arguments(
        replace(submission, executor=DockerExecutor(container_image="i", **fields)), env={}
    )


@pytest.mark.parametrize(
    "slug", ["a@b", "train[lr=0.1,é]@" + "x" * 300, "-.a"], ids=["short", "long", "odd"]
)
def test_a_containers_name_is_valid_and_of_one_attempt(submission, slug):
    first = replace(submission, job=replace(submission.job, slug=slug))
    second = replace(first, attempt=2)

    assert VALID_NAME.fullmatch(container_name(first))
    assert container_name(first) != container_name(second)


def test_a_host_name_is_one():
    assert host_name("My task_é/x") == "my-task-x"
    assert host_name("é") == "job"


@pytest.mark.parametrize(
    ("text", "source", "is_read_only"),
    [
        ("~/a b:/x", "/home/me/a b", False),
        ("./d:/x:ro", "/project/d", True),
        ("d/e:/x", "/project/d/e", False),
        ("/abs/../y:/x", "/y", False),
        ("/$nemo_run/c:/x", "/job/c", False),
        ("named:/x:ro", "named", True),
    ],
    ids=str,
)
def test_a_volume_is_read_as_it_is_meant(text, source, is_read_only):
    volume = parse_volume(
        text, root=Path("/project"), job_dir=Path("/job"), env={"HOME": "/home/me"}
    )

    assert as_mount(volume) == {
        "Type": "volume" if source == "named" else "bind",
        "Source": source,
        "Target": "/x",
        "ReadOnly": is_read_only,
    }


def test_a_volume_with_a_label_of_selinux_is_a_bind():
    volume = parse_volume("/a:/x:ro,Z", root=Path("/p"), job_dir=Path("/j"), env={})

    assert (as_mount(volume), as_bind(volume)) == (None, "/a:/x:Z,ro")


@pytest.mark.parametrize("text", ["", "a", ":/x", "a:x", "/a:/x:maybe"], ids=str)
def test_what_is_no_volume_is_said_to_be_none(text):
    with pytest.raises(ConfigError, match="volumes: "):
        parse_volume(text, root=Path("/p"), job_dir=Path("/j"), env={})


def test_gpus_are_asked_for_as_many_as_the_profile_says(submission):
    assert arguments(submission, num_gpus=-1)["device_requests"][0]["Count"] == -1
    assert "device_requests" not in arguments(submission, num_gpus=0)
    given = create_arguments(
        replace(submission, executor=DockerExecutor(container_image="i", num_gpus=2)),
        env={},
        devices=("2", "3"),
    )
    assert given["device_requests"][0]["DeviceIDs"] == ["2", "3"]


def test_privileges_and_the_runtime_are_passed_on(submission):
    made = arguments(submission, privileged=True, runtime="nvidia", ipc_mode="host")

    assert (made["privileged"], made["runtime"], made["ipc_mode"]) == (True, "nvidia", "host")


def test_more_arguments_are_joined_with_ours(submission):
    more = {
        "environment": {"A": "b", "NEMORUN_TASK": "no"},
        "mounts": [{"Target": "/m"}],
        "init": True,
    }

    made = arguments(submission, additional_kwargs=more)

    assert made["environment"]["A"] == "b"
    assert made["environment"]["NEMORUN_TASK"] == "a"
    assert made["mounts"][-1] == {"Target": "/m"}
    assert made["mounts"][0]["Target"] == "/nemorun"
    assert made["init"] is True


def test_an_entrypoint_of_the_users_is_given_our_command(submission):
    made = arguments(submission, additional_kwargs={"entrypoint": ["/wrap"]})

    assert made["entrypoint"] == ["/wrap"]
    assert made["command"][0] == "python3"


def test_a_ulimit_that_is_none_is_named(submission):
    with pytest.raises(ConfigError, match="ulimits: 'nofile' is no limit"):
        arguments(submission, ulimits=["nofile"])


def test_secrets_are_read_by_any_shell_as_they_were():
    value = "a'b\"$HOME;`id`\n é"

    text = secrets_text({"A": value}) + 'printf %s "$A"'

    assert (
        subprocess.run(["sh", "-c", text], capture_output=True, check=True).stdout.decode() == value
    )


def test_placeholders_are_filled_in_where_no_worker_does():
    text = "${job_dir_var}/x ${het_group_host_var}_1 ${num_nodes_var} ${other}"

    assert filled_in(text, ["a", "b"]) == "/nemorun/x b 1 ${other}"


@pytest.mark.parametrize(
    ("state", "was_asked", "wanted"),
    [
        ({"Status": "running"}, False, (State.RUNNING, None, None, None)),
        (EXITED, False, (State.SUCCEEDED, None, 0, None)),
        ({**EXITED, "ExitCode": 3}, False, (State.FAILED, "EXIT_CODE", 3, None)),
        ({**EXITED, "ExitCode": 3}, True, (State.FAILED, "EXIT_CODE", 3, None)),
        ({**EXITED, "ExitCode": 143}, True, (State.CANCELLED, None, None, "SIGTERM")),
        ({**EXITED, "ExitCode": 137}, False, (State.FAILED, "SIGNAL", None, "SIGKILL")),
        (
            {**EXITED, "ExitCode": 137, "OOMKilled": True},
            False,
            (State.FAILED, "OUT_OF_MEMORY", None, "SIGKILL"),
        ),
        ({**EXITED, "ExitCode": 255}, False, (State.FAILED, "EXIT_CODE", 255, None)),
        ({**EXITED, "Error": "broken"}, False, (State.FAILED, "EXIT_CODE", 0, None)),
    ],
    ids=["runs", "well", "code", "code, asked", "asked", "killed", "memory", "odd code", "error"],
)
def test_what_the_engine_says_is_read(state, was_asked, wanted):
    fact = fact_of_state(state, host="h", was_asked=was_asked)

    assert (fact.state, fact.reason, fact.exit_code, fact.signal) == wanted


@pytest.mark.parametrize(
    ("ended", "was_asked", "wanted"),
    [
        ({"exit_code": 0}, False, (State.SUCCEEDED, None)),
        ({"exit_code": 1, "reason": "EXIT_CODE"}, False, (State.FAILED, "OUT_OF_MEMORY")),
        ({"exit_code": 0, "reason": "TIMEOUT"}, False, (State.FAILED, "OUT_OF_MEMORY")),
        ({"signal": "SIGTERM", "reason": "CANCELLED"}, True, (State.CANCELLED, None)),
        ({"signal": "SIGTERM", "reason": "CANCELLED"}, False, (State.FAILED, "OUT_OF_MEMORY")),
    ],
    ids=["well", "failed", "late", "asked", "not asked"],
)
def test_only_a_failure_is_for_want_of_memory(ended, was_asked, wanted):
    fact = fact_of_own_end(ended, {"OOMKilled": True}, host="h", was_asked=was_asked)

    assert (fact.state, fact.reason) == wanted


def test_similar_names_are_of_the_repository_first():
    there = ["python:3.11", "<none>:<none>", "pyton-x:3.12", "busybox:1"]

    assert similar("python:3.12", there)[0] == "python:3.11"
    assert similar("nothing-like-it", there) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            (
                "driver failed programming external connectivity on endpoint x: Bind for 0.0.0.0:8080 failed: "
                "port is already allocated"
            ),
            "b: port 8080 is taken on this machine",
        ),
        (
            'invalid mount config for type "bind": bind source path does not exist: /a b',
            "b: the engine does not find /a b",
        ),
        ("Unknown runtime specified nvidia", 'b: the engine has no runtime "nvidia"'),
        ("unknown or invalid runtime name: nvidia", 'b: the engine has no runtime "nvidia"'),
        (
            'could not select device driver "" with capabilities: [[gpu]]',
            "b: num_gpus = 2, but the engine cannot give GPUs to containers",
        ),
        ("mkdir /x: no space left on device", "b: the engine has no space left"),
        ("something else", "b: the engine refuses i: something else"),
    ],
    ids=["port", "source", "runtime", "newer runtime", "gpu", "space", "other"],
)
def test_a_refusal_is_a_sentence(words, sentence):
    error = refusal("b", DockerExecutor(container_image="i", num_gpus=2), words)

    assert error.message == sentence


def test_a_program_that_the_image_lacks_is_recognised():
    words = 'runc create failed: exec: "python3": executable file not found in $PATH'

    assert lacks_program(words, "python3")
    assert not lacks_program(words, "sh")
    assert not lacks_program("no space left on device", "python3")


def test_the_sdk_is_loaded_ahead_of_time_and_not_before():
    script = (
        "import os, sys\n"
        "from nemorun_discover.executors.docker import DockerExecutor\n"
        "from nemorun_discover.schedulers.docker.scheduler import DockerScheduler\n"
        "scheduler = DockerScheduler(os.environ)\n"
        "print('docker' in sys.modules)\n"
        "scheduler.load_for(DockerExecutor(container_image='x'))\n"
        "print('docker' in sys.modules)\n"
    )

    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert answer.stdout.split() == ["False", "True"]


@pytest.mark.parametrize(
    ("way", "state", "reason"),
    [
        ("worker", State.FAILED, Reason.LOST),
        ("shell", State.SUCCEEDED, None),
        ("bare", State.SUCCEEDED, None),
    ],
    ids=str,
)
def test_exit_code_0_is_a_success_where_no_worker_had_to_leave_more(submission, way, state, reason):
    """Our worker leaves with 0 however its job ended: without its exit.json nobody knows."""
    one = Tracked(submission=submission, state=EXITED)
    one.attempt.root.mkdir(parents=True)
    note_container(one.attempt, way=way)

    fact = one.fact("here")

    assert (fact.state, fact.reason) == (state, reason)
    assert (str(one.attempt.exit) in (fact.message or "")) == (way == "worker")


def test_a_damaged_exit_json_is_named_and_no_success(submission):
    one = Tracked(submission=submission, state=EXITED)
    one.attempt.root.mkdir(parents=True)
    one.attempt.exit.write_text("5")

    fact = one.fact("here")

    assert (fact.state, fact.reason) == (State.FAILED, Reason.DAMAGED)
    assert str(one.attempt.exit) in fact.message
