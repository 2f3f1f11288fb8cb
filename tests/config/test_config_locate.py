"""Which files make up the configuration of a directory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nemorun_discover.config.load import load_config
from nemorun_discover.errors import ConfigError


def test_the_nearest_file_upward_is_found_and_its_directory_is_the_root(project):
    project.write("nemorun.toml", "")
    deep = project.root / "a" / "b"
    deep.mkdir(parents=True)

    config = load_config(deep, env=project.env)

    assert (config.root, config.file) == (project.root, project.root / "nemorun.toml")


def test_the_search_stops_at_the_root_of_the_repository(project):
    project.write("nemorun.toml", "")
    inner = project.root / "inner"
    (inner / ".git").mkdir(parents=True)
    work = inner / "src"
    work.mkdir()

    config = load_config(work, env=project.env)

    assert (config.file, config.root) == (None, work)


def test_a_git_file_of_a_worktree_is_the_root_of_a_repository_too(project):
    project.write("nemorun.toml", "")
    project.write("inner/.git", "gitdir: elsewhere")

    assert load_config(project.root / "inner", env=project.env).file is None


def test_the_search_stops_at_the_home_directory(project):
    project.write("nemorun.toml", "")
    home = project.root / "home"
    (home / "work").mkdir(parents=True)

    assert load_config(home / "work", env={"HOME": str(home)}).file is None


def test_a_pyproject_with_a_table_of_ours_is_a_configuration(project):
    project.write("pyproject.toml", '[tool.nemorun.project]\nname = "here"\n')

    config = project.load()

    assert (config.project.name, config.label) == ("here", "pyproject.toml")


def test_a_nemorun_toml_wins_over_a_pyproject_beside_it(project):
    project.write("pyproject.toml", '[tool.nemorun.project]\nname = "pyproject"\n')

    assert project.load('[project]\nname = "own"\n').project.name == "own"


def test_a_pyproject_without_our_table_is_passed_by(project):
    project.write("nemorun.toml", "")
    project.write("sub/pyproject.toml", '[project]\ndependencies = ["nemorun-discover"]\n')

    config = load_config(project.root / "sub", env=project.env)

    assert config.file == project.root / "nemorun.toml"


def test_a_broken_pyproject_of_somebody_else_is_passed_by(project):
    project.write("sub/pyproject.toml", "[broken nemorun")

    assert load_config(project.root / "sub", env=project.env).file is None


def test_a_broken_pyproject_that_is_ours_is_an_error(project):
    project.write("pyproject.toml", "[tool.nemorun]\nname = \n")

    with pytest.raises(ConfigError, match=r"^pyproject\.toml:2:8: not valid TOML: Invalid value$"):
        project.load()


def test_without_a_file_the_directory_is_the_root_with_the_defaults(project):
    config = project.load()

    assert (config.root, config.file) == (project.root, None)
    assert (config.project.name, config.project.paths) == ("my project", ["."])


def test_a_given_file_is_read_instead_and_roots_the_project_where_it_lies(project):
    project.write("nemorun.toml", '[project]\nname = "nearest"\n')
    project.write("other/my.toml", '[project]\nname = "given"\n')

    config = load_config(project.root, file=Path("other/my.toml"), env=project.env)

    assert (config.project.name, config.root) == ("given", project.root / "other")


def test_a_given_pyproject_must_hold_our_table(project):
    project.write("pyproject.toml", "[project]\n")

    with pytest.raises(ConfigError, match=r"pyproject\.toml has no \[tool\.nemorun\] table"):
        load_config(project.root, file=Path("pyproject.toml"), env=project.env)


def test_the_environment_can_name_the_file(project):
    project.write("other.toml", '[project]\nname = "named"\n')

    config = project.load(NEMORUN_CONFIG="other.toml")

    assert config.project.name == "named"


def test_an_empty_variable_names_no_file(project):
    assert project.load('[project]\nname = "n"\n', NEMORUN_CONFIG="").project.name == "n"


@pytest.mark.parametrize("way", ["option", "variable"], ids=str)
def test_a_named_file_that_is_not_there_is_refused(project, way):
    file = Path("nosuch.toml") if way == "option" else None
    env = {**project.env, "NEMORUN_CONFIG": "nosuch.toml"}

    with pytest.raises(ConfigError, match=r"nosuch\.toml: there is no such file"):
        load_config(project.root, file=file, env=env)


def test_the_users_file_lies_below_the_projects(project, user_file):
    user_file.write_text(
        '[project]\ndefault_executor = "mine"\n'
        '[profiles.mine]\nkind = "local"\nmax_parallel = 1\nretries = 7\n'
    )

    config = project.load("[profiles.mine]\nmax_parallel = 2\n")

    mine = config.table("profiles")["mine"]
    assert {key: leaf.value for key, leaf in mine.items()} == {
        "kind": "local",
        "max_parallel": 2,
        "retries": 7,
    }
    assert (config.project.default_executor, config.user_file) == ("mine", user_file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tasks.x]\n", r"config\.toml: tasks: unknown table"),
        ('[project]\nname = "x"\n', r"config\.toml: \[project\] name: the user's file cannot"),
        ("[project\n", r"config\.toml:1:9: not valid TOML"),
    ],
    ids=["tasks", "name", "broken"],
)
def test_the_users_file_cannot_say_what_is_the_projects(project, user_file, text, message):
    user_file.write_text(text)

    with pytest.raises(ConfigError, match=message) as caught:
        project.load()

    assert caught.value.message.startswith("~/")


def test_a_configuration_without_profiles_needs_no_library_to_be_read(project):
    project.write("nemorun.toml", '[project]\npaths = ["."]\nname = "x"\ndefault = { k = "a" }\n')
    code = (
        "import sys; from pathlib import Path; from nemorun_discover.config.load import load_config;"
        " from nemorun_discover.config.script_tasks import script_tasks;"
        " from nemorun_discover.config.resolve import executor_names;"
        " config = load_config(Path(sys.argv[1])); script_tasks(config); executor_names(config, ());"
        " sys.exit('msgspec' in sys.modules or 'tomlkit' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code, str(project.root)], check=False)

    assert done.returncode == 0
