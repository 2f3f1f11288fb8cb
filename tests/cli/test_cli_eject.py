"""`nemorun eject`: a folder that runs where nemorun is not installed."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

TASKS = """
    import json
    import os
    import pathlib
    import sys
    import time

    import helper
    import nemorun

    @nemorun.task
    def train(lr: float = 0.1, fail: int = 0):
        (nemorun.current().output_dir / "model").write_text(str(lr))
        if fail:
            sys.exit(fail)
        return {"loss": helper.double(lr), "cwd": os.getcwd(), "mode": os.environ.get("MODE")}

    @nemorun.task(after=["train"])
    def evaluate(lr: float = 0.1):
        before = nemorun.upstream("train")
        return [before.result["loss"], (before.output_dir / "model").read_text()]

    @nemorun.task
    def wait():
        print("ready", flush=True)
        time.sleep(60)
"""
CONFIG = """
    [profiles.local]
    kind = "local"
    env_vars = { MODE = "a 'b' $c" }

    [profiles.packed]
    kind = "local"
    packager = "git"

    [profiles.secret]
    kind = "local"
    packager = "git"
    secrets = ["MY_TOKEN"]

    [tasks.shout]
    command = ["python", "say.py", "${param:word}"]
    params = { word = "it's" }

    [tasks.say]
    script = "say.py"
"""
SAY = "import sys, pathlib\npathlib.Path('said').write_text(' '.join(sys.argv[1:]))\nsys.exit(7)\n"


@pytest.fixture
def repository(project, write):
    (project / ".git").rmdir()
    write("tasks.py", TASKS)
    write("helper.py", "def double(x):\n    return 2 * x\n")
    write("say.py", SAY)
    write("nemorun.toml", CONFIG)
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    return project


@pytest.fixture
def target(tmp_path):
    return tmp_path / "the job's folder"


def run(folder, **env):
    """`sh run.sh` in an environment that has nothing but a Python without nemorun."""
    return subprocess.run(
        ["sh", str(folder / "run.sh")],
        env={"PATH": f"{_bare_python().parent}:/usr/bin:/bin", **env},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def _bare_python():
    """A `python3` that finds no installed package: the interpreter below the virtualenv's."""
    return Path(sys.base_prefix) / "bin" / "python3"


def result_of(folder):
    return json.loads((folder / "result.json").read_text())


def test_an_ejected_task_runs_without_nemorun_and_leaves_its_result(nemorun, repository, target):
    nemorun("run", "-k", "train", "-e", "packed", "lr=0.5", "-q")

    answer = nemorun("eject", "train", str(target))
    ran = run(target)

    assert (answer.code, answer.out) == (0, f"{target}\n"), answer.err
    assert ran.returncode == 0, ran.stderr
    assert result_of(target) == {"loss": 1.0, "cwd": str(target / "code"), "mode": None}
    assert (target / "outputs" / "model").read_text() == "0.5"


def test_the_code_is_that_of_then_whatever_the_project_became(nemorun, repository, target, write):
    nemorun("run", "-k", "train", "-e", "packed", "-q")
    write("helper.py", "def double(x):\n    return -1\n")

    nemorun("eject", "train", str(target))
    shutil.rmtree(repository)
    run(target)

    assert result_of(target)["loss"] == 0.2


def test_without_a_packager_it_is_the_project_as_git_sees_it_now(
    nemorun, repository, target, write
):
    write(".gitignore", "ignored\n")
    write("ignored", "")
    nemorun("run", "-k", "train", "-q")

    answer = nemorun("eject", "train", str(target))
    ran = run(target)

    assert ran.returncode == 0, ran.stderr
    assert "note: code/ holds the project's files as git sees them now" in answer.err
    assert result_of(target)["mode"] == "a 'b' $c"
    assert not (target / "code" / "ignored").exists()
    assert not (target / "packages").exists()


def test_without_a_packager_and_git_nobody_can_tell_which_files(nemorun, repository, target):
    nemorun("run", "-k", "train", "-q")
    shutil.rmtree(repository / ".git")

    answer = nemorun("eject", "train", str(target))

    assert answer.code == 4
    assert "which those are cannot be told" in answer.err
    assert not target.exists()
    assert list(target.parent.glob(".*")) == []


def test_the_exit_code_is_the_tasks(nemorun, repository, target):
    nemorun("run", "-k", "train", "-e", "packed", "fail=3", "-q")

    nemorun("eject", "train", str(target))

    assert run(target).returncode == 3


def test_upstream_results_and_outputs_are_in_the_folder(nemorun, repository, target, home):
    nemorun("run", "-k", "train or evaluate", "-e", "packed", "lr=0.5", "-q")

    nemorun("eject", "evaluate", str(target))
    shutil.rmtree(home / ".run")
    ran = run(target)

    assert ran.returncode == 0, ran.stderr
    assert result_of(target) == [1.0, "0.5"]


def test_upstream_results_of_an_earlier_experiment_are_too(nemorun, repository, target, home):
    nemorun("run", "-k", "train or evaluate", "-e", "packed", "lr=0.5", "-q")
    nemorun("rerun", "evaluate", "-q")

    answer = nemorun("eject", "evaluate", str(target))
    shutil.rmtree(home / ".run")
    ran = run(target)

    assert answer.code == 0, answer.err
    assert ran.returncode == 0, ran.stderr
    assert result_of(target) == [1.0, "0.5"]


def test_the_folder_may_be_moved_and_run_again(nemorun, repository, target, tmp_path):
    nemorun("run", "-k", "train or evaluate", "-e", "packed", "-q")
    nemorun("eject", "evaluate", str(target))
    run(target)
    moved = tmp_path / "else where" / "x"
    moved.parent.mkdir()
    target.rename(moved)

    ran = run(moved)

    assert ran.returncode == 0, ran.stderr
    assert json.loads((moved / "job.json").read_text())["root"] == str(moved / "code")
    assert (moved / "attempt-2" / "exit.json").exists()


def test_a_command_runs_with_its_parameters(nemorun, repository, target):
    nemorun("run", "-k", "shout", "-e", "packed", "-q")

    nemorun("eject", "shout", str(target))
    ran = run(target)

    assert ran.returncode == 7, ran.stderr
    assert (target / "code" / "said").read_text() == "it's"


def test_a_script_file_runs_from_the_folder(nemorun, repository, target):
    nemorun("run", "-k", "=say", "-e", "packed", "-q")

    nemorun("eject", "say", str(target))
    shutil.rmtree(repository)
    ran = run(target)

    assert ran.returncode == 7, ran.stderr
    assert (target / "code" / "said").exists()


def test_a_secret_is_asked_for_and_is_nowhere_in_the_folder(nemorun, repository, target):
    nemorun("run", "-k", "train", "-e", "secret", "-q", MY_TOKEN="hunter2")
    nemorun("eject", "train", str(target))

    without = run(target)
    given = run(target, MY_TOKEN="else")

    assert without.returncode != 0
    assert "MY_TOKEN" in without.stderr
    assert "set it" in without.stderr
    assert given.returncode == 0, given.stderr
    texts = [one.read_bytes() for one in target.rglob("*") if one.is_file()]
    assert not any(b"hunter2" in text for text in texts)


def test_a_module_of_the_project_does_not_hide_one_of_the_standard_library(
    nemorun, repository, target, write
):
    write("signal.py", "raise RuntimeError('not this one')\n")
    nemorun("run", "-k", "shout", "-e", "packed", "-q")
    nemorun("eject", "shout", str(target))

    assert "not this one" not in run(target).stderr


def test_an_interrupted_run_ends_the_task(nemorun, repository, target):
    nemorun("run", "-k", "wait", "-e", "packed", "-q", "-d")
    nemorun("eject", "wait", str(target))
    nemorun("cancel", "-q")
    process = subprocess.Popen(
        ["sh", str(target / "run.sh")],
        env={"PATH": f"{_bare_python().parent}:/usr/bin:/bin"},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"

    process.send_signal(signal.SIGTERM)
    code = process.wait(timeout=30)
    process.stdout.close()

    assert code == 128 + signal.SIGTERM


@pytest.mark.parametrize("what", ["file", "full", "link"], ids=str)
def test_a_place_that_is_taken_is_refused(nemorun, repository, target, what, tmp_path):
    nemorun("run", "-k", "train", "-e", "packed", "-q")
    if what == "file":
        target.write_text("")
    elif what == "link":
        target.symlink_to(tmp_path)
    else:
        target.mkdir()
        (target / "mine").write_text("")

    answer = nemorun("eject", "train", str(target))

    assert answer.code == 4
    assert "is there already, and not empty" in answer.err


def test_an_empty_folder_is_taken(nemorun, repository, target):
    nemorun("run", "-k", "train", "-e", "packed", "-q")
    target.mkdir()

    assert nemorun("eject", "train", str(target)).code == 0
    assert (target / "README.md").exists()


def test_the_folder_is_relative_to_where_nemorun_works(nemorun, repository, tmp_path):
    nemorun("run", "-k", "train", "-e", "packed", "-q")

    document = nemorun("eject", "@last", "train", "out", "-C", str(tmp_path), "--json").json

    assert document["folder"] == str(tmp_path / "out")
    assert (tmp_path / "out" / "run.sh").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["x"], "eject takes a job and a directory"),
        (["a", "b", "c", "d"], "eject takes a job and a directory"),
        (["@last", "x"], "name one job of one experiment"),
        (["*", "x"], "means 2 jobs of"),
        (["nothing", "x"], "no job of the last experiment is called that"),
    ],
    ids=["one", "four", "no-job", "two-jobs", "unknown"],
)
def test_anything_but_one_job_and_a_folder_is_refused(nemorun, repository, words, sentence):
    nemorun("run", "-k", "train or evaluate", "-e", "packed", "-q")

    answer = nemorun("eject", *words)

    assert answer.code == 4
    assert sentence in answer.err


def test_a_runtime_that_is_gone_is_one_sentence(nemorun, repository, target, home):
    nemorun("run", "-k", "train", "-e", "packed", "-q")
    for one in (home / ".run" / "packages").glob("runtime-*.zip"):
        one.unlink()

    answer = nemorun("eject", "train", str(target))

    assert answer.code == 4
    assert "is not there any more, or damaged, and runs the job" in answer.err


def test_an_upstream_folder_that_is_gone_is_one_sentence(nemorun, repository, target, home):
    nemorun("run", "-k", "train or evaluate", "-e", "packed", "-q")
    (folder,) = (home / ".run" / "experiments").glob("*/jobs/train@packed")
    shutil.rmtree(folder)

    answer = nemorun("eject", "evaluate", str(target))

    assert answer.code == 4
    assert "which is not there any more" in answer.err
    assert not target.exists()


NO_COMMAND = "local was not sent a command that could be run without it"
DAMAGED = "request.json is damaged"
REQUESTS = [
    ({"image": "python:3.12"}, NO_COMMAND),  # a container
    ({"script": "#!/bin/bash"}, NO_COMMAND),  # a batch job
    ({"argv": 5, "cwd": "/"}, DAMAGED),
    ({"argv": [], "cwd": "/"}, DAMAGED),
    ({"argv": ["a"], "env": {"A": 1}, "cwd": "/"}, DAMAGED),
    ({"argv": ["a"]}, DAMAGED),
]


def test_what_was_no_command_of_this_machine_is_one_sentence(nemorun, shelf, told, target):
    experiment = shelf.put(told("train@local"))
    (path,) = shelf.home.layout.experiment(experiment).jobs.glob("*")

    for request, sentence in REQUESTS:
        (path / "request.json").write_text(json.dumps(request))
        answer = nemorun("eject", "train", str(target))
        assert answer.code == 4, request
        assert sentence in answer.err, request
        assert not target.exists()
