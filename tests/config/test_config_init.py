"""`nemorun init`: a first configuration and an example task."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nemorun_discover.config.init import Created, Skipped, init_project
from nemorun_discover.config.load import load_config
from nemorun_discover.config.resolve import resolve_executor
from nemorun_discover.config.validate import validate_all
from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.local import LocalExecutor


def test_a_configuration_and_a_task_are_written(project):
    done = init_project(project.root)

    assert done == [
        Created(path=project.root / "nemorun.toml"),
        Created(path=project.root / "tasks" / "hello.py"),
    ]


def test_what_is_written_loads_and_runs(project):
    init_project(project.root)

    config = load_config(project.root, env=project.env)
    code = "from hello import hello; import sys; sys.exit(hello('you') != 'hello, you')"
    done = subprocess.run([sys.executable, "-c", code], cwd=project.root / "tasks", check=False)

    assert (config.project.name, config.project.default.k) == ("my project", "hello")
    assert validate_all(config) == []
    assert done.returncode == 0


def test_what_is_commented_out_is_right_when_it_is_not(project):
    init_project(project.root)
    path = project.root / "nemorun.toml"
    lines = path.read_text().splitlines()
    code = [
        line.removeprefix("# ") if " = " in line or line.startswith("# [") else line
        for line in lines
    ]
    project.write("scripts/prepare.sh", "")

    config = project.load("\n".join(code))

    assert validate_all(config, []) == []
    executor = resolve_executor("cluster", config=config, factories=())
    assert (executor.account, executor.tunnel.host) == ("my_account", "login.example.org")
    assert resolve_executor("local", config=config, factories=()) == LocalExecutor(
        max_parallel=2, env_vars={"OMP_NUM_THREADS": "4"}
    )


@pytest.mark.parametrize("name", ['q"uo\\te', "new\nline", "é 😀", "{brace} %s", "'''"], ids=repr)
def test_the_directorys_name_is_quoted(tmp_path, name):
    directory = tmp_path / name
    directory.mkdir()

    init_project(directory)

    assert load_config(directory, env={}).project.name == name


def test_an_existing_task_is_kept(project):
    task = project.write("tasks/hello.py", "mine")

    done = init_project(project.root)

    assert done[1] == Skipped(path=task)
    assert task.read_text() == "mine"


@pytest.mark.parametrize(
    ("file", "text"),
    [("nemorun.toml", ""), ("pyproject.toml", "[tool.nemorun]\n")],
    ids=["nemorun.toml", "pyproject"],
)
def test_an_existing_configuration_is_refused_and_nothing_written(project, file, text):
    path = project.write(file, text)
    before = sorted(project.root.rglob("*"))

    with pytest.raises(ConfigError, match=file.replace(".", r"\.")):
        init_project(project.root)

    assert sorted(project.root.rglob("*")) == before
    assert path.read_text() == text


def test_a_pyproject_without_our_table_is_no_configuration(project):
    project.write("pyproject.toml", '[project]\nname = "x"\n')

    assert init_project(project.root)[0] == Created(path=project.root / "nemorun.toml")


def test_a_file_in_the_way_of_the_tasks_leaves_nothing_behind(project):
    project.write("tasks", "a file")

    with pytest.raises(ConfigError, match="cannot be written to"):
        init_project(project.root)

    assert sorted(path.name for path in project.root.iterdir()) == [".git", "tasks"]


@pytest.mark.usefixtures("permissions_hold")
def test_a_read_only_directory_is_left_as_it_was(project):
    (project.root / "tasks").mkdir()
    project.root.chmod(0o555)

    with pytest.raises(ConfigError, match="Permission denied"):
        init_project(project.root)

    assert list((project.root / "tasks").iterdir()) == []


def test_a_directory_on_a_read_only_file_system_is_refused():
    with pytest.raises(ConfigError, match=r"^/proc: cannot be written to: "):
        init_project(Path("/proc"))
