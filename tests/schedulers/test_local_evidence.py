"""What an attempt's folder proves: every exit.json, and every process that may stand behind one."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from nemorun_discover.errors import DamagedFile, UnreadableFile
from nemorun_discover.model.layout import AttemptLayout
from nemorun_discover.model.state import State
from nemorun_discover.schedulers.local.evidence import read_fact
from nemorun_discover.schedulers.local.process import (
    describe_process,
    is_on_this_host,
    is_same_process_alive,
    kill_group,
    send_signal,
)

START = "2026-11-22T07:12:03.500000Z"
END = "2026-11-22T07:12:04Z"


@pytest.fixture
def attempt(tmp_path):
    return AttemptLayout(tmp_path)


@pytest.fixture
def sleeper():
    """A process in a group of its own, as a job is."""
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def put(path, document):
    path.write_text(json.dumps(document))


def left(attempt, **document):
    put(attempt.exit, {"host": "node-1", "started_at": START, "ended_at": END} | document)
    return read_fact(attempt)


@pytest.mark.parametrize(
    ("code", "signal", "reason", "expected"),
    [
        (0, None, None, (State.SUCCEEDED, None)),
        (1, None, "EXIT_CODE", (State.FAILED, "EXIT_CODE")),
        (None, "SIGSEGV", "SIGNAL", (State.FAILED, "SIGNAL")),
        (None, "SIGTERM", "TIMEOUT", (State.FAILED, "TIMEOUT")),
        (0, None, "TIMEOUT", (State.FAILED, "TIMEOUT")),
        (None, "SIGKILL", "CANCELLED", (State.CANCELLED, None)),
        (0, None, "CANCELLED", (State.CANCELLED, None)),
        (1, None, "CANCELLED", (State.CANCELLED, None)),
        (None, None, None, (State.FAILED, "DAMAGED")),
    ],
    ids=[
        "success", "code", "signal", "timeout", "timeout heeded", "cancelled", "cancelled heeded",
        "cancelled with a code", "nothing",
    ],
)  # fmt: skip
def test_an_exit_is_a_state_and_a_reason(attempt, code, signal, reason, expected):
    fact = left(attempt, exit_code=code, signal=signal, reason=reason)

    assert (fact.state, fact.reason) == expected
    if fact.reason == "DAMAGED":
        assert str(attempt.exit) in fact.message
        return
    assert (fact.exit_code, fact.signal, fact.host) == (code, signal, "node-1")
    assert fact.started_at == datetime(2026, 11, 22, 7, 12, 3, 500_000, tzinfo=UTC)
    assert fact.ended_at == datetime(2026, 11, 22, 7, 12, 4, tzinfo=UTC)


def test_an_exit_is_believed_over_a_process_that_seems_to_run(attempt):
    put(attempt.process, describe_process(os.getpid()))

    assert left(attempt, exit_code=0, signal=None, reason=None).state is State.SUCCEEDED


def test_an_empty_folder_proves_nothing(attempt):
    assert read_fact(attempt) is None


def test_half_a_claim_behind_which_nothing_runs_is_damage_and_names_the_file(attempt):
    attempt.process.write_text('{"pid": 1')

    fact = read_fact(attempt)

    assert (fact.state, fact.reason) == (State.FAILED, "DAMAGED")
    assert str(attempt.process) in fact.message


def test_half_a_claim_of_a_process_that_runs_is_a_job_that_runs(attempt):
    attempt.process.write_text('{"pid": 1')
    marks = {"NEMORUN_JOB_DIR": str(attempt.root.parent), "NEMORUN_ATTEMPT": attempt.root.name}
    process = subprocess.Popen(["sleep", "600"], env={**os.environ, **marks})

    try:
        assert read_fact(attempt).state is State.RUNNING
    finally:
        process.kill()
        process.wait()


def test_what_runs_on_another_machine_is_not_judged_by_a_damaged_claim(attempt):
    attempt.process.write_text("5")

    with pytest.raises(DamagedFile, match=re.escape(str(attempt.process))):
        read_fact(attempt, is_here=False)


def test_a_file_that_cannot_be_read_now_proves_nothing(attempt):
    put(attempt.process, gone_process())
    put(attempt.exit, {"exit_code": 0, "signal": None, "reason": None})
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        with pytest.raises(UnreadableFile, match=re.escape(str(attempt.exit))):
            read_fact(attempt)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert read_fact(attempt).state is State.SUCCEEDED


HIDES = """
import json, sys
from nemorun_discover.schedulers.local.process import runs_still, processes_of
from pathlib import Path
print(json.dumps([runs_still(one) for one in json.loads(sys.argv[1])] + [processes_of(Path("/a/attempt-1"))]))
"""


@pytest.mark.parametrize("proc", ["an empty one", "of another PID namespace"])
def test_a_process_that_proc_hides_is_not_taken_for_gone(sleeper, proc):
    described = [describe_process(sleeper.pid), gone_process()]
    enter = ["--mount-proc", "--pid", "--fork"] if proc != "an empty one" else []
    hide = "" if enter else "mount -t tmpfs none /proc && "
    command = ["unshare", "--user", "--map-root-user", "--mount", *enter, "sh", "-c"]
    if subprocess.run([*command, f"{hide}true"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespaces here")

    answer = subprocess.run(
        [*command, f'{hide}exec "$@"', "sh", sys.executable, "-c", HIDES, json.dumps(described)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    living, ended, processes = json.loads(answer.stdout)
    assert living is None
    assert ended is None
    assert processes == ([] if enter else None)


def test_a_supervisor_that_lives_is_a_job_that_runs(attempt, sleeper):
    put(attempt.process, {**describe_process(sleeper.pid), "started_at": START})

    fact = read_fact(attempt)

    assert (fact.state, fact.host) == (State.RUNNING, os.uname().nodename)
    assert fact.started_at is not None


def test_a_supervisor_that_died_without_a_word_is_a_lost_job_and_its_child_is_ended(
    attempt, sleeper
):
    gone = gone_process()
    put(attempt.process, {**gone, "child": describe_process(sleeper.pid), "started_at": START})

    fact = read_fact(attempt)

    assert (fact.state, fact.reason) == (State.FAILED, "LOST")
    assert sleeper.wait(30) == -9


def test_a_supervisor_that_died_before_it_had_a_child_is_a_lost_job(attempt):
    put(attempt.process, gone_process())

    assert read_fact(attempt).reason == "LOST"


def test_a_child_whose_number_another_process_has_now_is_left_alone(attempt, sleeper):
    child = {**describe_process(sleeper.pid), "started": "1"}
    put(attempt.process, {**gone_process(), "child": child})

    assert read_fact(attempt).reason == "LOST"
    assert sleeper.poll() is None


def test_a_job_on_another_machine_is_not_judged(attempt):
    put(attempt.process, {**describe_process(os.getpid()), "host": "elsewhere"})

    assert read_fact(attempt) is None


def test_a_job_from_before_the_machine_was_booted_is_lost(attempt):
    put(attempt.process, {**describe_process(os.getpid()), "boot": "another"})

    assert read_fact(attempt).reason == "LOST"


def gone_process():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    described = describe_process(process.pid)
    process.communicate(b"\n")
    return described


def test_a_process_is_told_from_every_other(sleeper):
    own, other = describe_process(os.getpid()), describe_process(sleeper.pid)

    assert is_same_process_alive(own)
    assert is_same_process_alive(other)
    assert not is_same_process_alive({**other, "pid": own["pid"]})
    assert own["host"] == other["host"] == os.uname().nodename
    assert json.loads(json.dumps(own)) == own


@pytest.mark.parametrize(
    "lie",
    [{"host": "elsewhere"}, {"boot": "another"}, {"started": "1"}, {"started": None}],
    ids=str,
)
def test_a_process_that_differs_in_anything_is_another_one(sleeper, lie):
    described = {**describe_process(sleeper.pid), **lie}

    assert not is_same_process_alive(described)
    assert not send_signal(described, 15)
    assert is_on_this_host(described) is ("host" not in lie)
    assert sleeper.poll() is None


def test_a_zombie_does_not_live(sleeper):
    described = describe_process(sleeper.pid)
    os.kill(sleeper.pid, 9)
    os.waitid(
        os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT
    )  # it has ended, and nobody has reaped it

    assert not is_same_process_alive(described)
    assert describe_process(sleeper.pid)["started"] is None


def test_a_process_whose_name_looks_like_a_state_is_read_all_the_same(tmp_path):
    program = tmp_path / ") Z 1 (x"
    program.symlink_to("/bin/sleep")
    process = subprocess.Popen([str(program), "600"])

    try:
        assert is_same_process_alive(describe_process(process.pid))
    finally:
        process.kill()
        process.wait()


def test_a_signal_reaches_the_process_and_its_group(sleeper):
    assert send_signal(describe_process(sleeper.pid), 15)
    assert sleeper.wait(30) == -15
    assert not kill_group(sleeper.pid, 9)
