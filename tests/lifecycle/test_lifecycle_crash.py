"""What is left when the client, the driver, the supervisor or the job dies at the wrong moment."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time

import pytest

from nemorun_discover.lifecycle.cancel import cancel
from nemorun_discover.lifecycle.carry_on import carry_on
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.model.state import State
from nemorun_discover.store.home import Home

SLOW = """
import time
def f(i=0):
    print("started", flush=True)
    with open("starts", "a") as file:
        file.write(f"{i}\\n")
    while not __import__("os").path.exists("go"):
        time.sleep(0.02)
    return i or None
def g():
    return "after f"
"""


def running(lab, *jobs):
    lab.write(SLOW)
    experiment = lab.launch(*jobs)
    lab.wait_until((lab.root / "starts").exists)
    return experiment


def test_jobs_survive_their_driver_and_the_next_command_carries_on(lab):
    experiment = running(lab, lab.job("f"), lab.job("g", after={"f": ("f@local",)}))

    lab.kill_driver(experiment)
    revived = carry_on(lab.home, experiment)
    (lab.root / "go").touch()
    status = lab.finish(experiment)

    assert revived
    assert [(job.state, job.result) for job in status.jobs] == [
        (State.SUCCEEDED, None),
        (State.SUCCEEDED, "after f"),
    ]
    assert (lab.root / "starts").read_text() == "0\n"


def test_a_job_that_ended_while_nobody_watched_is_known_at_once(lab):
    experiment = running(lab, lab.job("f"))
    lab.kill_driver(experiment)
    (lab.root / "go").touch()
    evidence = lab.home.layout.experiment(experiment).job("f@local").attempt(1).exit
    lab.wait_until(evidence.exists)

    carry_on(lab.home, experiment)

    assert observe(lab.home, experiment).jobs[0].state is State.SUCCEEDED


def test_cancel_works_when_the_driver_is_dead(lab):
    experiment = running(lab, lab.job("f"))
    lab.kill_driver(experiment)

    cancel(lab.home, experiment, ["f@local"])

    assert lab.finish(experiment).jobs[0].state is State.CANCELLED


def test_a_job_whose_supervisor_was_killed_is_lost_and_leaves_nothing_running(lab):
    experiment = running(lab, lab.job("f"))
    process = json.loads(
        lab.home.layout.experiment(experiment).job("f@local").attempt(1).process.read_text()
    )

    os.kill(process["pid"], signal.SIGKILL)

    status = lab.finish(experiment).jobs[0]
    assert (status.state, status.reason) == (State.FAILED, "LOST")
    assert not lab.is_running(process["child"]["pid"])


def test_an_attempt_is_started_once_however_often_it_is_submitted(lab):
    experiment = running(lab, lab.job("f"))

    lab.kill_driver(experiment)
    forget_what_was_submitted(lab, experiment)
    carry_on(lab.home, experiment)
    (lab.root / "go").touch()
    lab.finish(experiment)

    assert (lab.root / "starts").read_text() == "0\n"


def forget_what_was_submitted(lab, experiment):
    """Cut the journal after the intent, as if the driver had died right behind it."""
    journal = lab.home.layout.experiment(experiment).events
    lines = journal.read_bytes().splitlines(keepends=True)
    intent = next(i for i, line in enumerate(lines) if b'"intent"' in line)
    journal.write_bytes(b"".join(lines[: intent + 1]))


def test_an_attempt_that_was_only_intended_is_started_by_the_next_driver(lab):
    lab.write(SLOW)
    (lab.root / "go").touch()
    experiment = lab.launch(lab.job("f"))
    lab.finish(experiment)
    layout = lab.home.layout.experiment(experiment)
    forget_what_was_submitted(lab, experiment)
    for file in layout.job("f@local").attempt(1).root.iterdir():
        file.unlink()
    layout.job("f@local").attempt(1).root.rmdir()

    carry_on(lab.home, experiment)

    assert lab.finish(experiment).jobs[0].state is State.SUCCEEDED
    assert (lab.root / "starts").read_text() == "0\n0\n"


def test_a_half_written_line_in_the_journal_is_ignored_and_spoils_nothing(lab):
    experiment = running(lab, lab.job("f"))
    lab.kill_driver(experiment)
    with lab.home.layout.experiment(experiment).events.open("ab") as file:
        file.write(b'{"at": "2026-11-22T07:12:03Z", "type": "sta')

    carry_on(lab.home, experiment)
    (lab.root / "go").touch()

    assert lab.finish(experiment).jobs[0].state is State.SUCCEEDED


def test_two_drivers_at_once_start_nothing_twice(lab):
    experiment = running(
        lab, *(lab.job("f", id=f"f{i}@local", slug=f"f{i}", params={"i": i}) for i in range(3))
    )

    results = [carry_on(lab.home, experiment) for _ in range(3)]
    (lab.root / "go").touch()
    lab.finish(experiment)

    assert results == [False, False, False]
    assert sorted((lab.root / "starts").read_text().split()) == ["0", "1", "2"]


def test_a_process_that_took_over_the_number_of_ours_is_left_alone(lab):
    experiment = running(lab, lab.job("f"))
    lab.kill_driver(experiment)
    path = lab.home.layout.experiment(experiment).job("f@local").attempt(1).process
    process = json.loads(path.read_text())
    stranger = os.getpid()
    path.write_text(json.dumps({**process, "pid": stranger}))

    cancel(lab.home, experiment, ["f@local"])
    status = lab.finish(experiment).jobs[0]

    assert status.state is State.FAILED
    # Its own supervisor lives, and may tell the end of the process that was ended because of the lie.
    assert status.reason in ("LOST", "SIGNAL")


def fill(path):
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)


def test_a_full_disk_delays_the_driver_and_loses_nothing(lab, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("a small file system can only be mounted by root")
    mount = tmp_path / "small"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mount)], check=True)
    try:
        lab.home = Home(mount / "home")
        experiment = running(lab, lab.job("f"), lab.job("g", after={"f": ("f@local",)}))
        filler = mount / "filler"
        fill(filler)

        (lab.root / "go").touch()
        time.sleep(1)
        filler.unlink()

        assert [job.state for job in lab.finish(experiment).jobs] == [State.SUCCEEDED] * 2
        lab.launched.clear()
        lab.wait_until(lambda: not lab.driver_pid(experiment))
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)
