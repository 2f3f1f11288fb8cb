"""An installed plugin from end to end: a kind of executor, a command, hooks, and how to do without."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from nemorun_discover.testing import SchedulerContract
from tests.plugins.conftest import EXAMPLE, PluggedCli, lines_when

TASKS = """
import os
import nemorun

@nemorun.task
def where():
    return os.environ.get("SCRATCH")

@nemorun.task
def breaks():
    raise SystemExit(3)
"""
CONFIG = """
[profiles.quick]
kind = "scratch"
scratch = "SCRATCH"
"""


@pytest.fixture
def nemorun(project, example, scratch):
    (project / "tasks.py").write_text(TASKS)
    (project / "nemorun.toml").write_text(CONFIG.replace("SCRATCH", str(scratch)))
    return PluggedCli(project, example)


@pytest.fixture
def scratch(tmp_path):
    return tmp_path / "scr atch"


def test_a_job_runs_on_an_added_kind_of_executor(nemorun, scratch):
    answer = nemorun("run", "-k", "where", "-e", "quick", "--json")

    document = json.loads(answer.lines[-1])
    job = document["jobs"][0]
    assert (answer.code, job["id"]) == (0, "where@quick")
    assert job["result"] == f"{scratch}/{document['experiment']['id']}/where@quick"


def test_the_fields_of_an_added_kind_are_checked(nemorun, project):
    (project / "nemorun.toml").write_text(CONFIG.replace("scratch =", "scrach ="))

    answer = nemorun("run", "-k", "where", "-e", "quick")

    assert answer.code == 4
    assert "[profiles.quick] scrach: unknown key" in answer.err
    assert "did you mean scratch?" in answer.err


def test_a_job_on_an_added_kind_is_run_again_from_its_record(nemorun, project, scratch):
    nemorun("run", "-k", "where", "-e", "quick")
    (project / "nemorun.toml").unlink()

    answer = nemorun("rerun", "--json")

    assert json.loads(answer.lines[-1])["jobs"][0]["result"].startswith(str(scratch))


def test_an_added_kind_keeps_the_contract_of_schedulers(nemorun, tmp_path):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_scratch.py"]
    command += ["--import-mode=importlib", "-c", "/dev/null", f"--basetemp={tmp_path / 'contract'}"]

    answer = subprocess.run(
        command,
        cwd=EXAMPLE,
        env=nemorun.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    promises = sum(name.startswith("test_") for name in dir(SchedulerContract))
    assert f"{promises} passed" in answer.stdout, answer.stdout


def test_an_added_command_is_in_the_help_under_its_heading(nemorun):
    out = nemorun("--help").out

    assert "\nLab:\n  scratch " in out
    assert "List what jobs have left in scratch." in out


def test_an_added_command_runs_and_its_answer_is_the_exit_code(nemorun, scratch):
    empty = nemorun("scratch", str(scratch))
    (scratch / "20261122-0712-f-x7k2" / "f@quick").mkdir(parents=True)
    full = nemorun("scratch", str(scratch))

    assert (empty.code, empty.out) == (1, "")
    assert (full.code, full.out) == (0, "20261122-0712-f-x7k2 f@quick\n")


def test_a_misspelt_added_command_is_found(nemorun):
    assert "did you mean scratch?" in nemorun("scrach").err


def test_the_hooks_hear_all_that_happens(nemorun, tmp_path):
    history = tmp_path / "history"

    answer = nemorun("run", "-k", "breaks", "--json", LAB_HISTORY=str(history))

    experiment = json.loads(answer.lines[-1])["experiment"]["id"]
    assert lines_when(history, f"{experiment} FAILED") == [
        "breaks@local attempt 1",
        "breaks@local RUNNING None",
        "breaks@local FAILED 3",
        f"{experiment} FAILED",
    ]


@pytest.mark.parametrize(
    "args", [("-p", "no:lab", "run"), ("run", "-pno:lab")], ids=["before", "after"]
)
def test_a_plugin_that_is_switched_off_adds_no_kind(nemorun, args):
    answer = nemorun(*args, "-k", "where", "-e", "quick")

    assert answer.code == 4
    assert "[profiles.quick] kind: no kind of executor is called 'scratch'" in answer.err


def test_a_plugin_that_is_switched_off_adds_no_command(nemorun):
    assert "scratch" not in nemorun("-p", "no:lab", "--help").out
    assert "no command 'scratch'" in nemorun("scratch", "-p", "no:lab").err
