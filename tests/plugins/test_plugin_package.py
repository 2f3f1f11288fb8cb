"""An installed plugin from end to end: a kind of executor, a command, hooks, and how to do without."""

from __future__ import annotations

import json
import time

import pytest

from tests.plugins.conftest import PluggedCli

TASKS = """
import os
import nemorun

@nemorun.task
def where():
    return os.environ.get("SHOP_AISLE")

@nemorun.task
def breaks():
    raise SystemExit(3)
"""
CONFIG = """
[profiles.till]
kind = "shop"
aisle = 7
"""


@pytest.fixture
def nemorun(project, shop):
    (project / "tasks.py").write_text(TASKS)
    (project / "nemorun.toml").write_text(CONFIG)
    return PluggedCli(project, shop)


def lines_of(path, last):
    """The lines of a hook's file, when the last one is there: hooks run after the command has ended."""
    deadline = time.monotonic() + 30
    while not path.exists() or last not in path.read_text():
        assert time.monotonic() < deadline, path.read_text() if path.exists() else "nothing"
        time.sleep(0.02)
    return path.read_text().splitlines()


def test_a_job_runs_on_an_added_kind_of_executor(nemorun):
    answer = nemorun("run", "-k", "where", "-e", "till", "--json")

    job = json.loads(answer.lines[-1])["jobs"][0]
    assert (answer.code, job["id"], job["result"]) == (0, "where@till", "7")


def test_the_fields_of_an_added_kind_are_checked(nemorun, project):
    (project / "nemorun.toml").write_text(CONFIG.replace("aisle = 7", "aisel = 7"))

    answer = nemorun("run", "-k", "where", "-e", "till")

    assert answer.code == 4
    assert "[profiles.till] aisel: unknown key" in answer.err
    assert "did you mean aisle?" in answer.err


def test_a_job_on_an_added_kind_is_run_again_from_its_record(nemorun, project):
    nemorun("run", "-k", "where", "-e", "till")
    (project / "nemorun.toml").unlink()

    answer = nemorun("rerun", "--json")

    assert json.loads(answer.lines[-1])["jobs"][0]["result"] == "7"


def test_an_added_command_is_in_the_help_under_its_heading(nemorun):
    out = nemorun("--help").out

    assert "\nShop:\n  stock " in out
    assert "Print what is in stock." in out


def test_an_added_command_runs_and_its_answer_is_the_exit_code(nemorun):
    full, empty = nemorun("stock", "nuts", "bolts"), nemorun("stock")

    assert (full.code, full.out) == (0, "in stock: nuts, bolts\n")
    assert (empty.code, empty.out) == (1, "in stock: nothing\n")


def test_a_misspelt_added_command_is_found(nemorun):
    assert "did you mean stock?" in nemorun("stok").err


def test_the_hooks_hear_all_that_happens(nemorun, tmp_path):
    log = tmp_path / "heard"

    answer = nemorun("run", "-k", "breaks", "--json", SHOP_LOG=str(log))

    experiment = json.loads(answer.lines[-1])["experiment"]["id"]
    assert lines_of(log, "finish") == [
        "submit breaks@local 1",
        "state breaks@local RUNNING None",
        "state breaks@local FAILED 3",
        f"finish {experiment} FAILED",
    ]


@pytest.mark.parametrize(
    "args", [("-p", "no:shop", "run"), ("run", "-pno:shop")], ids=["before", "after"]
)
def test_a_plugin_that_is_switched_off_adds_no_kind(nemorun, args):
    answer = nemorun(*args, "-k", "where", "-e", "till")

    assert answer.code == 4
    assert "[profiles.till] kind: no kind of executor is called 'shop'" in answer.err


def test_a_plugin_that_is_switched_off_adds_no_command(nemorun):
    assert "stock" not in nemorun("-p", "no:shop", "--help").out
    assert "no command 'stock'" in nemorun("stock", "-p", "no:shop").err
