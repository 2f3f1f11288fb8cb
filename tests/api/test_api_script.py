"""`run.Script`: a file, a text or a module."""

from __future__ import annotations

import pytest

import nemorun as run
from nemorun_discover.api.script import script_task
from nemorun_discover.errors import UsageError
from nemorun_discover.model.task import Script as ScriptTask


@pytest.mark.parametrize(
    ("script", "name"),
    [
        (run.Script("jobs/train.sh"), "train"),
        (run.Script("pkg.train", m=True), "train"),
        (run.Script(inline="#!/bin/sh\n\necho hello world"), "echo-hello"),
        (run.Script(inline="##"), "script"),
        (run.Script(inline="$((1))"), "1"),
    ],
    ids=["file", "module", "text", "comments", "signs"],
)
def test_a_script_has_a_name(script, name):
    assert script.get_name() == name


@pytest.mark.parametrize(
    ("script", "task"),
    [
        (run.Script("a.sh"), ScriptTask(path="a.sh", entrypoint=("bash",))),
        (run.Script("sub/b.sh"), ScriptTask(path="sub/b.sh", entrypoint=("bash",))),
        (run.Script("b.sh"), ScriptTask(path="sub/b.sh", entrypoint=("bash",))),
        (run.Script("c.py"), ScriptTask(path="c.py")),
        (
            run.Script("c.py", entrypoint="python -u", env={"A": 1}),
            ScriptTask(path="c.py", entrypoint=("python", "-u"), env={"A": "1"}),
        ),
        (run.Script("/only/there.sh"), ScriptTask(path="/only/there.sh", entrypoint=("bash",))),
        (run.Script("pkg.c", m=True), ScriptTask(path="pkg.c", is_module=True)),
        (
            run.Script("pkg.c", m=True, entrypoint="python -u"),
            ScriptTask(path="pkg.c", is_module=True, entrypoint=("python", "-u")),
        ),
        (run.Script(inline="echo"), ScriptTask(inline="echo\n", entrypoint=("bash",))),
        (
            run.Script(inline="print()\n", entrypoint="python"),
            ScriptTask(inline="print()\n", entrypoint=("python",)),
        ),
    ],
    ids=[
        "root",
        "relative",
        "working-directory",
        "python",
        "entrypoint",
        "in-the-job",
        "module",
        "module-entrypoint",
        "inline",
        "inline-python",
    ],
)
def test_a_job_is_told_how_to_run_it(script, task, tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("a.sh", "sub/b.sh", "c.py"):
        (tmp_path / name).touch()

    assert script_task(script, root=tmp_path, cwd=tmp_path / "sub") == task


def test_a_file_outside_the_project_is_meant_by_its_whole_path(tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "x.sh").touch()

    task = script_task(run.Script("../x.sh"), root=tmp_path / "project", cwd=tmp_path / "project")

    assert task.path == str(tmp_path / "x.sh")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError) as caught:
        script_task(run.Script("trian.sh"), root=tmp_path, cwd=tmp_path)

    assert caught.value.message == f"run.Script: there is no file trian.sh in {tmp_path}"
    assert caught.value.hint is None


def test_a_command_in_place_of_a_file_is_understood(tmp_path):
    with pytest.raises(UsageError) as caught:
        script_task(run.Script("python train.py --lr=3e-4"), root=tmp_path, cwd=tmp_path)

    assert caught.value.hint == (
        "for a command, write run.Script(inline='python train.py --lr=3e-4')"
    )


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "run.Script takes either a path or an inline text"),
        ({"path": "a", "inline": "b"}, "run.Script takes either a path or an inline text"),
        ({"inline": "a", "m": True}, "run.Script(m=True) takes the module's name as its path"),
        ({"path": "a", "m": True, "entrypoint": "perl"}, "run.Script(m=True) is run by Python"),
    ],
    ids=["nothing", "both", "inline-module", "perl-module"],
)
def test_a_script_that_says_too_little_or_too_much_is_refused(fields, sentence):
    with pytest.raises(UsageError) as caught:
        run.Script(**fields)

    assert caught.value.message.startswith(sentence)


def test_a_clone_goes_its_own_way():
    script = run.Script("a.sh", args=["1"])

    script.clone().args.append("2")

    assert script == run.Script("a.sh", args=["1"])


def test_scripts_of_every_kind_run_as_jobs(desk):
    desk.write("echo file $1 $NEMORUN_TASK $A\n", "job.sh")
    desk.write(
        "import sys, pkg.beside\nprint('python', sys.argv[1:], pkg.beside.X)\n", "pkg/tool.py"
    )
    desk.write("X = 5\n", "pkg/beside.py")

    answer = desk.launch(
        """
with run.Experiment("scripts", clean_mode=True) as e:
    jobs = [
        e.add(run.Script("job.sh", args=["a b"], env={"A": "c"})),
        e.add(run.Script("pkg/tool.py", args=[1])),
        e.add(run.Script("pkg.tool", m=True), name="module"),
        e.add(run.Script(inline="echo inline $@", args=["x", "y z"])),
        e.add(run.Script(inline="import sys; print(sys.executable)", entrypoint="python"), name="py"),
    ]
    e.run()
for job in jobs:
    e.logs(job)
import sys
print(sys.executable)
"""
    )

    *logs, interpreter, ours = answer.out.splitlines()
    assert logs == ["file a b job c", "python ['1'] 5", "python [] 5", "inline x y z"]
    assert interpreter == ours


def test_a_script_that_fails_fails_its_job(desk):
    answer = desk.launch(
        "run.run(run.Script(inline='echo oh; exit 9'), run.LocalExecutor())", code=1
    )

    assert "JobFailed: echo-oh-ex@local failed (exit code 9) in" in answer.err
    assert "the log ends:\n  oh" in answer.err
