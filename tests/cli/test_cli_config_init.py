"""`nemorun config` and `nemorun init`."""

from __future__ import annotations


def test_config_prints_what_is_written(nemorun, write):
    write(
        "nemorun.toml",
        '[project]\nname = "demo"\n[profiles.small]\nkind = "local"\nmax_parallel = 2\n',
    )

    answer = nemorun("config")

    assert answer.lines == [
        'project.name = "demo"',
        'profiles.small.kind = "local"',
        "profiles.small.max_parallel = 2",
    ]


def test_config_says_where_each_value_comes_from(nemorun, write):
    write("nemorun.toml", '[project]\nname = "demo"\n')

    answer = nemorun("config", "--show-origin", "-o", "profiles.local.max_parallel=3")

    assert answer.lines == [
        'nemorun.toml [project]  project.name = "demo"',
        "-o                      profiles.local.max_parallel = 3",
    ]


def test_config_shows_the_defaults_when_asked(nemorun, write):
    write("nemorun.toml", '[profiles.small]\nkind = "local"\n')

    assert "profiles.small.grace_s" not in nemorun("config").out
    assert "profiles.small.grace_s = 10" in nemorun("config", "--all").out


def test_config_masks_secrets(nemorun, write):
    write(
        "nemorun.toml", '[profiles.small]\nkind = "local"\nenv_vars = { API_TOKEN = "hunter2" }\n'
    )

    answers = [nemorun("config"), nemorun("config", "--show-origin"), nemorun("config", "--json")]

    assert all("API_TOKEN" in answer.out for answer in answers)
    assert not any("hunter2" in answer.out for answer in answers)


def test_the_config_document_has_the_files_and_every_setting(nemorun, write, project):
    write("nemorun.toml", '[project]\nname = "demo"\n')

    document = nemorun("config", "--json").json

    settings = {one["key"]: one for one in document["settings"]}
    assert document["schema"] == "nemorun.config/1"
    assert (document["root"], document["file"]) == (str(project), str(project / "nemorun.toml"))
    assert settings["project.name"] == {
        "key": "project.name",
        "value": "demo",
        "origin": "nemorun.toml [project]",
    }
    assert settings["project.paths"]["origin"] == "default"


def test_a_broken_file_is_named_with_its_line(nemorun, write):
    write("nemorun.toml", "[project]\nname = \n")

    answer = nemorun("config")

    assert answer.code == 4
    assert answer.err.startswith("error: nemorun.toml:2")


def test_no_configuration_is_said_on_stderr(nemorun):
    answer = nemorun("config")

    assert (answer.code, answer.out) == (0, "")
    assert "no nemorun.toml here or above" in answer.err


def test_init_writes_a_project_that_can_be_listed_and_run(nemorun):
    answer = nemorun("init")

    assert answer.code == 0
    assert answer.lines == ["nemorun.toml: created", "tasks/hello.py: created"]
    assert "tasks/hello.py::hello" in nemorun("list").out


def test_init_never_overwrites(nemorun, write):
    config = write("nemorun.toml", "# mine\n")

    answer = nemorun("init")

    assert answer.code == 4
    assert "nemorun.toml exists already" in answer.err
    assert config.read_text() == "# mine\n"


def test_init_keeps_a_task_that_is_there(nemorun, write):
    task = write("tasks/hello.py", "# mine\n")

    answer = nemorun("init", "--json")

    assert answer.json == {
        "schema": "nemorun.init/1",
        "created": ["nemorun.toml"],
        "kept": ["tasks/hello.py"],
    }
    assert task.read_text() == "# mine\n"
