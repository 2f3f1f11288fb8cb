"""The command itself: help, global options, unknown words, exit codes of usage errors."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nemorun_discover.cli.commands import COMMANDS
from nemorun_discover.cli.main import cli, split_rest

HEAVY = "rich, msgspec, tomlkit, platformdirs, paramiko, docker, torchx, dataclasses, pluggy"


def test_help_lists_every_command_under_its_heading(nemorun):
    answer = nemorun("--help")

    assert answer.code == 0
    places = [
        answer.out.index(f"\n{heading}:\n") for heading in ("Run", "Look", "Manage", "Project")
    ]
    assert places == sorted(places)
    assert all(f"\n  {name} " in answer.out for name in COMMANDS)


def test_bare_nemorun_shows_its_help(nemorun):
    assert nemorun() == nemorun("--help")


def test_help_loads_click_and_nothing_else_that_costs(nemorun):
    script = (
        "import sys; sys.argv = ['nemorun', '--help']\n"
        "from nemorun_discover.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"heavy = [name for name in '{HEAVY}'.split(', ') if name in sys.modules]\n"
        "ours = [name for name in sys.modules if name.startswith('nemorun_discover.') and '.cli' not in name]\n"
        "print(heavy, ours, file=sys.stderr)\n"
    )

    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        env=nemorun.environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stderr == (
        "[] ['nemorun_discover.errors', 'nemorun_discover.plugins', 'nemorun_discover.plugins.find']\n"
    )


@pytest.mark.parametrize("name", list(COMMANDS))
def test_a_commands_help_begins_as_the_overview_says(name):
    command = cli.get_command(None, name)

    assert command.short_help == COMMANDS[name].summary
    assert command.help
    assert all(option.help for option in command.params if option.param_type_name == "option")


def test_version_is_printed_alone(nemorun):
    answer = nemorun("--version")

    assert (answer.code, answer.out) == (0, "nemorun 0.1.0\n")


def test_an_unknown_command_names_the_nearest(nemorun):
    answer = nemorun("statsu")

    assert answer.code == 4
    assert answer.err == "error: nemorun has no command 'statsu'\nhint: did you mean status?\n"


def test_an_unknown_option_exits_4_and_not_2(nemorun):
    answer = nemorun("status", "--folow")

    assert answer.code == 4
    assert answer.err.startswith("error: no such option")
    assert "--folow" in answer.err
    assert "`nemorun status --help`" in answer.err


@pytest.mark.parametrize("alias", ["ps", "status"])
def test_ps_is_another_word_for_status(nemorun, shelf, told, alias):
    shelf.put(told("train@local"))

    answer = nemorun(alias)

    assert "train@local" in answer.out


def test_a_spelling_of_another_tool_is_understood(nemorun, shelf, told):
    shelf.put(told("train@local", state="FAILED"))

    answer = nemorun("status", "--exitcode")

    assert answer.code == 100


@pytest.mark.parametrize(
    "args",
    [("--json", "experiments"), ("experiments", "--json")],
    ids=["before the command", "after the command"],
)
def test_a_global_option_is_accepted(nemorun, args):
    assert nemorun(*args).json == {"schema": "nemorun.experiments/1", "experiments": []}


def test_global_options_before_and_after_the_command_add_up(nemorun):
    answer = nemorun(
        "-o", "project.name=first", "config", "-o", "project.default_executor=x", "--json"
    )

    written = {one["key"]: one["value"] for one in answer.json["settings"]}
    assert (written["project.name"], written["project.default_executor"]) == ("first", "x")


def test_quiet_after_the_command_silences_the_hints(nemorun):
    assert nemorun("experiments").err != ""
    assert nemorun("experiments", "-q").err == ""


def test_directories_follow_each_other_as_with_git(nemorun, write):
    write("outer/inner/nemorun.toml", "[project]\nname = 'inside'\n")

    answer = nemorun("-C", "outer", "config", "-C", "inner")

    assert answer.out == 'project.name = "inside"\n'


def test_a_directory_that_is_not_there_is_a_usage_error(nemorun):
    answer = nemorun("-C", "nowhere", "experiments")

    assert answer.code == 4
    assert answer.err.endswith("nowhere: there is no such directory\n")


def test_a_configuration_file_is_taken_relative_to_the_directory(nemorun, write):
    write("sub/other.toml", "[project]\nname = 'other'\n")

    answer = nemorun("-C", "sub", "-c", "other.toml", "config")

    assert answer.out == 'project.name = "other"\n'


def test_what_follows_two_dashes_is_refused_where_nothing_takes_it(nemorun, shelf, told):
    shelf.put(told("train@local"))

    answer = nemorun("status", "--", "--json")

    assert answer.code == 4
    assert answer.out == ""
    assert "takes no arguments after `--`" in answer.err


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["run", "-k", "a"], (["run", "-k", "a"], None)),
        (["run", "--", "-x", "--", "y"], (["run"], ("-x", "--", "y"))),
        (["run", "--"], (["run"], ())),
    ],
    ids=["none", "the first one counts", "nothing after it"],
)
def test_arguments_are_split_at_two_dashes(argv, expected):
    assert split_rest(argv) == expected


def test_a_command_without_a_document_refuses_json(nemorun):
    answer = nemorun("completion", "bash", "--json")

    assert answer.code == 4
    assert "completion has no --json" in answer.err
