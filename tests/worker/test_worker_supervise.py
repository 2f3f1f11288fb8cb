"""The process over a job: one start of an attempt, its limits, its end, and what it leaves."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PATIENCE_S = 30.0
SLOW = """
    import time
    def f():
        print("begun", flush=True)
        time.sleep(600)
"""
DEAF = """
    import signal, time
    def f():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("begun", flush=True)
        while True:
            time.sleep(1)
"""


class Running:
    """A job that has been started and not waited for."""

    def __init__(self, bench, text, **fields):
        bench.write(text)
        bench.prepare(**fields)
        self.paths = bench.paths.attempt(1)
        with self.paths.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *bench.command()],
                cwd=bench.root,
                env=bench.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_it_prints(self, word="begun"):
        wait_until(lambda: word in self.paths.log.read_text())

    def end(self):
        self.process.wait(PATIENCE_S)
        return json.loads(self.paths.exit.read_text())


@pytest.fixture
def start(bench):
    started = []

    def start(text, **fields):
        started.append(Running(bench, text, **fields))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.terminate()  # it ends its job, which has a process group of its own
            one.process.wait(PATIENCE_S)


def wait_until(is_so):
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def test_an_attempt_runs_once_however_often_it_is_started(bench):
    bench.write("def f():\n    open('starts', 'a').write('x')")
    bench.prepare()
    processes = [
        subprocess.Popen(
            [sys.executable, *bench.command()], cwd=bench.root, env=bench.environment()
        )
        for _ in range(6)
    ]

    codes = [one.wait(PATIENCE_S) for one in processes]

    assert codes == [0] * 6
    assert (bench.root / "starts").read_text() == "x"
    assert {file.name for file in bench.paths.attempt(1).root.iterdir()} == {
        "exit.json",
        "process.json",
    }


def test_the_claim_says_who_runs_from_its_first_moment_on(bench, start):
    running = start(SLOW)
    seen = []

    wait_until(running.paths.process.exists)
    seen.append(running.paths.process.read_text())
    running.wait_until_it_prints()
    seen.append(running.paths.process.read_text())

    first, last = (json.loads(one) for one in seen)
    assert first["pid"] == last["pid"] == running.process.pid
    assert last["child"]["started"] is not None


KILLED_BEFORE_IT_NAMES_ITS_CHILDREN = """
import os, sys, time
from pathlib import Path
from nemorun_discover.model.layout import AttemptLayout
from nemorun_discover.worker.supervise import Supervisor

class SlowDisk(AttemptLayout):
    @property
    def process(self):
        if (self.root / "process.json").exists():
            time.sleep(0.5)
            os.kill(os.getpid(), 9)
        return self.root / "process.json"

    @process.setter
    def process(self, path):
        pass

def main():
    open("began", "w").close()
    time.sleep(2)

supervisor = Supervisor(SlowDisk(Path(sys.argv[1])), timeout_s=None, grace_s=1)
supervisor.claim()
supervisor.run([main] * 2)
"""


def test_nothing_begins_whose_supervisor_was_killed_before_it_said_who_runs(bench):
    bench.prepare()
    attempt = bench.paths.attempt(1)
    with subprocess.Popen(
        [sys.executable, "-c", KILLED_BEFORE_IT_NAMES_ITS_CHILDREN, str(attempt.root)],
        cwd=bench.root,
        env=bench.environment(),
        stdout=subprocess.PIPE,
    ) as process:
        process.stdout.read()  # to its end: the children hold it too
        code = process.wait(PATIENCE_S)

    assert code == -signal.SIGKILL
    assert "child" not in json.loads(attempt.process.read_text())
    assert not (bench.root / "began").exists()


@pytest.mark.parametrize(
    ("number", "text", "sent"),
    [
        (signal.SIGTERM, SLOW, "SIGTERM"),
        (signal.SIGINT, SLOW, "SIGTERM"),
        (signal.SIGTERM, DEAF, "SIGKILL"),
    ],
    ids=["term", "int", "deaf"],
)
def test_a_supervisor_that_is_asked_to_stop_ends_its_job(start, number, text, sent):
    running = start(text, grace_s=0.3)
    running.wait_until_it_prints()

    running.process.send_signal(number)

    ended = running.end()
    assert (ended["reason"], ended["signal"], ended["exit_code"]) == ("CANCELLED", sent, None)


def test_asking_twice_does_not_kill_before_the_grace(start):
    running = start(
        """
        import signal, sys, time
        def stop(*_):
            time.sleep(0.5)
            print("saved", flush=True)
            sys.exit(5)
        def f():
            signal.signal(signal.SIGTERM, stop)
            print("begun", flush=True)
            while True:
                time.sleep(1)
        """,
        grace_s=20,
    )
    running.wait_until_it_prints()

    for _ in range(3):
        running.process.terminate()
        time.sleep(0.05)

    ended = running.end()
    assert (ended["reason"], ended["exit_code"]) == ("CANCELLED", 5)
    assert running.paths.log.read_text() == "begun\nsaved\n"


def test_losing_the_terminal_ends_nothing(start):
    running = start("import time\ndef f():\n    print('begun', flush=True)\n    time.sleep(0.5)")
    running.wait_until_it_prints()

    running.process.send_signal(signal.SIGHUP)

    assert running.end()["exit_code"] == 0


@pytest.mark.parametrize(
    ("text", "sent"), [(SLOW, "SIGTERM"), (DEAF, "SIGKILL")], ids=["heeds", "deaf"]
)
def test_a_job_over_its_time_is_ended(start, text, sent):
    running = start(text, timeout_s=4.0, grace_s=0.2)

    ended = running.end()

    assert (ended["reason"], ended["signal"]) == ("TIMEOUT", sent)


def test_a_job_that_ends_well_when_its_time_is_over_has_failed_all_the_same(start):
    running = start(
        """
        import signal, sys, time
        def f():
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            time.sleep(600)
        """,
        timeout_s=4.0,
    )

    ended = running.end()

    assert (ended["reason"], ended["exit_code"]) == ("TIMEOUT", 0)


def test_a_grandchild_is_ended_with_the_job(bench, start):
    running = start(
        """
        import subprocess, time
        def f():
            child = subprocess.Popen(["sleep", "600"])
            print(f"begun {child.pid}.", flush=True)
            time.sleep(600)
        """
    )
    running.wait_until_it_prints(".")
    pid = int(running.paths.log.read_text().split()[1].rstrip("."))

    running.process.terminate()
    running.end()

    wait_until(lambda: not is_running(pid))


ESCAPES = """
    import os, subprocess, sys, time
    SLEEP = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"]
    def daemonize():
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execve(SLEEP[0], SLEEP, {})
            os._exit(0)
        os.wait()
    def f():
        session = subprocess.Popen(SLEEP, start_new_session=True, stdout=subprocess.PIPE)
        bare = subprocess.Popen(["setsid", "env", "-i", *SLEEP], stdout=subprocess.PIPE)
        for one in (session, bare):
            one.stdout.readline()
        daemonize()
        print("begun", flush=True)
        time.sleep(SECONDS)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells who left what")
@pytest.mark.parametrize("end", ["own", "cancel", "timeout", "failure"])
def test_what_made_a_session_of_its_own_ends_with_the_job(start, end):
    text = ESCAPES.replace("SECONDS", "0.5" if end in ("own", "failure") else "600")
    if end == "failure":
        text += "        os._exit(3)\n"
    running = start(text, timeout_s=4.0 if end == "timeout" else None)
    running.wait_until_it_prints()
    below = descendants_of(running.process.pid)
    assert len(below) == 4  # the job and three that have left its group

    if end == "cancel":
        running.process.terminate()
    ended = running.end()

    reason = {"own": None, "cancel": "CANCELLED", "timeout": "TIMEOUT", "failure": "EXIT_CODE"}
    assert ended["reason"] == reason[end]
    assert [pid for pid in below if is_running(pid)] == []


def test_what_made_a_session_of_its_own_is_asked_before_it_is_killed(start):
    running = start(
        """
        import signal, subprocess
        def f():
            text = "trap 'echo asked >> asked; exit' TERM; echo; while :; do sleep 0.1; done"
            one = subprocess.Popen(["bash", "-c", text], start_new_session=True, stdout=subprocess.PIPE)
            one.stdout.readline()
            signal.signal(signal.SIGTERM, lambda *_: None)
            print("begun", flush=True)
            one.wait()
        """
    )
    running.wait_until_it_prints()
    asked = Path(f"/proc/{running.process.pid}/cwd").readlink() / "asked"

    running.process.terminate()
    running.end()

    assert asked.read_text() == "asked\n"


def descendants_of(pid):
    rows = subprocess.run(
        ["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout.split()
    parents = dict(zip(map(int, rows[::2]), map(int, rows[1::2]), strict=True))
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def is_running(pid):
    state = subprocess.run(
        ["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return state not in ("", "Z", "X")


def test_the_evidence_waits_for_room_on_the_disk(start):
    running = start("import time\ndef f():\n    print('begun', flush=True)\n    time.sleep(0.3)")
    running.wait_until_it_prints()
    assert "child" in running.paths.process.read_text(), "what runs is named before it runs"
    elsewhere = running.paths.root.with_name("moved")

    running.paths.root.rename(elsewhere)  # nothing can be written there any more
    log = elsewhere / "log"
    wait_until(lambda: "exit.json" in log.read_text())
    elsewhere.rename(running.paths.root)

    assert running.end()["exit_code"] == 0


def test_no_attempt_is_begun_where_its_evidence_cannot_be_written(bench):
    bench.write("def f():\n    open('starts', 'a').write('x')")
    bench.prepare()
    bench.paths.attempt(1).root.rmdir()

    answer = subprocess.run(
        [sys.executable, *bench.command()],
        cwd=bench.root,
        env=bench.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 1
    assert not (bench.root / "starts").exists()


def test_the_gpus_that_a_job_sees_are_written_down(bench, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,3")

    assert bench.run("def f(): pass").process["gpus"] == "0,3"
