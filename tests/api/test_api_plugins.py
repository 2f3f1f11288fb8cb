"""Plugins of `add`: what they change, and what the driver tells them."""

from __future__ import annotations

import pytest

PLUGIN = """
import json
from pathlib import Path
def work(n=0, where=None):
    import os
    return [n, where, os.environ.get("A")]
def told(value): print(json.dumps(value))
def note(text):
    with open("notes.txt", "a") as file:
        file.write(text + "\\n")
"""


def test_setup_changes_the_copies_and_nothing_else(desk):
    answer = desk.launch(
        PLUGIN
        + """
class Big(run.Plugin):
    def setup(self, task, executor):
        task.n *= 2
        task.where.append("there")
        executor.env_vars["A"] = "b"
places, executor = ["here"], run.LocalExecutor()
task = run.Partial(work, 5, places)
with run.Experiment("lab", clean_mode=True) as e:
    one = e.add(task, executor, plugins=[Big()])
    two = e.add(task, executor)
    e.run()
told([one, e.results()[one].value, two, e.results()[two].value, places, executor.env_vars])
"""
    )

    assert answer.json == [
        "work@local",
        [10, ["here", "there"], "b"],
        "work@local-2",
        [5, ["here"], None],
        ["here"],
        {},
    ]


def test_a_script_can_be_set_up_too(desk):
    answer = desk.launch(
        """
class More(run.Plugin):
    def setup(self, task, executor): task.args.append("more")
run.run(run.Script(inline="echo $@", args=["a"]), run.LocalExecutor(), plugins=[More()])
"""
    )

    assert answer.out.startswith("a more\n")


@pytest.mark.parametrize("direct", [False, True], ids=["driver", "direct"])
def test_hooks_are_called_while_it_runs(desk, direct):
    answer = desk.launch(
        PLUGIN
        + f"""
class Notes(run.Plugin):
    def __init__(self, name): self.name = name
    def on_submit(self, job): note(f"{{self.name}} submit {{job.id}} {{job.attempt}}")
    def on_state_change(self, job):
        if job.state.is_final: note(f"{{self.name}} {{job.state}} {{job.id}}")
    def on_finish(self, experiment_id, experiment): note(f"finish {{experiment_id}} {{self.experiment_id}}")
plugin = Notes("first")
with run.Experiment("lab", clean_mode=True) as e:
    e.add(work, plugins=[plugin])
    e.add(work, plugins=[plugin], dependencies=["work"])
    e.run(direct={direct})
told([e.id, plugin.experiment_id])
"""
    )

    first, second = answer.json
    notes = desk.root / "notes.txt"
    desk.wait_until(lambda: "finish" in notes.read_text())
    assert first == second
    assert notes.read_text().splitlines() == [
        "first submit work@local 1",
        "first SUCCEEDED work@local",
        "first submit work_2@local 1",
        "first SUCCEEDED work_2@local",
        f"finish {first} {first}",
    ]


def test_a_plugin_that_the_driver_could_not_make_again_is_refused_and_nothing_is_added(desk):
    answer = desk.launch(
        PLUGIN
        + """
class Bad(run.Plugin):
    def __init__(self): self.file = Path("x")
    def on_finish(self, experiment): pass
e = run.Experiment("lab")
try:
    e.add(work, plugins=[Bad()])
except run.UsageError as error:
    told([error.message, e.jobs])
"""
    )

    message, jobs = answer.json
    assert message.startswith("plugin Bad: the driver could not make it again: its attribute file")
    assert jobs == []


def test_a_setup_that_raises_is_a_sentence(desk):
    answer = desk.launch(
        PLUGIN
        + """
class Bad(run.Plugin):
    def setup(self, task, executor): 1 / 0
run.Experiment("lab").add(work, plugins=[Bad()])
""",
        code=1,
    )

    assert "ConfigError: plugin Bad: setup" in answer.err
