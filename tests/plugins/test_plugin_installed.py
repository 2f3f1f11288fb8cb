"""Which installed plugins are found, and what is said of one that cannot be used."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from dataclasses import dataclass

import pytest

from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.kinds import FAMILIES, add_executor_kind, class_of
from nemorun_discover.plugins.base import Plugin
from nemorun_discover.plugins.find import is_any_installed
from nemorun_discover.plugins.hooks import Plugins
from nemorun_discover.plugins.specs import hookimpl
from nemorun_discover.schedulers.table import SCHEDULERS, add_scheduler, scheduler_of
from tests.plugins.conftest import PluggedCli

COMMAND = """
from nemorun_discover.plugins.specs import CliCommand, ExecutorKind, hookimpl
import click

@click.command("hello")
def hello():
    click.echo("hello from " + __name__)

@hookimpl
def cli_commands():
    return [CliCommand(name="hello", heading="Project", summary="Say it.", command=__name__ + ":hello")]
"""


@pytest.fixture
def run(project, tmp_path):
    return PluggedCli(project, tmp_path / "site")


@pytest.mark.parametrize("metadata", [".dist-info", ".egg-info"])
@pytest.mark.parametrize(
    ("text", "found"),
    [("[nemorun.plugins]\na = b\n", True), ("[console_scripts]\na = b\n", False), (None, False)],
    ids=["ours", "other groups", "no entries"],
)
def test_the_files_on_the_path_tell_whether_a_plugin_is_installed(tmp_path, metadata, text, found):
    folder = tmp_path / f"x-1{metadata}"
    folder.mkdir()
    if text is not None:
        (folder / "entry_points.txt").write_text(text)

    assert is_any_installed([str(tmp_path / "gone"), str(tmp_path)]) is found


def test_where_no_plugin_is_installed_nothing_that_loads_them_is_imported(run):
    script = (
        "import sys\n"
        "from nemorun_discover.plugins.find import installed_plugins\n"
        "print(installed_plugins(), [m for m in ('pluggy', 'importlib.metadata') if m in sys.modules])\n"
    )

    answer = subprocess.run(
        [sys.executable, "-S", "-c", script],
        env=run.environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    assert answer.stdout == "None []\n"


def test_a_module_with_marked_functions_is_a_plugin(run, install):
    install(COMMAND, module="greeter")

    assert run("hello").out == "hello from greeter\n"


@pytest.mark.parametrize("target", ["greeter:Greeter", "greeter:greeter"], ids=["class", "object"])
def test_an_object_with_marked_methods_is_a_plugin_and_so_is_its_class(run, install, target):
    top, method = COMMAND.split("@hookimpl\n")
    method = textwrap.indent("@hookimpl\n" + method.replace("()", "(self)", 1), "    ")
    code = f"{top}class Greeter:\n{method}\ngreeter = Greeter()\n"
    install(code, module="greeter", target=target)

    assert run("hello").out == "hello from greeter\n"


def test_a_plugin_adds_one_thing_without_a_list_around_it(run, install):
    install(COMMAND.replace("[Cli", "Cli").replace(")]", ")"), module="greeter")

    assert run("hello").out == "hello from greeter\n"


BROKEN = {
    "import": ("import no_such_module", "it raised ModuleNotFoundError: No module named"),
    "exit": ("raise SystemExit(2)", "it exits (SystemExit: 2)"),
    "argument": (
        "from nemorun_discover.plugins.specs import hookimpl\n@hookimpl\ndef on_submit(job, what): ...",
        "plugin broken: on_submit(job, what): Argument(s) {'what'} are declared",
    ),
    "unknown hook": (
        "from nemorun_discover.plugins.specs import hookimpl\n@hookimpl\ndef on_sumbit(job): ...",
        "unknown hook 'on_sumbit'",
    ),
    "no commands": (
        "from nemorun_discover.plugins.specs import hookimpl\n@hookimpl\ndef cli_commands(): return 3",
        "plugin broken: cli_commands returned int, not CliCommand",
    ),
    "kind that exists": (
        COMMAND + "\n@hookimpl\ndef executor_kinds():\n"
        "    return [ExecutorKind(name='local', settings='x:Y', scheduler='x:Z')]\n",
        "plugin broken: there is a kind of executor 'local' already, of nemorun itself",
    ),
    "hook raises": (
        COMMAND + "\n@hookimpl\ndef executor_kinds():\n    raise ValueError('boom')\n",
        "plugin broken: executor_kinds raised ValueError: boom, at broken.py:15",
    ),
}


@pytest.mark.parametrize(("code", "said"), BROKEN.values(), ids=BROKEN)
def test_a_plugin_that_cannot_be_used_is_one_sentence_and_a_way_to_do_without(
    run, install, code, said
):
    install(code, module="broken")

    answer, without = run("list"), run("-p", "no:broken", "list")

    sentence, hint = answer.err.splitlines()
    assert answer.code == 4
    assert sentence.startswith("error: ")
    assert said in sentence
    assert hint == "hint: -p no:broken switches it off; it belongs to broken 1.0"
    assert "broken" not in without.err


def test_help_and_the_commands_that_only_look_do_without_a_plugin_that_cannot_be_used(run, install):
    install("import no_such_module", module="broken")

    help_, looking = run("--help"), run("experiments")

    assert (help_.code, looking.code) == (0, 0)
    assert "note: the plugin broken of broken 1.0 (broken) cannot be loaded" in help_.err
    assert "\n  run " in help_.out


@pytest.mark.parametrize("name", ["run", "ps"], ids=["command", "other word for one"])
def test_a_command_of_nemorun_itself_is_not_replaced(run, install, name):
    install(COMMAND.replace('name="hello"', f'name="{name}"'), module="greeter")

    answer = run("nonsense")

    assert f"plugin greeter: there is a command '{name}' already" in answer.err
    assert "hint: -p no:greeter switches it off" in answer.err
    assert "Say it." not in run("--help").out


def test_a_command_that_two_plugins_add_is_a_mistake(run, install):
    install(COMMAND, module="greeter")
    install(COMMAND, module="second")

    assert "plugin second: there is a command 'hello' already" in run("hello").err
    assert run("hello", "-p", "no:second").err.startswith("error: no such option")
    assert run("-p", "no:greeter", "hello").out == "hello from second\n"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("no_such_module:x", "cannot be imported: No module named"),
        ("greeter:nothing", "has no attribute 'nothing'"),
        ("greeter:click", "is none of click's"),
        ("greeter", "cannot be imported"),
    ],
    ids=["module", "attribute", "no command", "no attribute"],
)
def test_a_command_that_is_not_where_it_should_be_is_one_sentence(run, install, command, said):
    install(COMMAND.replace('__name__ + ":hello"', repr(command)), module="greeter")

    answer = run("hello")

    assert answer.code == 4
    assert said in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("word", ["shop", "no:", "", "yes:shop"], ids=repr)
def test_any_other_word_after_p_is_refused(run, word):
    answer = run("-p", word, "list")

    assert answer.code == 4
    assert f"error: -p {word}: only no:NAME is understood" in answer.err


def test_switching_off_what_is_not_there_is_said(run, install):
    install(COMMAND, module="greeter")

    answer = run("list", "-p", "no:greter", "-p", "no:greeter")

    assert answer.code == 0
    assert "note: -p no:greter switches nothing off; did you mean greeter?" in answer.err
    assert "no:greeter " not in answer.err


def test_a_second_plugin_of_a_name_gets_a_number():
    class Marked:
        @hookimpl
        def on_submit(self):
            return "heard"

    plugins = Plugins()
    plugins.add(Marked(), "x")
    plugins.add(Marked(), "x")

    calls = plugins.implementations("on_submit")
    assert list(calls) == ["x", "x 2"]
    assert calls["x 2"](experiment_id="", job=None) == ["heard"]


SETTINGS = """
from dataclasses import dataclass
from typing import ClassVar
import nemorun

@dataclass(kw_only=True, slots=True)
class Wrong(nemorun.LocalExecutor):
    kind: ClassVar[str] = "other"

class Bare:
    kind = "odd"
"""


@pytest.fixture
def odd_kind(tmp_path, monkeypatch):
    """Adds a kind whose settings are in a module of that name, and takes it back."""
    (tmp_path / "odd_settings.py").write_text(SETTINGS)
    monkeypatch.syspath_prepend(tmp_path)

    def add(settings, scheduler="odd_settings:Bare"):
        add_executor_kind("odd", settings, by="plugin odd")
        add_scheduler("odd", scheduler)

    yield add
    FAMILIES["executor"].pop("odd", None)
    SCHEDULERS.pop("odd", None)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("odd_settings:Nothing", "cannot be imported"),
        ("no_such_module:Nothing", "cannot be imported"),
        ("odd_settings:Bare", "are no dataclass below nemorun.Executor"),
        ("odd_settings:Wrong", "have kind = 'other'"),
    ],
    ids=["class", "module", "no executor", "other kind"],
)
def test_settings_of_an_added_kind_must_be_an_executors(odd_kind, settings, said):
    odd_kind(settings)

    with pytest.raises(ConfigError, match=said) as caught:
        class_of("executor", "odd")

    assert caught.value.message.startswith(
        f"plugin odd: the settings of the kind 'odd', {settings},"
    )


def test_a_kind_is_added_once_by_one(odd_kind):
    odd_kind("odd_settings:Wrong")
    odd_kind("odd_settings:Wrong")

    with pytest.raises(ConfigError, match="of executor 'odd' already, of plugin odd"):
        add_executor_kind("odd", "odd_settings:Bare", by="plugin even")
    with pytest.raises(ConfigError, match="drives the kind 'odd' already"):
        add_scheduler("odd", "odd_settings:Wrong")


def test_a_scheduler_that_cannot_be_imported_refuses_in_one_sentence(odd_kind):
    odd_kind("odd_settings:Wrong", scheduler="odd_settings:Gone")

    with pytest.raises(
        Exception, match="x: what drives odd, odd_settings:Gone, cannot be imported"
    ):
        scheduler_of("x", "odd", {})


def test_plugins_that_are_equal_and_have_no_hash_are_called_each():
    plugins = Plugins()
    plugins.add(Answering(), "x")
    plugins.add(Answering(), "x")

    calls = plugins.implementations("on_finish")
    assert [call(experiment_id="e", experiment=None) for call in calls.values()] == [["e"], ["e"]]


@dataclass
class Answering(Plugin):
    def on_finish(self, experiment_id):
        return experiment_id
