"""Room on the disk, processes and descriptors run out for a while, for real: no job fails of it."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nemorun_discover.cli.documents import status_document
from nemorun_discover.lifecycle.cancel import cancel
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.model.state import State
from nemorun_discover.store.home import Home

JOBS = """
import time
def f(i=0):
    with open("starts", "a") as file:
        file.write(f"{i}\\n")
    while not __import__("os").path.exists("go"):
        time.sleep(0.02)
    return {"i": i}
def nap(i=0):
    with open("starts", "a") as file:
        file.write(f"{i}\\n")
    time.sleep(1.5)
    return {"i": i}
def raises():
    while not __import__("os").path.exists("go"):
        time.sleep(0.02)
    raise ValueError("its own")
def writes_too_much():
    with open(__import__("os").environ["BIG"], "wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
"""


class SmallDisk:
    """A file system of 4 MiB with a home on it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._is_kept_full = threading.Event()
        self._thread: threading.Thread | None = None

    def fill(self) -> None:
        """Full from now on, also when something on it is deleted."""
        self._is_kept_full.set()
        self._write_all()
        self._thread = threading.Thread(target=self._keep_full, daemon=True)
        self._thread.start()

    def free(self) -> None:
        self._is_kept_full.clear()
        if self._thread is not None:
            self._thread.join()
        (self.place / "filler").unlink(missing_ok=True)

    def _write_all(self) -> None:
        with (self.place / "filler").open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)

    def _keep_full(self) -> None:
        while self._is_kept_full.is_set():
            self._write_all()
            time.sleep(0.05)


@pytest.fixture
def disk(lab, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("a small file system can only be mounted by root")
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], check=True)
    disk = SmallDisk(place)
    lab.home = Home(place / "home")
    lab.write(JOBS)
    try:
        yield disk
    finally:
        disk.free()
        lab.end_everything()
        for experiment in lab.launched:
            lab.wait_until(lambda experiment=experiment: not lab.driver_pid(experiment))
        lab.launched.clear()
        subprocess.run(["umount", "-l", str(place)], check=True)


def jobs_of(lab, task, count):
    return [
        lab.job(task, id=f"{task}{i}@local", slug=f"{task}{i}", params={"i": i})
        for i in range(count)
    ]


def started(lab):
    file = lab.root / "starts"
    return sorted(map(int, file.read_text().split())) if file.exists() else []


def at_once(_lab, _experiment, _count):
    """Before the driver has started anything, or in the middle of that."""


def when_one_runs(lab, _experiment, _count):
    lab.wait_until(lambda: started(lab))


def when_all_run(lab, _experiment, count):
    lab.wait_until(lambda: len(started(lab)) == min(count, 4))


def when_one_has_ended(lab, experiment, _count):
    lab.wait_until(
        lambda: any(one.state is State.SUCCEEDED for one in observe(lab.home, experiment).jobs)
    )


@pytest.mark.parametrize(
    ("count", "moment", "full_s"),
    [
        (2, when_all_run, 5.0),
        (12, at_once, 4.0),
        (12, when_one_runs, 4.0),
        (8, when_one_has_ended, 3.0),
    ],
    ids=lambda one: getattr(one, "__name__", str(one)),
)
def test_a_full_disk_loses_no_job(lab, disk, count, moment, full_s):
    lab.executor.max_parallel = 4
    experiment = lab.launch(*jobs_of(lab, "nap", count))

    moment(lab, experiment, count)
    disk.fill()
    told = observe(lab.home, experiment).trouble
    time.sleep(full_s)
    disk.free()
    status = lab.finish(experiment)

    assert f"the disk is full: {disk.place}" in told
    assert "bytes free" in told
    assert [(one.state, one.result, one.attempt) for one in status.jobs] == [
        (State.SUCCEEDED, {"i": i}, 1) for i in range(count)
    ]
    assert started(lab) == list(range(count))
    assert status.trouble is None


def test_a_failure_is_kept_when_there_is_room_again(lab, disk):
    experiment = lab.launch(lab.job("raises"))
    lab.wait_until(lambda: lab.status_of(experiment, "raises@local").state is State.RUNNING)

    disk.fill()
    (lab.root / "go").touch()
    time.sleep(1)
    disk.free()
    status = lab.finish(experiment).jobs[0]

    assert (status.state, status.reason, status.exit_code) == (State.FAILED, "EXIT_CODE", 1)
    error = json.loads(
        lab.home.layout.experiment(experiment).job("raises@local").attempt(1).error.read_text()
    )
    assert error["message"] == "its own"


def test_a_task_that_fills_the_disk_itself_fails_and_its_neighbour_does_not(lab, disk, monkeypatch):
    big = disk.place / "big"
    monkeypatch.setenv("BIG", str(big))
    experiment = lab.launch(lab.job("f"), lab.job("writes_too_much"))
    lab.wait_until(lambda: observe(lab.home, experiment).trouble)

    (lab.root / "go").touch()
    time.sleep(1)
    big.unlink()
    status = lab.finish(experiment)

    assert [one.state for one in status.jobs] == [State.SUCCEEDED, State.FAILED]
    error = json.loads(
        lab.home.layout.experiment(experiment)
        .job("writes_too_much@local")
        .attempt(1)
        .error.read_text()
    )
    assert "No space left" in error["message"]


def test_what_is_asked_of_a_full_disk_is_answered_in_one_sentence(lab, disk):
    experiment = lab.launch(*jobs_of(lab, "f", 1))
    when_one_runs(lab, experiment, 1)
    (lab.root / "nemorun.toml").write_text('[tasks.hello]\ncommand = ["true"]\n')
    disk.fill()

    answers = {
        words[0]: subprocess.run(
            [str(Path(sys.executable).with_name("nemorun")), *words],
            cwd=lab.root,
            env={**os.environ, "NEMORUN_HOME": str(disk.place / "home")},
            capture_output=True,
            text=True,
            check=False,
        )
        for words in (
            ("run", "-k", "hello"),
            ("cancel", experiment),
            ("status", experiment),
        )
    }
    disk.free()
    (lab.root / "go").touch()

    assert answers["run"].returncode == 4
    assert "No space left on device" in answers["run"].stderr
    assert answers["run"].stderr.count("error:") == 1
    # The last block of the journal may have room for the request; then it stands, and it is said what it waits for.
    cancelled = answers["cancel"]
    assert cancelled.returncode in (4, 6)
    assert ("No space left on device", "the disk is full")[
        cancelled.returncode == 6
    ] in cancelled.stderr
    assert cancelled.stderr.count("error:") == 1
    assert answers["status"].returncode == 0
    shown = " ".join(answers["status"].stdout.split())
    assert f"the disk is full: {disk.place}" in shown.replace(" /", "/").replace(":/", ": /")
    assert "Traceback" not in "".join(one.stderr for one in answers.values())
    assert lab.home.ids() == [experiment]
    ended = lab.finish(experiment).jobs[0].state
    assert ended is (State.SUCCEEDED if cancelled.returncode == 4 else State.CANCELLED)


def driver_of(lab, experiment):
    """Its pid, never 0, which would mean this process."""
    found = []
    lab.wait_until(lambda: found.append(lab.driver_pid(experiment)) or found[-1])
    return found[-1]


def limited(pid, what, soft):
    """The limit of another process, and what puts it back."""
    before = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (soft, before[1]))
    return lambda: resource.prlimit(pid, what, before)


def test_a_driver_without_descriptors_loses_nothing(lab):
    lab.write(JOBS)
    experiment = lab.launch(lab.job("f"), lab.job("nap", after={"f": ("f@local",)}))
    when_one_runs(lab, experiment, 1)
    lab.wait_until(lambda: lab.status_of(experiment, "f@local").state is State.RUNNING)
    pid = driver_of(lab, experiment)

    put_back = limited(pid, resource.RLIMIT_NOFILE, 3)
    (lab.root / "go").touch()
    lab.wait_until(lambda: observe(lab.home, experiment).trouble)
    told = observe(lab.home, experiment).trouble
    time.sleep(1)
    put_back()
    status = lab.finish(experiment)

    assert "open files" in told
    assert [one.state for one in status.jobs] == [State.SUCCEEDED] * 2
    assert lab.driver_pid(experiment) in (pid, 0)


def test_a_driver_that_waits_for_descriptors_ends_when_its_experiment_is_deleted(lab):
    lab.write(JOBS)
    experiment = lab.launch(lab.job("f"))
    when_one_runs(lab, experiment, 1)
    lab.wait_until(lambda: lab.status_of(experiment, "f@local").state is State.RUNNING)
    layout = lab.home.layout.experiment(experiment)

    put_back = limited(driver_of(lab, experiment), resource.RLIMIT_NOFILE, 3)
    (lab.root / "go").touch()
    try:
        lab.wait_until(lambda: observe(lab.home, experiment).trouble)
        lab.wait_until(layout.job("f@local").attempt(1).exit.exists)
        lab.launched.clear()
        shutil.rmtree(layout.root)
        lab.wait_until(lambda: not lab.driver_pid(experiment))
    finally:
        with contextlib.suppress(ProcessLookupError):
            put_back()


@pytest.fixture
def few_processes():
    """A cgroup that limits the processes in it: root has no other limit that holds."""
    name = f"nemorun-test-{os.getpid()}"
    places = [
        Path("/sys/fs/cgroup/pids", name),
        Path("/sys/fs/cgroup", name),
    ]  # version 1, version 2
    for group in places:
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / "pids.max").exists():
            break
        group.rmdir()
    else:
        pytest.skip("no cgroup that counts processes can be made here")
    yield group
    (group / "pids.max").write_text("max")
    above = group.parent / "cgroup.procs"
    deadline = time.monotonic() + 10
    while pids := (group / "cgroup.procs").read_text().split():
        assert time.monotonic() < deadline
        for pid in pids:
            with contextlib.suppress(OSError):
                above.write_text(pid)
    group.rmdir()


def test_jobs_wait_for_processes_to_be_had(lab, few_processes):
    lab.write(JOBS)
    experiment = lab.launch(lab.job("f"), lab.job("nap", after={"f": ("f@local",)}))
    when_one_runs(lab, experiment, 1)
    (few_processes / "cgroup.procs").write_text(str(driver_of(lab, experiment)))
    there_are = int((few_processes / "pids.current").read_text())

    (few_processes / "pids.max").write_text(str(there_are))
    (lab.root / "go").touch()
    lab.wait_until(lambda: observe(lab.home, experiment).trouble)
    told = observe(lab.home, experiment).trouble
    # Enough for a supervisor, and not for its job.
    (few_processes / "pids.max").write_text(str(there_are + 1))
    lab.wait_until(lambda: lab.status_of(experiment, "nap@local").waits_for)
    told_of_the_job = lab.status_of(experiment, "nap@local").waits_for
    document = status_document(observe(lab.home, experiment))
    (few_processes / "pids.max").write_text("max")
    status = lab.finish(experiment)

    assert "no more processes" in told
    assert "no more processes" in told_of_the_job
    assert document["jobs"][1]["waits_for"] == told_of_the_job
    assert [one.state for one in status.jobs] == [State.SUCCEEDED] * 2
    assert started(lab) == [0, 0]


def test_a_job_that_waits_for_a_process_can_be_cancelled(lab, few_processes):
    lab.write(JOBS)
    experiment = lab.launch(lab.job("f"), lab.job("nap", after={"f": ("f@local",)}))
    when_one_runs(lab, experiment, 1)
    (few_processes / "cgroup.procs").write_text(str(driver_of(lab, experiment)))
    there_are = int((few_processes / "pids.current").read_text())
    (few_processes / "pids.max").write_text(str(there_are + 1))
    (lab.root / "go").touch()
    lab.wait_until(lambda: lab.status_of(experiment, "nap@local").waits_for)

    cancel(lab.home, experiment, ["nap@local"])
    status = lab.finish(experiment)

    assert [one.state for one in status.jobs] == [State.SUCCEEDED, State.CANCELLED]
    assert started(lab) == [0]
