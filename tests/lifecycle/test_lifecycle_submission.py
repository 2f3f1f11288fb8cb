"""From a job of the record to what the worker is told."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.codec import executor_to_dict
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.lifecycle.placeholders import fill_in
from nemorun_discover.lifecycle.submission import job_document, script_argv, submission_of
from nemorun_discover.model.job import Job
from nemorun_discover.model.layout import ExperimentLayout
from nemorun_discover.model.record import PackagedCode, Project, Record
from nemorun_discover.model.task import Script

LAYOUT = ExperimentLayout(Path("/home/experiments/x"))


def job(name="f", **fields):
    defaults = {"id": f"{name}@local", "slug": f"{name}@local", "task": name, "file": "t.py"}
    return Job(**({"executor": "local", "function": name} | defaults | fields))


def record(*jobs, executor=None):
    return Record(
        id="20261122-0712-f-x7k2",
        title="f",
        created_at=datetime(2026, 11, 22, tzinfo=UTC),
        argv=(),
        cwd="/",
        user="me",
        host="here",
        versions={},
        project=Project(root="/project", name="n", pythonpath=("src",)),
        executors={"local": executor_to_dict(executor or LocalExecutor())},
        jobs=jobs,
    )


def submit(record_, job_, secrets=None, attempt=1):
    return submission_of(
        record_,
        job_,
        attempt=attempt,
        layout=LAYOUT,
        runtime=Path("/home/packages/runtime.zip"),
        secrets=secrets or {},
    )


def test_a_submission_names_attempt_folder_project_and_runtime():
    submission = submit(record(job()), job(), attempt=3)

    assert submission.experiment_id == "20261122-0712-f-x7k2"
    assert (submission.attempt, str(submission.paths.root)) == (
        3,
        "/home/experiments/x/jobs/f@local",
    )
    assert submission.project.root == "/project"
    assert submission.runtime == Path("/home/packages/runtime.zip")
    assert submission.executor == LocalExecutor()


def test_secrets_are_put_back_in_their_places():
    executor = LocalExecutor(
        env_vars={"API_KEY": {"$secret": "API_KEY"}, "A": "b"}, secrets=["HF_TOKEN"]
    )
    secrets = {"API_KEY": "1", "HF_TOKEN": "2", "OTHER_TOKEN": "3"}

    submission = submit(record(job(), executor=executor), job(), secrets)

    assert submission.executor.env_vars == {"A": "b"}
    assert submission.environment == {"API_KEY": "1", "HF_TOKEN": "2"}
    assert submission.missing == ()


def test_secrets_that_are_not_known_are_named():
    executor = LocalExecutor(env_vars={"API_KEY": {"$secret": "API_KEY"}}, secrets=["HF_TOKEN"])
    record_ = record(job(), executor=executor)

    submission = submit(record_, job(), {})

    assert submission.missing == ("API_KEY", "HF_TOKEN")
    assert submission.environment == {}
    with pytest.raises(ConfigError, match="the value of API_KEY is not written down"):
        job_document(record_, submission)


def test_the_worker_is_told_all_it_needs():
    one = job(params={"x": 1}, timeout_s=5.0, args=("-v",))
    record_ = record(one, executor=LocalExecutor(grace_s=3))

    assert job_document(record_, submit(record_, one)) == {
        "schema": "nemorun.job/1",
        "experiment": "20261122-0712-f-x7k2",
        "id": "f@local",
        "task": "f",
        "executor": "local",
        "params": {"x": 1},
        "exact": {},
        "file": "t.py",
        "function": "f",
        "module": None,
        "is_main": False,
        "argv": [],
        "args": ["-v"],
        "root": "/project",
        "sys_path": ["/project", "/project/src"],
        "relocated": {},
        "timeout_s": 5.0,
        "grace_s": 3,
        "upstream": {},
    }


def test_upstream_jobs_of_this_experiment_and_of_earlier_ones_have_their_folders():
    train = [job("train", id=f"train[n={n}]@local", slug=f"train[n={n}]") for n in (1, 2)]
    evaluate = job(
        "evaluate",
        after={"train": tuple(one.id for one in train)},
        earlier={"train": ("20251122-0712-old-aaaa/t@local",), "data": ("20241122-0712-d-bbbb/d",)},
    )
    record_ = record(*train, evaluate)

    assert job_document(record_, submit(record_, evaluate))["upstream"] == {
        "train": ["train[n=1]", "train[n=2]", "../../20251122-0712-old-aaaa/jobs/t@local"],
        "data": ["../../20241122-0712-d-bbbb/jobs/d"],
    }


def script(**fields):
    return job("s", function=None, script=Script(**fields), params={"lr": 0.1}, args=("-x", "a b"))


def test_a_function_has_no_argv(tmp_path):
    assert script_argv(job(), tmp_path) == []


def test_a_command_has_its_values_and_what_followed_the_dashes(tmp_path):
    one = script(command=("python", "-m", "x", "--lr=${param:lr}", "$HOME"))

    assert script_argv(one, tmp_path) == ["python", "-m", "x", "--lr=0.1", "$HOME", "-x", "a b"]


@pytest.mark.parametrize(
    ("name", "mode", "content", "interpreter"),
    [
        ("a.sh", 0o644, b"#!/bin/sh\n", ["bash"]),
        ("a.sh", 0o755, b"#!/bin/sh\n", []),
        ("a.sh", 0o755, b"echo no first line\n", ["bash"]),
        ("a.py", 0o644, b"print()\n", [sys.executable]),
        ("a.py", 0o755, b"#!/usr/bin/env python3\n", []),
        ("a.py", 0o755, b"print()\n", [sys.executable]),
        ("a", 0o644, b"echo\n", ["bash"]),
        ("a", 0o755, b"\x7fELF\x02\x01\x01\x00\x00", []),
        ("a", 0o755, b"", ["bash"]),
        ("missing.sh", None, b"", ["bash"]),
    ],
    ids=[
        "sh", "executable sh", "sh without #!", "py", "executable py", "py without #!", "plain", "binary",
        "empty", "missing",
    ],
)  # fmt: skip
def test_a_script_is_run_as_it_is_or_by_its_interpreter(tmp_path, name, mode, content, interpreter):
    path = tmp_path / "my scripts" / name
    path.parent.mkdir()
    if mode is not None:
        path.write_bytes(content)
        path.chmod(mode)

    argv = script_argv(script(path=f"my scripts/{name}"), tmp_path)

    assert argv == [*interpreter, str(path), "-x", "a b"]


def test_a_python_script_is_run_by_the_executors_python(tmp_path):
    (tmp_path / "a.py").write_text("")
    one = script(path="a.py")
    record_ = record(one, executor=LocalExecutor(python="/other/python"))

    argv = job_document(record_, submit(record_, one))["argv"]

    assert argv[0] == "/other/python"
    assert script_argv(one, tmp_path)[0] == sys.executable


@pytest.mark.parametrize(
    ("fields", "argv"),
    [
        ({"inline": "echo"}, ["bash", "/jobs/s/script"]),
        ({"inline": "echo", "entrypoint": ("sh", "-e")}, ["sh", "-e", "/jobs/s/script"]),
        ({"path": "a b.txt", "entrypoint": ("cat",)}, ["cat", "/p/a b.txt"]),
        ({"path": "a.txt", "entrypoint": ("python", "-u")}, ["/own/python", "-u", "/p/a.txt"]),
        ({"path": "pkg.mod", "is_module": True}, ["/own/python", "-m", "pkg.mod"]),
        (
            {"path": "pkg.mod", "is_module": True, "entrypoint": ("python", "-I")},
            ["/own/python", "-I", "-m", "pkg.mod"],
        ),
    ],
    ids=["inline", "inline by sh", "entrypoint", "python", "module", "module by entrypoint"],
)
def test_a_script_may_be_a_text_a_module_or_have_an_interpreter(fields, argv):
    inline = "/jobs/s/script"

    made = script_argv(script(**fields), Path("/p"), inline=inline, python="/own/python")

    assert made == [*argv, "-x", "a b"]


def test_an_inline_script_runs_as_it_was_written(lab):
    script = Script(inline='printf \'%s\\n\' "$1" "it\'s"\n')

    jobs = lab.run(lab.job("s", function=None, script=script, args=("a b",)))

    assert Path(jobs["s"].log).read_text() == "a b\nit's\n"


CODE = PackagedCode(digest="0123456789abcdef" * 4, root="sub/dir")


def packaged(code, job_):
    record_ = replace(record(job_), packages={"local": code})
    submission = submit(record_, job_)
    return submission, job_document(record_, submission)


def test_a_packaged_job_runs_in_a_checkout_of_its_own():
    submission, document = packaged(CODE, job())

    assert submission.package == CODE.digest
    assert submission.checkout == LAYOUT.job(submission.job.slug).code
    assert document["root"] == str(submission.checkout / "sub/dir")
    assert document["sys_path"] == [document["root"], document["root"] + "/src"]
    assert document["file"] == "t.py"


def test_a_package_taken_from_a_folder_of_the_project_places_files_from_there():
    code = PackagedCode(digest="0" * 64, below="src")

    submission, document = packaged(code, job(file="src/tasks/t.py"))

    assert document["root"] == str(submission.checkout)
    assert document["file"] == "tasks/t.py"
    assert code.place_of("src/tasks/t.py") == "tasks/t.py"
    assert CODE.place_of("tasks/t.py") == "sub/dir/tasks/t.py"


def test_a_packaged_script_is_run_from_the_checkout(tmp_path):
    one = script(path="src/a.sh")

    submission, document = packaged(PackagedCode(digest="0" * 64, below="src"), one)

    assert document["argv"] == ["bash", str(submission.checkout / "a.sh"), "-x", "a b"]


def test_scripts_without_a_first_line_run(lab):
    (lab.root / "a.py").write_text("print('from python')\n")
    (lab.root / "a.py").chmod(0o755)

    jobs = lab.run(lab.job("s", function=None, script=Script(path="a.py")))

    assert Path(jobs["s"].log).read_text() == "from python\n"


@pytest.mark.parametrize(
    ("word", "filled"),
    [
        ("plain", "plain"),
        ("${param:lr}", "0.1"),
        ("--x=${param:lr}/${param:name}", "--x=0.1/a ${param:lr} 'b'"),
        ("${param:flag}${param:none}", "truenull"),
        ("${param:many}", '["é", 1]'),
        ("$HOME ${HOME} $(id) ${param}", "$HOME ${HOME} $(id) ${param}"),
        ("", ""),
    ],
    ids=["plain", "one", "two", "words", "list", "not ours", "empty"],
)
def test_placeholders_are_filled_once(word, filled):
    params = {"lr": 0.1, "name": "a ${param:lr} 'b'", "flag": True, "none": None, "many": ["é", 1]}

    assert fill_in(word, params) == filled


@pytest.mark.parametrize(
    ("params", "hint"), [({}, "its params are none"), ({"a": 1, "b": 2}, "its params are a, b")]
)
def test_a_placeholder_that_names_no_parameter_is_refused(params, hint):
    with pytest.raises(ConfigError) as raised:
        fill_in("--x=${param:lr}", params)

    assert raised.value.message == "command: ${param:lr} names no parameter of this task"
    assert raised.value.hint == hint


def test_nothing_of_the_process_that_asks_is_changed(tmp_path):
    before = dict(os.environ)

    script_argv(script(command=("${param:lr}",)), tmp_path)

    assert dict(os.environ) == before
