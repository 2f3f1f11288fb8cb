"""Completion: what the shell offers on Tab, and the scripts that teach it to ask."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

ID = "20261122-0712-train-x7k2"
TASKS = """
    import torch_that_is_not_installed
    import nemorun

    @nemorun.task
    def train(lr: float = 0.1): ...

    @nemorun.task
    def evaluate(): ...
"""


@pytest.fixture
def offered(nemorun):
    """What is offered for the last of these words."""

    def ask(*words, **env):
        line = "nemorun " + " ".join(words)
        asked = {
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words)),
            "_NEMORUN_COMPLETE": "bash_complete",
        }
        answer = nemorun(**asked, **env)
        assert (answer.code, answer.err) == (0, "")
        return [line.partition(",")[2] for line in answer.lines if line]

    return ask


def test_commands_are_offered(offered):
    assert offered("st") == ["status"]
    assert "experiments" in offered("")


def test_options_are_offered(offered):
    assert offered("logs", "--f") == ["--follow"]


def test_tasks_are_offered_without_importing_them(offered, write):
    write("nemorun.toml", "")
    write("tasks.py", TASKS)

    assert offered("run", "-k", "tr") == ["train"]
    assert offered("list", "-k", "") == ["train", "evaluate"]
    assert offered("run", "tasks.py") == ["tasks.py::train", "tasks.py::evaluate"]


def test_tasks_of_another_directory_are_offered_after_dash_c(offered, write):
    write("elsewhere/nemorun.toml", "")
    write("elsewhere/tasks.py", TASKS)

    assert offered("-C", "elsewhere", "run", "-k", "e") == ["evaluate"]


def test_executors_are_offered_also_after_a_comma(offered, write):
    write("nemorun.toml", "[profiles.slurm_a]\nkind = 'slurm'\n[profiles._base]\nkind = 'slurm'\n")

    assert offered("run", "-e", "") == ["local", "slurm_a"]
    assert offered("run", "-e", "local,sl") == ["local,slurm_a"]


def test_experiments_are_offered_newest_first(offered, shelf, told):
    shelf.put(told("a@local"), id="20261121-0000-old-aaaa")
    shelf.put(told("a@local"))

    assert offered("status", "") == ["@last", ID, "20261121-0000-old-aaaa"]
    assert offered("wait", "20261121") == ["20261121-0000-old-aaaa"]


def test_jobs_are_offered_of_the_last_experiment_and_after_one(offered, shelf, told):
    shelf.put(told("old@local"), id="20261121-0000-old-aaaa")
    shelf.put(told("train@local"), told("evaluate@local"))

    assert offered("logs", "ev") == ["evaluate@local"]
    assert offered("cancel", "20261121-0000-old-aaaa", "") == ["old@local"]


@pytest.mark.parametrize(
    "words",
    [("run", "-e", ""), ("run", "-k", ""), ("status", "zz"), ("-C", "nowhere", "run", "-e", "")],
    ids=" ".join,
)
def test_nothing_is_offered_and_nothing_said_when_something_is_wrong(offered, write, words):
    write("nemorun.toml", "[broken\n")

    assert offered(*words) == []


def test_a_tab_does_not_wait_for_ever(offered, project):
    os.mkfifo(project / "nemorun.toml")  # whoever opens it waits for ever

    assert offered("run", "-k", "") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_asks_us(nemorun, shell):
    answer = nemorun("completion", shell)

    assert answer.code == 0
    assert f"_NEMORUN_COMPLETE={shell}_complete" in answer.out


def test_a_shell_we_do_not_know_exits_4(nemorun):
    answer = nemorun("completion", "tcsh")

    assert answer.code == 4
    assert "'bash', 'zsh', 'fish'" in answer.err


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_with_the_script(nemorun, tmp_path):
    command = tmp_path / "bin" / "nemorun"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m nemorun_discover.cli.main "$@"\n')
    command.chmod(0o755)
    script = (
        'eval "$(nemorun completion bash)"; COMP_WORDS=(nemorun exp); COMP_CWORD=1; '
        '_nemorun_completion nemorun; echo "${COMPREPLY[@]}"'
    )

    done = subprocess.run(
        ["bash", "-c", script],
        env=nemorun.environment(PATH=f"{command.parent}:{os.environ['PATH']}"),
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "experiments\n"
