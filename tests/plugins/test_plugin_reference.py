"""How a user's plugin travels to the driver: its class by its place, its attributes as JSON."""

from __future__ import annotations

import importlib
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nemorun_discover.errors import ConfigError, UsageError
from nemorun_discover.model.record import PluginReference
from nemorun_discover.plugins.base import Plugin, has_driver_hooks
from nemorun_discover.plugins.reference import load_reference, reference_of
from tests.cli.conftest import REPOSITORY

HERE = Path(__file__).resolve()


@dataclass
class Slack(Plugin):
    channel: str = "#runs"
    mentions: list[str] = field(default_factory=list)

    def on_finish(self, experiment):
        return f"{self.channel} {experiment}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slotted(Plugin):
    limits: dict[str, float]


class Counter(Plugin):
    def __init__(self, start):
        self.count = start * 2


class Outer:
    class Inner(Plugin):
        pass


def test_a_plugin_comes_back_with_its_attributes():
    reference = reference_of(Slack(channel="#ml", mentions=["@a"]), HERE.parent)

    plugin = load_reference(reference, HERE.parent)

    assert reference.fields == {"channel": "#ml", "mentions": ["@a"]}
    assert (plugin.channel, plugin.mentions) == ("#ml", ["@a"])
    assert plugin.on_finish("over") == "#ml over"


def test_slots_and_frozen_dataclasses_travel_and_can_be_assigned():
    plugin = load_reference(reference_of(Slotted(limits={"a": 0.5}), HERE.parent), HERE.parent)

    plugin.assign("20261122-0712-f-x7k2")

    assert plugin.limits == {"a": 0.5}
    assert plugin.experiment_id == "20261122-0712-f-x7k2"


def test_init_is_not_called_again():
    assert load_reference(reference_of(Counter(3), HERE.parent), HERE.parent).count == 6


def test_a_class_in_a_class_is_found():
    assert reference_of(Outer.Inner(), HERE.parent).name == "Outer.Inner"
    assert (
        type(load_reference(reference_of(Outer.Inner(), HERE.parent), HERE.parent)).__name__
        == "Inner"
    )


def test_the_experiment_is_not_part_of_a_plugin():
    plugin = Slack()
    plugin.assign("20261122-0712-f-x7k2")

    assert "experiment_id" not in reference_of(plugin, HERE.parent).fields


def test_what_is_changed_after_it_was_written_down_does_not_change_the_reference():
    plugin = Slack(mentions=["@a"])
    reference = reference_of(plugin, HERE.parent)

    plugin.mentions.append("@b")

    assert reference.fields["mentions"] == ["@a"]


@pytest.mark.parametrize(
    ("root", "file"),
    [(HERE.parent, HERE.name), (HERE.parents[1], f"plugins/{HERE.name}")],
    ids=["beside", "below"],
)
def test_a_file_of_the_project_is_named_relative_to_its_root(root, file):
    assert reference_of(Slack(), root) == PluginReference(
        name="Slack", file=file, fields={"channel": "#runs", "mentions": []}
    )


def test_a_plain_module_outside_the_project_is_named_by_its_path(tmp_path, monkeypatch):
    (tmp_path / "far_away.py").write_text(
        "import nemorun_discover.plugins.base as b\nclass P(b.Plugin): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    plugin = importlib.import_module("far_away").P()
    root = tmp_path / "project"
    root.mkdir()

    reference = reference_of(plugin, root)

    assert (reference.file, reference.module) == (str(tmp_path / "far_away.py"), None)
    assert isinstance(load_reference(reference, root), Plugin)


@pytest.mark.parametrize("folder", ["lib/site-packages", "outside"])
def test_an_installed_class_is_named_by_its_module(tmp_path, monkeypatch, folder):
    package = tmp_path / "project" / folder / f"pack_{folder[:3]}"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "mod.py").write_text(
        "import nemorun_discover.plugins.base as b\nclass P(b.Plugin): ...\n"
    )
    monkeypatch.syspath_prepend(package.parent)
    plugin = importlib.import_module(f"{package.name}.mod").P()
    root = tmp_path / "project" if "site-packages" in folder else tmp_path / "elsewhere"

    reference = reference_of(plugin, root)

    assert (reference.module, reference.file) == (f"{package.name}.mod", "")
    assert type(load_reference(reference, root)) is type(plugin)


MAIN = """
import sys
from pathlib import Path
from nemorun_discover.plugins.base import Plugin
from nemorun_discover.plugins.reference import load_reference, reference_of

GREETING = "hello"

class Greeter(Plugin):
    def on_submit(self):
        return GREETING + " " + self.name

print("the script runs")
if __name__ == "__main__":
    greeter = Greeter()
    greeter.name = "you"
    reference = reference_of(greeter, Path(sys.argv[1]))
    print(reference.is_main, reference.file, reference.name)
    print(load_reference(reference, Path(sys.argv[1])).on_submit())
"""


def test_a_class_of_the_launching_script_travels_without_running_the_script(tmp_path):
    (tmp_path / "launch.py").write_text(MAIN)

    answer = subprocess.run(
        [sys.executable, tmp_path / "launch.py", tmp_path],
        env={"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert answer.stdout.splitlines() == ["the script runs", "True launch.py Greeter", "hello you"]


def local_class():
    class Local(Plugin):
        pass

    return Local()


def holding(value):
    plugin = Slack()
    plugin.channel = value
    return plugin


class Asking(Plugin):
    def on_submit(self, job, colour):
        pass


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        (local_class(), "plugin local_class.<locals>.Local: .* it is defined inside a function"),
        (holding((1, 2)), "plugin Slack: .* its attribute channel is a tuple, which is not JSON"),
        (holding(Path("x")), r"its attribute channel is a pathlib\.PosixPath"),
        (holding([1, {2: 3}]), r"its attribute channel is \[1, \{2: 3\}\]"),
        (holding(float("nan")), "its attribute channel is nan"),
        (holding(sys.stdout), "its attribute channel is a .*, which is not JSON"),
        (Asking(), "plugin Asking: .*colour"),
    ],
    ids=["local class", "tuple", "path", "key", "nan", "file", "argument"],
)
def test_what_cannot_travel_is_refused_by_name(plugin, said):
    with pytest.raises(UsageError, match=said):
        reference_of(plugin, HERE.parent)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (
            PluginReference(name="Slack", file="gone.py"),
            "plugin Slack: importing it from gone.py raised",
        ),
        (
            PluginReference(name="Gone", file=HERE.name),
            f"plugin Gone: importing it from {HERE.name}",
        ),
        (PluginReference(name="HERE", file=HERE.name), "plugin HERE: it is no nemorun.Plugin"),
        (PluginReference(name="X", module="no_such_module"), "from no_such_module raised"),
    ],
    ids=["file", "class", "no plugin", "module"],
)
def test_what_is_not_there_any_more_is_one_sentence(reference, said):
    with pytest.raises(ConfigError, match=said):
        load_reference(reference, HERE.parent)


def test_the_path_is_as_before_but_for_the_projects_folders_at_its_end(tmp_path, monkeypatch):
    (tmp_path / "hooks_of_project.py").write_text(
        "import nemorun_discover.plugins.base as b\nclass P(b.Plugin): ...\n"
    )
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = list(sys.path)

    load_reference(PluginReference(name="P", file="hooks_of_project.py"), tmp_path, ["lib"])

    assert sys.path == [*before, str(tmp_path), str(tmp_path / "lib")]


@pytest.mark.parametrize(
    ("plugin", "has"),
    [(Slack(), True), (Counter(1), False), (Plugin(), False)],
    ids=["on", "none", "base"],
)
def test_a_plugin_without_hooks_for_the_driver_need_not_travel(plugin, has):
    assert has_driver_hooks(plugin) is has
