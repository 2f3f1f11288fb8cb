"""`nemorun reproduce`: whether it would run as then, and whether it did."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from nemorun_discover.executors.codec import executor_to_dict
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.lifecycle.provenance import git_state, interpreter
from nemorun_discover.model.record import Project

TASKS = """
    import pathlib
    import nemorun

    @nemorun.task
    def train(lr: float = 0.1):
        return {"acc": lr / 3, "seen": pathlib.Path("input").read_text()}

    @nemorun.task
    def check():
        return 1
"""
CONFIG = """
    [project]
    name = "demo"

    [profiles.local]
    kind = "local"
    env_vars = { MODE = "slow" }

    [profiles.packed]
    kind = "local"
    packager = "git"
"""


def git(root, *arguments):
    command = ["git", "-c", "user.name=me", "-c", "user.email=me@example.org", *arguments]
    subprocess.run(command, cwd=root, check=True)


@pytest.fixture
def repository(project, write):
    (project / ".git").rmdir()
    write("tasks.py", TASKS)
    write("nemorun.toml", CONFIG)
    write("input", "x")
    git(project, "init", "--quiet")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "--message=x")
    return project


def findings(answer, area):
    return [
        (one["holds"], one["message"]) for one in answer.json["findings"] if one["area"] == area
    ]


def check(nemorun, *arguments):
    return nemorun("reproduce", "--check", "--json", *arguments)


def test_a_package_that_would_be_the_same_is_proven(nemorun, repository):
    nemorun("run", "--all", "-e", "packed", "-q")

    answer = check(nemorun)

    assert answer.code == 0
    ((holds, message),) = findings(answer, "code")
    assert holds is True
    assert message.startswith("packed: the package is the same, ")
    assert message.endswith(", 3 files")


def test_a_package_that_would_differ_names_the_files(nemorun, repository, write):
    nemorun("run", "--all", "-e", "packed", "-q")
    write("input", "y")
    write("more", "")

    answer = check(nemorun)

    assert answer.code == 1
    ((holds, message),) = findings(answer, "code")
    assert holds is False
    assert message.endswith(" now: input changed, more added")


def test_without_a_package_a_clean_commit_is_proof(nemorun, repository):
    nemorun("run", "-k", "check", "-q")

    answer = check(nemorun)

    assert answer.code == 0
    assert [holds for holds, _ in findings(answer, "code")] == [True, True]
    assert findings(answer, "code")[1] == (True, "nothing is changed, as then")


def test_without_a_package_the_same_changes_are_proof_and_others_are_not(
    nemorun, repository, write
):
    write("input", "y")
    nemorun("run", "-k", "check", "-q")

    same = check(nemorun)
    write("input", "z")
    other = check(nemorun)

    assert (same.code, other.code) == (0, 1)
    assert (True, "what was not committed is the same") in findings(same, "code")
    assert (False, "what was not committed differs: input") in findings(other, "code")


def test_another_commit_and_other_untracked_files_differ(nemorun, repository, write):
    write("old", "")
    nemorun("run", "-k", "check", "-q")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message=y")
    write("new", "")

    answer = check(nemorun)

    assert answer.code == 1
    differing = [message for holds, message in findings(answer, "code") if holds is False]
    assert differing[0].startswith("the commit was ")
    assert differing[1] == "untracked files came or went: new, old"


def test_contents_of_untracked_files_cannot_be_proven(nemorun, repository, write):
    write("notes", "a")
    nemorun("run", "-k", "check", "-q")
    write("notes", "b")

    answer = check(nemorun)

    assert answer.code == 0
    assert (None, "the contents of untracked files were not recorded: notes") in findings(
        answer, "code"
    )


def test_a_project_without_git_cannot_be_proven(nemorun, project, write):
    (project / ".git").rmdir()
    write("tasks.py", TASKS)
    write("nemorun.toml", CONFIG)
    nemorun("run", "-k", "check", "-q")

    answer = check(nemorun)

    assert answer.code == 0
    # The code is recorded, and `input` is not.
    assert [holds for holds, _ in findings(answer, "code")] == [None, True]


def test_a_project_that_is_gone_is_not_as_then(nemorun, shelf, told, tmp_path):
    shelf.put(told("train@local"), project=Project(root=str(tmp_path / "gone"), name="x"))

    answer = check(nemorun, "-a")

    assert answer.code == 1
    assert findings(answer, "code") == [
        (False, f"the project is not in {tmp_path / 'gone'} any more")
    ]


def test_a_changed_profile_is_told_field_by_field(nemorun, repository, write):
    nemorun("run", "-k", "check", "-q")
    write("nemorun.toml", CONFIG.replace("slow", "fast"))

    answer = check(nemorun)

    assert answer.code == 1
    (finding,) = [one for one in answer.json["findings"] if one["area"] == "config"]
    assert finding["message"] == "local: the executor differs"
    assert finding["differences"] == [
        {
            "place": "executor local",
            "name": "env_vars.MODE",
            "before": "slow",
            "after": "fast",
            "change": None,
        }
    ]


def test_an_experiment_started_with_an_option_is_checked_with_it(nemorun, repository):
    nemorun("run", "-k", "check", "-q", "-o", "profiles.local.retries=2")

    without = check(nemorun)
    given = check(nemorun, "-o", "profiles.local.retries=2")

    assert [holds for holds, _ in findings(without, "config")] == [False]
    assert findings(given, "config") == [(True, "local: the executor is the same")]


def test_a_profile_that_is_gone_and_a_broken_configuration_are_not_as_then(
    nemorun, repository, write
):
    nemorun("run", "-k", "check", "-e", "packed", "-q")
    write("nemorun.toml", "[project]\nname = 'demo'\n")
    gone = check(nemorun)
    write("nemorun.toml", "[profiles.packed]\nkind = 'nothing'\n")
    wrong = check(nemorun)
    write("nemorun.toml", "[")
    broken = check(nemorun)

    assert findings(gone, "config") == [(False, "packed: there is no such executor any more")]
    assert findings(wrong, "config")[0][1].startswith("packed: is wrong now: ")
    assert findings(broken, "config")[0][1].startswith("the configuration cannot be read now: ")


def test_executors_of_a_script_and_values_of_secrets_cannot_be_proven(nemorun, shelf, told):
    local = executor_to_dict(LocalExecutor())
    local["env_vars"] = {"API_KEY": {"$secret": "API_KEY"}}
    shelf.put(told("train@local"), argv=("python", "sweep.py"), executors={"local": local})
    by_script = check(nemorun)
    shelf.put(told("train@local"), id="20261122-0713-x-bbbb", executors={"local": local})
    by_command = check(nemorun, "bbbb")

    assert findings(by_script, "config") == [
        (None, "the executors were made by a script, and not by the configuration")
    ]
    assert (None, "local: the values of secrets are not recorded: API_KEY") in findings(
        by_command, "config"
    )


def test_the_interpreter_is_the_same_or_is_told_by_distribution(nemorun, shelf, told):
    own = interpreter()
    versions = dict(own.installed)
    name = next(iter(versions))
    shelf.put(told("train@local"), interpreter=own)
    same = check(nemorun)
    changed = replace(own, installed={**versions, name: "0.0.0"}, version="3.9.1")
    shelf.put(told("train@local"), id="20261122-0713-x-bbbb", interpreter=changed)
    other = check(nemorun, "bbbb")
    shelf.put(told("train@local"), id="20261122-0714-x-cccc", interpreter=None)
    unknown = check(nemorun, "cccc")

    assert [holds for holds, _ in findings(same, "interpreter")] == [True]
    (finding,) = [one for one in other.json["findings"] if one["area"] == "interpreter"]
    assert finding["holds"] is False
    assert [(one["name"], one["before"]) for one in finding["differences"]] == [
        ("version", "3.9.1"),
        (name, "0.0.0"),
    ]
    assert findings(unknown, "interpreter") == [(None, "what was installed then is not recorded")]


def test_an_interpreter_of_the_executor_cannot_be_proven(nemorun, shelf, told):
    local = executor_to_dict(LocalExecutor(python="/opt/python"))
    shelf.put(told("train@local"), interpreter=interpreter(), executors={"local": local})

    assert (None, "local: what /opt/python had installed is not recorded") in findings(
        check(nemorun), "interpreter"
    )


@pytest.mark.parametrize("columns", [60, 120], ids=str)
def test_the_check_reads_as_sentences(nemorun, repository, write, columns):
    nemorun("run", "-k", "check", "-e", "packed", "-q")
    write("nemorun.toml", CONFIG.replace('packager = "git"', 'packager = "git"\n    retries = 3'))

    answer = nemorun.on_terminal("reproduce", "--check", "--color=no", columns=columns)

    assert answer.code == 1
    assert max(map(len, answer.lines)) <= columns
    assert "  differs: packed: the package was" in answer.out
    assert "    retries  0 → 3  (+3)" in answer.lines
    assert answer.out.replace("\n  ", " ").splitlines()[-1].startswith("not as then: code, config")


def test_jobs_that_return_the_same_are_reproduced(nemorun, repository):
    nemorun("run", "--all", "-e", "packed", "-q")

    answer = nemorun("reproduce", "-q")

    assert answer.code == 0
    assert [line.split() for line in answer.lines[:2]] == [
        ["same", "train@packed"],
        ["same", "check@packed"],
    ]
    assert answer.lines[-1].startswith("2 of 2 jobs ended and returned as in ")


def test_the_reproduction_is_an_experiment_of_its_own(nemorun, repository):
    nemorun("run", "-k", "check", "-e", "packed", "-q")

    document = nemorun("reproduce", "--json").json

    again = nemorun("show", document["again"], "--json").json
    assert document["equal"] is True
    assert again["experiment"]["rerun_of"] == document["experiment"]


def test_a_result_that_differs_is_told_per_job(nemorun, repository, write):
    nemorun("run", "--all", "-q")
    write("input", "y")

    answer = nemorun("reproduce")

    assert answer.code == 1
    assert "    result.seen  x → y" in answer.lines
    assert answer.lines[-1].startswith("1 of 2 jobs ended and returned as in ")
    assert "nemorun sets no seed" in answer.err


def test_a_job_that_fails_now_is_exit_code_one(nemorun, repository):
    nemorun("run", "--all", "-q")
    (repository / "input").unlink()

    answer = nemorun("reproduce", "--json")

    assert answer.code == 1
    names = {one["name"]: one.get("after") for one in answer.json["results"]}
    assert names["state"] == "FAILED"


def test_reproduce_takes_no_option(nemorun, repository):
    nemorun("run", "-k", "check", "-q")

    answer = nemorun("reproduce", "-o", "profiles.local.retries=2")

    assert answer.code == 4
    assert "takes no -o" in answer.err


def test_a_diff_that_was_cut_proves_no_more_than_it_holds(nemorun, shelf, told, repository, write):
    write("input", "y")
    cut = replace(git_state(repository), diff_is_cut=True)
    shelf.put(told("train@local"), git=cut)

    assert (
        None,
        "what was not committed is the same as far as it was recorded, 1 MiB",
    ) in findings(check(nemorun), "code")


def test_an_experiment_whose_files_were_not_compared_at_each_start_proves_less(nemorun, repository):
    nemorun("run", "-k", "train")
    (code,) = nemorun.home.glob("experiments/*/code.json")
    code.unlink()  # what versions before this file wrote: an edit of the working tree left no trace

    answer = nemorun("reproduce", "--check", "--json")

    assert answer.json["proven"] is False
    assert (None, "whether files changed before the jobs started was not recorded") in findings(
        answer, "code"
    )
