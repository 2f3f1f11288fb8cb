"""Damaged evidence: every file of an experiment, spoilt in every way, harms its own job at most, and is named.

The campaign is seeded: NEMORUN_DAMAGE_SEED repeats one, NEMORUN_DAMAGE_TRIES makes it longer.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from typing import TYPE_CHECKING

import pytest

from nemorun_discover.cli.main import main
from nemorun_discover.lifecycle.board import Board
from nemorun_discover.lifecycle.carry_on import carry_on
from nemorun_discover.lifecycle.crew import Crew
from nemorun_discover.lifecycle.driver import Driver
from nemorun_discover.lifecycle.edges import Edges
from nemorun_discover.lifecycle.inputs import Inputs
from nemorun_discover.lifecycle.live_code import CodeWatch
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.model.event import EventType
from nemorun_discover.model.state import State
from nemorun_discover.store.journal import append_events, read_events
from nemorun_discover.store.lock import is_held, try_lock
from tests.damage import SEED, put_back, spoil

if TYPE_CHECKING:
    from pathlib import Path

TRIES = int(os.environ.get("NEMORUN_DAMAGE_TRIES", "1000"))
TASKS = """
import time
def f():
    print("started", flush=True)
    while not __import__("os").path.exists("go"):
        time.sleep(0.02)
    return {"accuracy": 0.5}
def g():
    return {"loss": [1, 2.5]}
def h():
    raise ValueError("no")
"""


def nemorun(*args: str) -> tuple[int, str]:
    """A command in this process: its exit code, and all it said."""
    argv, sys.argv = sys.argv, ["nemorun", *args]
    said = TextIOWrapper(BytesIO(), encoding="utf-8", write_through=True)
    try:
        with redirect_stdout(said), redirect_stderr(said):
            main()
    except SystemExit as end:
        return int(end.code or 0), said.buffer.getvalue().decode()
    finally:
        sys.argv = argv
    raise AssertionError("a command leaves by an exit")


@pytest.fixture
def ended(lab):
    """An experiment that has ended: one that succeeded, one that failed, and its neighbour."""
    lab.write(TASKS)
    (lab.root / "go").touch()
    lab.run(lab.job("f"), lab.job("g"), lab.job("h"))
    return lab.launched[-1]


def test_no_damage_of_what_an_ended_experiment_left_breaks_a_command(lab, ended):
    """Reading commands; what would start a driver is asked of the next test."""
    layout = lab.home.layout.experiment(ended)
    lab.wait_until(lambda: not is_held(layout.driver_lock))
    lock = try_lock(layout.driver_lock)  # as a driver would: no other one is started
    files = [
        layout.record, layout.events,
        *sorted(one for one in layout.jobs.rglob("*.json") if one.is_file()),
    ]  # fmt: skip
    dice = random.Random(SEED)
    before = {job.id: job.state for job in observe(lab.home, ended).jobs}
    commands = [
        ["status", ended], ["status", ended, "--json"], ["results", ended], ["results", ended, "--csv"],
        ["show", ended], ["show", ended, "--script", "f@local"], ["logs", ended], ["experiments"],
        ["wait", ended, "--timeout", "0"], ["cancel", ended, "f@local"],
    ]  # fmt: skip
    for number in range(TRIES // 2):
        path = files[number % len(files)]
        content = path.read_bytes()
        what = spoil(path, dice)
        command = dice.choice(commands)
        journal = (
            layout.events.read_bytes()
            if path != layout.events and layout.events.is_file()
            else None
        )

        code, said = nemorun(*command)

        story = f"try {number} of seed {SEED}: {path.relative_to(layout.root)}: {what}; {command}\n{said}"
        assert code in (0, 1, 4, 6, 124), story
        if path.is_relative_to(layout.jobs):
            assert {
                job.id: job.state
                for job in observe(lab.home, ended).jobs
                if job.slug not in str(path)
            } == {job: state for job, state in before.items() if job not in str(path)}, story
        put_back(path, content)
        if journal is not None:
            layout.events.write_bytes(journal)
    os.close(lock)
    assert {job.id: job.state for job in observe(lab.home, ended).jobs} == before


def test_a_driver_takes_damage_for_damage_of_that_job_alone(lab, ended):
    """The driver's own steps in this process, over an experiment whose jobs ended while nobody watched."""
    layout = lab.home.layout.experiment(ended)
    record = lab.home.read_record(ended)
    whole, _ = read_events(layout.events)
    begun = [
        one for one in whole
        if one.type in (EventType.INTENT, EventType.SUBMITTED) or one.state is State.RUNNING
    ]  # fmt: skip
    files = [
        *sorted(layout.jobs.rglob("exit.json")), *sorted(layout.jobs.rglob("process.json")),
        *sorted(layout.jobs.rglob("result.json")), *sorted(layout.jobs.rglob("error.json")),
    ]  # fmt: skip
    truth = {job.id: job.state for job in observe(lab.home, ended).jobs}
    dice = random.Random(SEED + 1)
    outcomes: dict[str, int] = {}
    for number in range(TRIES // 2):
        path = files[number % len(files)]
        slug = path.relative_to(layout.jobs).parts[0]
        content = path.read_bytes()
        # Half of the claims stand alone: their supervisor was killed before it could say how the job ended.
        lone = (
            path.with_name("exit.json")
            if path.name == "process.json" and dice.random() < 0.5
            else None
        )
        kept = lone.read_bytes() if lone else b""
        if lone:
            lone.unlink()
        layout.events.unlink()
        append_events(layout.events, begun)
        what = spoil(path, dice)
        story = f"try {number} of seed {SEED}: {path.relative_to(layout.root)}: {what}"

        status = _drive(lab.home, record)

        for job in status.jobs:
            if job.slug != slug:
                assert job.state is truth[job.id], story
            elif job.reason == "DAMAGED":
                assert str(path) in job.message, story
            elif job.reason == "LOST":
                assert lone, (story, job)
                assert str(lone) in job.message, (story, job)
            else:
                assert job.state.is_final or lone, (story, job)
                assert job.reason != "START_FAILED", (story, job)
            if job.slug == slug:
                outcomes[job.reason or job.state] = outcomes.get(job.reason or job.state, 0) + 1
        put_back(path, content)
        if lone:
            lone.write_bytes(kept)
    assert outcomes["DAMAGED"] > TRIES // 20, outcomes
    assert outcomes["SUCCEEDED"] > TRIES // 20, outcomes


def _drive(home, record):
    layout = home.layout.experiment(record.id)
    board = Board(record, layout)
    runtime = home.layout.packages / record.runtime
    crew = Crew(record, layout, runtime=runtime, env=os.environ, secrets={})
    inputs = Inputs(Edges(home, record, crew, os.environ, None), lambda: None)
    driver = Driver(board, crew, layout, inputs, CodeWatch(record, layout))
    try:
        driver.take_over()
        driver.step()
        driver.step()
    finally:
        inputs.close()
        crew.close()
    return board.status()


@pytest.mark.parametrize(
    "is_driver_killed", [False, True], ids=["while it is driven", "while nobody drives it"]
)
def test_jobs_whose_claim_is_damaged_while_they_run_end_as_they_end(lab, is_driver_killed):
    """The scene of the report: `echo 5 > attempt-1/process.json`."""
    lab.write(TASKS)
    jobs = [lab.job("f", id=f"f{one}@local", slug=f"f{one}@local") for one in range(4)]
    experiment = lab.launch(*jobs)
    attempts = [lab.home.layout.experiment(experiment).job(job.slug).attempt(1) for job in jobs]
    lab.wait_until(lambda: all("started" in _text(one.log) for one in attempts))
    if is_driver_killed:
        lab.kill_driver(experiment)
    attempts[0].process.write_text("5\n")
    attempts[1].process.unlink()
    attempts[1].process.symlink_to("nowhere")
    attempts[2].exit.write_text("5\n")
    os.kill(json.loads(attempts[2].process.read_text())["pid"], signal.SIGKILL)

    code, said = nemorun("status", experiment)
    lab.wait_until(lambda: "process.json is damaged" in nemorun("status", experiment, "--json")[1])
    (lab.root / "go").touch()
    status = lab.finish(experiment)

    assert code == 0, said
    assert [job.state for job in status.jobs] == [
        State.SUCCEEDED, State.SUCCEEDED, State.FAILED, State.SUCCEEDED,
    ]  # fmt: skip
    assert (status.jobs[2].reason, status.jobs[2].exit_code) == ("DAMAGED", None)
    code, said = nemorun("wait", experiment)
    assert code == 1
    assert str(attempts[2].exit) in said.replace("\n", "")
    # What comes after it overrules it.
    shutil.copy(attempts[3].exit, attempts[2].exit)
    lab.wait_until(lambda: not is_held(lab.home.layout.experiment(experiment).driver_lock))
    assert carry_on(lab.home, experiment)
    assert lab.finish(experiment).state is State.SUCCEEDED


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_a_job_can_be_cancelled_whose_claim_is_damaged(lab):
    lab.write(TASKS)
    experiment = lab.launch(lab.job("f"))
    attempt = lab.home.layout.experiment(experiment).job("f@local").attempt(1)
    lab.wait_until(lambda: "started" in _text(attempt.log))
    attempt.process.write_bytes(b"")
    lab.kill_driver(experiment)

    code, said = nemorun("cancel", experiment)

    assert code == 0, said
    assert lab.finish(experiment).jobs[0].state is State.CANCELLED


def test_a_damaged_result_is_no_success_and_does_not_reach_who_waits_for_it(lab):
    lab.write(
        """
        import pathlib, os, nemorun
        def first():
            # What a bad disk does: the file is spoilt after it was written.
            pathlib.Path(os.environ["NEMORUN_JOB_DIR"], "result.json").mkdir()
            return None
        def then():
            return nemorun.upstream("first").result
        """
    )

    ran = lab.run(lab.job("first"), lab.job("then", after={"first": ("first@local",)}))

    assert (ran["first"].state, ran["first"].reason) == (State.FAILED, "DAMAGED")
    assert "result.json" in ran["first"].message
    assert (ran["then"].state, ran["then"].reason) == (State.SKIPPED, "UPSTREAM_FAILED")


def test_damage_that_is_no_jobs_ends_the_driver_with_one_sentence(lab):
    """A full disk is waited for; a directory in the journal's place is none."""
    lab.write(TASKS)
    experiment = lab.launch(lab.job("f"))
    layout = lab.home.layout.experiment(experiment)
    attempt = layout.job("f@local").attempt(1)
    lab.wait_until(lambda: "started" in _text(attempt.log))
    kept = layout.events.with_name("kept")
    layout.events.rename(kept)
    layout.events.mkdir()

    lab.wait_until(lambda: not is_held(layout.driver_lock))
    code, said = nemorun("status", experiment)

    assert _text(layout.driver_log) == f"{layout.events} is damaged: it is no file\n"
    assert code == 4, said
    assert "events.jsonl is damaged" in said.replace("\n", "")
    layout.events.rmdir()
    kept.rename(layout.events)
    (lab.root / "go").touch()
    assert lab.finish(experiment).state is State.SUCCEEDED


def test_a_record_whose_job_has_no_executor_is_named_by_every_command(lab, ended):
    layout = lab.home.layout.experiment(ended)
    whole = layout.record.read_bytes()
    layout.record.write_text(json.dumps(json.loads(whole) | {"executors": {}}))
    commands = [
        ["status", ended], ["results", ended], ["show", ended], ["logs", ended], ["cancel", ended],
        ["wait", ended], ["rerun", ended], ["diff", ended, ended],
    ]  # fmt: skip

    heard = [nemorun(*command) for command in commands]

    layout.record.write_bytes(whole)
    for command, (code, said) in zip(commands, heard, strict=True):
        assert code == 4, (command, said)
        assert "runs on the executor local, which it does not have" in " ".join(said.split()), said
