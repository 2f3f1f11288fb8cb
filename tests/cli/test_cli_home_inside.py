"""A home in the project is no part of it, and the variables of a git hook mean no other repository."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

CONFIG = """
    [profiles.packed]
    kind = "local"
    packager = "git"

    [profiles.pattern]
    kind = "local"
    packager = { kind = "pattern", include_pattern = "*" }
"""
TASKS = """
    import nemorun

    @nemorun.task
    def train(lr: float = 0.1):
        return lr
"""


@pytest.fixture
def repository(project, write):
    (project / ".git").rmdir()
    write("tasks.py", TASKS)
    write("nemorun.toml", CONFIG)
    commit(project)
    return project


def git(root, *arguments):
    command = ["git", "-c", "user.name=me", "-c", "user.email=me@example.org", *arguments]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(root):
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message=x")
    return git(root, "rev-parse", "HEAD")


@pytest.mark.parametrize("home", ["kept", "out/kept", "."])
def test_a_home_in_the_project_is_not_collected_nor_packaged_nor_a_change(
    nemorun, repository, home
):
    (repository / home).mkdir(parents=True, exist_ok=True)
    env = {"NEMORUN_HOME": home}

    for executor in ("packed", "pattern", "packed"):
        answer = nemorun("run", "-k", "train", "-e", executor, "--json", **env)
        assert answer.code == 0, answer.err

    tasks = nemorun("list", "--json", **env).json
    assert [task["id"] for task in tasks["tasks"]] == ["tasks.py::train"]
    assert tasks["errors"] == []
    for tree in (repository / home / "packages" / "trees").iterdir():
        files = json.loads(tree.read_text())
        assert not any(f"{word}/" in json.dumps(files) for word in ("experiments", "packages"))
    shown = nemorun("show", "--json", **env).json["experiment"]
    if home != ".":
        assert (shown["git"]["dirty"], shown["git"]["untracked"]) == (False, [])
    digests = {
        one["digest"]
        for experiment in nemorun("experiments", "--json", **env).json["experiments"]
        for name, one in nemorun("show", experiment["id"], "--json", **env)
        .json["experiment"]["packages"]
        .items()
        if name == "packed"
    }
    assert len(digests) == 1 + (home == ".")  # there the home's README is one more file


LAUNCH = """
    import nemorun as run

    def work():
        return 1

    if __name__ == "__main__":
        on = run.LocalExecutor(packager=run.GitArchivePackager())
        with run.Experiment("lab", base_dir="runs", clean_mode=True) as e:
            e.add(work, on)
            e.run()
"""


def test_experiments_that_a_script_keeps_in_the_project_are_not_part_of_it(
    nemorun, repository, write
):
    write("launch.py", LAUNCH)
    commit(repository)

    for _ in range(2):
        subprocess.run(
            [sys.executable, "launch.py"], cwd=repository, env=nemorun.environment(), check=True
        )

    assert nemorun("list", "-q").lines == ["tasks.py::train"]
    record = nemorun("show", "--json").json["experiment"]
    assert record["git"]["untracked"] == []
    assert record["packages"]["local"]["files"] == len(["launch.py", "nemorun.toml", "tasks.py"])


def test_variables_of_another_repository_do_not_change_what_is_recorded(
    nemorun, repository, tmp_path
):
    """As in a hook of git, which is called with them."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "x").write_text("")
    strange = commit(other)
    own = git(repository, "rev-parse", "HEAD")
    env = {
        "GIT_DIR": str(other / ".git"),
        "GIT_WORK_TREE": str(other),
        "GIT_INDEX_FILE": str(other / ".git" / "index"),
        "GIT_COMMON_DIR": str(other / ".git"),
        "GIT_OBJECT_DIRECTORY": str(other / ".git" / "objects"),
        "GIT_PREFIX": "x/",
    }
    assert strange != own

    assert nemorun("run", "-k", "train", "-e", "packed", "-q", **env).code == 0

    record = nemorun("show", "--json").json["experiment"]
    assert record["git"] == {**record["git"], "commit": own, "dirty": False, "untracked": []}
    assert record["packages"]["packed"]["files"] == len(list(repository.iterdir())) - 1
    assert nemorun("reproduce", "--check", **env).code == 0
