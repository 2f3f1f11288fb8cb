"""Reading a configuration: what is taken, and what is refused with file, table and key."""

from __future__ import annotations

import os

import pytest

from nemorun_discover.config.load import load_config
from nemorun_discover.config.project import DefaultRun
from nemorun_discover.errors import ConfigError


def test_the_project_table_is_read(project):
    project.write("a.py", "")

    config = project.load(
        """
        [project]
        name = "demo"
        paths = ["a.py"]
        pythonpath = ["src"]
        default = { k = "train", e = ["local", "slurm_*"], set = ["lr=0.1"], args = ["a.py"] }
        default_executor = "local"
        """
    )

    assert (config.project.name, config.project.paths) == ("demo", ["a.py"])
    assert (config.project.pythonpath, config.project.default_executor) == (["src"], "local")
    assert config.project.default == DefaultRun(
        k="train", e=["local", "slurm_*"], set=["lr=0.1"], args=["a.py"]
    )


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("profile = 1", "nemorun.toml: profile: unknown key", "did you mean profiles?"),
        ("[profile.a]\nx = 1", "nemorun.toml: profile: unknown table", "did you mean profiles?"),
        ("[zzz]", "nemorun.toml: zzz: unknown table", "the tables are: project, profiles, tasks"),
        ("project = 1", "nemorun.toml: project: expected a table", "write [project]"),
        ("[profiles]\na = 1", "nemorun.toml: [profiles] a: expected a table", "write [profiles.a]"),
        ("[tasks]\na = 1", "nemorun.toml: [tasks] a: expected a table", "write [tasks.a]"),
        (
            "[project]\npath = []",
            "nemorun.toml: [project] path: unknown key",
            "did you mean paths?",
        ),
        (
            '[project]\npaths = "."',
            "nemorun.toml: [project] paths: expected a list of texts, found the text '.'",
            "put it in brackets: [...]",
        ),
        (
            "[project]\nname = 3",
            "nemorun.toml: [project] name: expected text, found the integer 3",
            "put it in quotes",
        ),
        (
            "[project.default]\nexpr = 1",
            "nemorun.toml: [project.default] expr: unknown key",
            "a default run knows: k, m, e, set, args",
        ),
        (
            "[project]\ndefault = {}",
            "nemorun.toml: [project] default: expected a table with some of k, m, e, set and args",
            'write default = { k = "train" }',
        ),
        (
            '[profiles."a b"]\nkind = "local"',
            "nemorun.toml: [profiles]: 'a b' cannot be the name of a profile",
            "use letters, digits, _, - and ., and none of the words and, or, not",
        ),
        (
            '[profiles.not]\nkind = "local"',
            "nemorun.toml: [profiles]: 'not' cannot be the name of a profile",
            "use letters, digits, _, - and ., and none of the words and, or, not",
        ),
    ],
    ids=[
        "top-key",
        "top-table",
        "far-table",
        "project-not-table",
        "profile-not-table",
        "task-not-table",
        "project-key",
        "project-list",
        "project-type",
        "default-key",
        "default-empty",
        "name-with-space",
        "name-is-word",
    ],
)
def test_what_does_not_belong_is_refused_with_its_place_and_a_hint(project, text, message, hint):
    with pytest.raises(ConfigError) as caught:
        project.load(text)

    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = 1\nb = \n", r"^nemorun\.toml:2:5: not valid TOML: Invalid value$"),
        (b'name = "open\n', r"^nemorun\.toml:1:13: not valid TOML: Illegal character"),
        (b"a = 1\nbc", r"^nemorun\.toml:2:3: not valid TOML: Expected '='"),
        (b"a = 1\na = 2\n", r"^nemorun\.toml:2:6: not valid TOML: Cannot overwrite"),
        (b"a = " + b"[" * 5000, r"^nemorun\.toml: not valid TOML: nested too deeply$"),
        (b"a = " + b"9" * 5000, r"^nemorun\.toml: not valid TOML: Exceeds the limit"),
        (b"# ok\nname = '\xff'\n", r"^nemorun\.toml:2: not UTF-8: byte 0xff$"),
        (b"\xff\xfea\x00", r"^nemorun\.toml:1: not UTF-8"),
        (
            b'[project]\nname = "a\\u0000b"\n',
            r"^nemorun\.toml: \[project\] name: the text holds a NUL",
        ),
        (b'[profiles.a.env_vars]\n"A\\u0000" = "1"\n', r"\[profiles\.a\.env_vars\] .*NUL"),
    ],
    ids=[
        "no-value",
        "open-string",
        "end-of-document",
        "twice",
        "deep",
        "huge-integer",
        "latin-1",
        "utf-16",
        "nul-value",
        "nul-key",
    ],
)
def test_a_file_that_is_not_toml_is_one_sentence_with_its_place(project, content, message):
    project.write("nemorun.toml", content)

    with pytest.raises(ConfigError, match=message):
        project.load()


def test_a_byte_order_mark_is_no_trouble(project):
    project.write("nemorun.toml", b'\xef\xbb\xbf[project]\r\nname = "bom"\r\n')

    assert project.load().project.name == "bom"


def test_a_directory_in_place_of_the_file_is_refused(project):
    (project.root / "nemorun.toml").mkdir()

    with pytest.raises(ConfigError, match=r"^nemorun\.toml is a directory, not a file$"):
        project.load()


def test_a_link_that_leads_nowhere_is_refused(project):
    (project.root / "nemorun.toml").symlink_to("gone")

    with pytest.raises(ConfigError, match=r"^nemorun\.toml cannot be read: No such file"):
        project.load()


@pytest.mark.usefixtures("permissions_hold")
def test_a_file_without_permission_is_refused(project):
    project.write("nemorun.toml", "").chmod(0)

    with pytest.raises(ConfigError, match=r"^nemorun\.toml cannot be read: Permission denied$"):
        project.load()


def test_the_name_of_an_odd_directory_is_still_text(tmp_path):
    odd = tmp_path / os.fsdecode(b"\xff")
    odd.mkdir()

    config = load_config(odd, env={})

    assert config.project.name == "\N{REPLACEMENT CHARACTER}"


def test_a_pyprojects_tables_are_named_as_they_are_written(project):
    project.write("pyproject.toml", "[tool.nemorun.project]\nnam = 1\n")

    with pytest.raises(ConfigError, match=r"^pyproject\.toml: \[tool\.nemorun\.project\] nam: "):
        project.load()


def test_a_configuration_does_not_show_the_environment_it_holds(project):
    assert "hunter2" not in repr(project.load("", MY_PASSWORD="hunter2"))
