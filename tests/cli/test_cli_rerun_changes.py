"""`nemorun rerun`: the code of then, and single things changed."""

from __future__ import annotations

import json
import subprocess

import pytest

TASKS = """
    import os
    import nemorun

    @nemorun.task
    def train(lr: float = 0.1, n: int = 2):
        return {"loss": lr * n, "mode": os.environ.get("MODE"), "key": os.environ.get("API_KEY")}

    @nemorun.task(after=["train"])
    def evaluate(lr: float = 0.1):
        return nemorun.upstream("train").result["loss"]
"""
CONFIG = """
    [project]
    name = "demo"

    [profiles.local]
    kind = "local"
    timeout = "1h"
    env_vars = { MODE = "slow" }

    [profiles.packed]
    kind = "local"
    packager = "git"

    [profiles.packed_too]
    kind = "local"
    packager = "git"
    env_vars = { MODE = "too" }

    [profiles.pattern]
    kind = "local"
    packager = { kind = "pattern", include_pattern = "*.py" }
"""


@pytest.fixture
def repository(project, write):
    """A project that git knows."""
    (project / ".git").rmdir()
    write("tasks.py", TASKS)
    write("nemorun.toml", CONFIG)
    git(project, "init", "--quiet")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "--message=x")
    return project


def git(root, *arguments):
    command = ["git", "-c", "user.name=me", "-c", "user.email=me@example.org", *arguments]
    subprocess.run(command, cwd=root, check=True)


def jobs_of(answer):
    document = answer.json if answer.out.startswith("{\n") else last_line(answer)
    return {job["id"]: job["result"] for job in document["jobs"]}


def last_line(answer):
    return json.loads(answer.lines[-1])


def test_a_rerun_runs_the_package_of_then(nemorun, repository, write):
    nemorun("run", "-k", "train", "-e", "packed", "-q")
    write("tasks.py", TASKS.replace("lr * n", "7"))

    answer = nemorun("rerun", "--json")

    assert answer.code == 0, answer.err
    assert jobs_of(answer)["train@packed"]["loss"] == 0.2
    assert "changed" not in answer.err


def test_fresh_code_runs_the_project_as_it_is(nemorun, repository, write):
    nemorun("run", "-k", "train", "-e", "packed", "-q")
    write("tasks.py", TASKS.replace("lr * n", "7"))

    answer = nemorun("rerun", "--fresh-code", "--json")

    assert jobs_of(answer)["train@packed"]["loss"] == 7
    assert "note: the code is the project's as it is now, not that of" in answer.err


def test_the_package_of_a_rerun_is_rerun_too(nemorun, repository, write):
    nemorun("run", "-k", "train", "-e", "packed", "-q")
    write("tasks.py", TASKS.replace("lr * n", "7"))
    nemorun("rerun", "-q")

    answer = nemorun("rerun", "@last", "--json")

    assert jobs_of(answer)["train@packed"]["loss"] == 0.2


def test_a_package_that_is_gone_is_one_sentence(nemorun, repository, home):
    nemorun("run", "-k", "train", "-e", "packed", "-q")
    for tree in (home / ".run" / "packages" / "trees").iterdir():
        tree.unlink()

    answer = nemorun("rerun")

    assert answer.code == 4
    assert "ran on packed is not in" in answer.err
    assert "hint: --fresh-code runs the project's code as it is now" in answer.err


def test_without_a_packager_a_changed_project_is_said(nemorun, repository, write):
    nemorun("run", "-k", "train", "-q")
    write("tasks.py", TASKS.replace("lr * n", "7"))

    answer = nemorun("rerun", "--json")

    assert jobs_of(answer)["train@local"]["loss"] == 7
    assert "note: the project's files have changed since" in answer.err


def test_a_parameter_changes_in_all_jobs_that_have_it(nemorun, repository):
    nemorun("run", "--all", "lr=0.1,0.2", "-q")

    answer = nemorun("rerun", "lr=0.5", "--json")

    assert jobs_of(answer) == {
        "train[lr=0.5]@local": {"loss": 1.0, "mode": "slow", "key": None},
        "evaluate[lr=0.5]@local": 1.0,
    }
    assert "note: train[lr=0.2]@local is the same job as train[lr=0.5]@local now" in answer.err
    assert (
        "note: lr = 0.5 instead of 0.1 in train[lr=0.1]@local, evaluate[lr=0.1]@local" in answer.err
    )


def test_a_sweep_in_a_rerun_runs_each_value_and_what_comes_after_it(nemorun, repository):
    nemorun("run", "--all", "-q")

    answer = nemorun("rerun", "lr=0.1,0.2", "--json")

    assert answer.code == 0, answer.err
    assert {job: value for job, value in jobs_of(answer).items() if "evaluate" in job} == {
        "evaluate[lr=0.1]@local": 0.2,
        "evaluate[lr=0.2]@local": 0.4,
    }


def test_show_lists_what_a_rerun_changed(nemorun, repository):
    nemorun("run", "-k", "train", "-q")
    nemorun("rerun", "lr=0.5", "-o", "profiles.local.timeout=2h", "-q")

    shown = nemorun("show")
    document = nemorun("show", "--json").json

    changes = document["experiment"]["changes"]
    assert changes == [
        "lr = 0.5 instead of 0.1 in train@local",
        'executor local: timeout = "2h" instead of "1h"',
    ]
    assert all(change in shown.out for change in changes)


def test_an_option_changes_a_recorded_executor_and_its_limits(nemorun, repository, write):
    nemorun("run", "-k", "train", "-q")
    write("nemorun.toml", CONFIG.replace("slow", "other").replace("1h", "5h"))

    nemorun(
        *("rerun", "-q", "-o", "profiles.local.timeout=2h", "-o", "profiles.local.retries=3"),
        *("-o", "profiles.local.env_vars.EXTRA=1"),
    )

    record = nemorun("show", "--json").json
    local = record["experiment"]["executors"]["local"]
    assert local["env_vars"] == {"MODE": "slow", "EXTRA": "1"}
    assert (local["timeout"], local["retries"]) == ("2h", 3)
    plan = nemorun("rerun", "--dry-run", "--json").json
    assert plan["executors"]["local"] == local


def test_a_secret_that_an_option_gives_reaches_the_job_and_no_record(nemorun, repository, home):
    nemorun("run", "-k", "train", "-q")

    answer = nemorun("rerun", "-o", "profiles.local.env_vars.API_KEY=hunter2", "--json")

    assert jobs_of(answer)["train@local"]["key"] == "hunter2"
    experiments = home / ".run" / "experiments"
    records = [path.read_text() for path in experiments.glob("*/record.json")]
    assert not any("hunter2" in record for record in records)
    assert "hunter2" not in answer.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["lr=abc"], "lr: 'abc' is not a float (task train)"),
        (["nn=1"], "no job that runs again has a parameter 'nn'; did you mean n?"),
        (["-o", "profiles.packed.retries=1"], "no job that runs again is on packed"),
        (["-o", "profiles.local.timeuot=1"], "-o profiles.local.timeuot: unknown key"),
        (["-o", "profiles.local.retries=-1"], "expected at least 0"),
        (["-o", "profiles.local.kind=slurm"], "cannot change what kind of executor local is"),
        (["-o", "project.name=x"], "does not change a rerun"),
        (["-e", "packed*"], "means packed, packed_too, and a rerun moves its jobs to one"),
        (["-e", "pakced"], "unknown executor 'pakced'; did you mean packed or"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_a_change_that_cannot_be_made_is_refused(nemorun, repository, arguments, sentence):
    nemorun("run", "-k", "train", "-q")

    answer = nemorun("rerun", *arguments)

    assert answer.code == 4
    assert sentence in answer.err


def test_jobs_move_to_an_executor_as_it_is_now(nemorun, repository, write):
    nemorun("run", "--all", "-q")
    write("nemorun.toml", CONFIG.replace('too"', 'moved"'))

    answer = nemorun("rerun", "-e", "packed_too", "--json")

    assert jobs_of(answer) == {
        "train@packed_too": {"loss": 0.2, "mode": "moved", "key": None},
        "evaluate@packed_too": 0.2,
    }
    changes = nemorun("show", "--json").json["experiment"]["changes"]
    assert changes == ["the jobs run on packed_too as it is configured now, instead of local"]


def test_a_package_moves_with_the_jobs_when_the_packager_is_the_same(nemorun, repository, write):
    nemorun("run", "-k", "train", "-e", "packed", "-q")
    write("tasks.py", TASKS.replace("lr * n", "7"))

    answer = nemorun("rerun", "-e", "packed_too", "--json")

    assert jobs_of(answer)["train@packed_too"]["loss"] == 0.2


def test_another_packager_packages_anew_and_says_so(nemorun, repository, write):
    nemorun("run", "-k", "train", "-e", "packed", "-q")
    write("tasks.py", TASKS.replace("lr * n", "7"))

    answer = nemorun("rerun", "-e", "pattern", "--json")

    assert jobs_of(answer)["train@pattern"]["loss"] == 7
    assert "note: pattern has another packager than then" in answer.err


def test_a_changed_packager_packages_anew_and_says_so(nemorun, repository, write):
    nemorun("run", "-k", "train", "-e", "packed", "-q")
    write("tasks.py", TASKS.replace("lr * n", "7"))

    answer = nemorun("rerun", "-o", "profiles.packed.packager.size_limit_mb=5", "--json")

    assert jobs_of(answer)["train@packed"]["loss"] == 7
    assert "note: packed has another packager than then" in answer.err


def test_upstream_results_with_another_value_are_said(nemorun, repository):
    nemorun("run", "--all", "-q")

    answer = nemorun("rerun", "evaluate", "lr=0.5", "--json")

    assert jobs_of(answer) == {"evaluate[lr=0.5]@local": 0.2}
    assert (
        "evaluate[lr=0.5]@local has lr = 0.5, and train@local, which it comes after" in answer.err
    )


def test_a_rerun_of_packaged_code_needs_no_project(nemorun, repository, tmp_path):
    nemorun("run", "-k", "train", "-e", "packed", "-q")
    repository.rename(tmp_path / "moved")
    nemorun.directory = tmp_path

    answer = nemorun("rerun", "--json")

    assert jobs_of(answer)["train@packed"]["loss"] == 0.2


def test_the_last_failed_run_with_the_code_of_now(nemorun, repository, write):
    write("tasks.py", TASKS.replace("lr * n", "1 / 0"))
    nemorun("run", "-k", "train", "-e", "packed", "-q")
    write("tasks.py", TASKS)

    answer = nemorun("run", "--lf", "--json")

    assert jobs_of(answer)["train@packed"]["loss"] == 0.2
