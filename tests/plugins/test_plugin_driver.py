"""The driver tells plugins what happens, and nothing that they do harms the run."""

from __future__ import annotations

import os

import pytest

from nemorun_discover.errors import NemorunError
from nemorun_discover.lifecycle.carry_on import carry_on
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.model.record import PluginReference
from nemorun_discover.model.state import State
from tests.cli.conftest import REPOSITORY
from tests.plugins.conftest import PluggedCli, lines_when

HOOKS = """
import os, time

class Diary(nemorun_discover.plugins.base.Plugin):
    def write(self, line):
        with open(self.path, "a") as file:
            file.write(line + "\\n")

    def on_submit(self, experiment_id, job):
        assert experiment_id == self.experiment_id
        self.write(f"submit {job.id} {job.attempt}")

    def on_state_change(self, job):
        self.write(f"state {job.id} {job.state} {job.reason} {job.result}")

    def on_finish(self, experiment):
        self.write(f"finish {experiment.state} {len(experiment.jobs)} {os.getppid() != 0}")

class Failing(Diary):
    def on_submit(self, job):
        raise ValueError("boom\\nand more")

    def on_state_change(self, job):
        raise SystemExit(3)

class Hanging(Diary):
    def on_submit(self, job):
        self.write("hangs")
        time.sleep(600)

class Changing(Diary):
    def on_state_change(self, job):
        job.params["x"] = "changed"
"""

TASKS = """
import os
def f(x=1):
    return x
def breaks():
    raise SystemExit(4)
"""


@pytest.fixture
def diary(lab, tmp_path):
    (lab.root / "hooks.py").write_text("import nemorun_discover.plugins.base\n" + HOOKS)
    lab.write(TASKS)
    return tmp_path / "diary"


def plugin(diary, name="Diary", file="hooks.py"):
    return PluginReference(name=name, file=file, fields={"path": str(diary)})


def notes_of(lab, experiment):
    return list(observe(lab.home, experiment).notes)


def test_a_plugin_of_the_project_hears_all_in_order(lab, diary):
    g = lab.job("f", id="g@local", slug="g", after={"f": ("f@local",)})

    lab.finish(lab.launch(lab.job("f"), g, plugins=(plugin(diary),)))

    assert lines_when(diary, "finish") == [
        "submit f@local 1",
        "state f@local RUNNING None None",
        "state f@local SUCCEEDED None 1",
        "submit g@local 1",
        "state g@local RUNNING None None",
        "state g@local SUCCEEDED None 1",
        "finish SUCCEEDED 2 True",
    ]


def test_each_attempt_is_told_and_so_is_a_job_that_never_starts(lab, diary):
    g = lab.job("f", after={"breaks": ("breaks@local",)})

    lab.finish(lab.launch(lab.job("breaks", retries=1), g, plugins=(plugin(diary),)))

    lines = lines_when(diary, "finish")
    assert [one for one in lines if one.startswith("submit")] == [
        "submit breaks@local 1",
        "submit breaks@local 2",
    ]
    assert lines[-3:] == [
        "state breaks@local FAILED EXIT_CODE None",
        "state f@local SKIPPED UPSTREAM_FAILED None",
        "finish FAILED 2 True",
    ]


def test_two_plugins_of_one_class_hear_each(lab, diary, tmp_path):
    other = tmp_path / "other"

    lab.finish(lab.launch(lab.job("f"), plugins=(plugin(diary), plugin(other))))

    assert lines_when(diary, "finish") == lines_when(other, "finish")


def test_the_next_driver_tells_what_happens_from_then_on(lab, diary):
    lab.write("import os, time\ndef f():\n    while not os.path.exists('go'): time.sleep(0.02)\n")
    experiment = lab.launch(lab.job("f"), plugins=(plugin(diary),))
    lines_when(diary, "RUNNING")
    lab.kill_driver(experiment)

    carry_on(lab.home, experiment)
    (lab.root / "go").touch()

    assert lines_when(diary, "finish")[2:] == [
        "state f@local SUCCEEDED None None",
        "finish SUCCEEDED 1 True",
    ]


def test_what_a_hook_raises_is_a_note_and_harms_nothing(lab, diary):
    jobs = [lab.job("f", id=f"f{i}@local", slug=f"f{i}", params={"x": i}) for i in range(3)]

    experiment = lab.launch(*jobs, plugins=(plugin(diary, "Failing"),))

    assert {job.state for job in lab.finish(experiment).jobs} == {State.SUCCEEDED}
    lines_when(diary, "finish")
    assert sorted(notes_of(lab, experiment)) == [
        "plugin Failing: on_state_change exits (SystemExit: 3), at hooks.py:25",
        "plugin Failing: on_submit raised ValueError: boom, at hooks.py:22",
    ]
    log = lab.home.layout.experiment(experiment).driver_log.read_text()
    assert log.count("ValueError: boom") == 3


def test_a_hook_that_hangs_holds_up_neither_the_jobs_nor_other_plugins(lab, diary, tmp_path):
    other = tmp_path / "other"
    g = lab.job("f", id="g@local", slug="g", after={"f": ("f@local",)})

    experiment = lab.launch(lab.job("f"), g, plugins=(plugin(diary, "Hanging"), plugin(other)))

    assert {job.state for job in lab.finish(experiment).jobs} == {State.SUCCEEDED}
    assert lines_when(other, "finish")
    assert diary.read_text() == "hangs\n"
    lab.kill_driver(experiment)


def test_a_plugin_has_its_own_copy_of_what_it_is_told(lab, diary):
    g = lab.job("f", id="g@local", slug="g", params={"x": 2}, after={"f": ("f@local",)})

    experiment = lab.launch(lab.job("f", params={"x": 1}), g, plugins=(plugin(diary, "Changing"),))

    assert [job.result for job in lab.finish(experiment).jobs] == [1, 2]
    assert [job.params for job in observe(lab.home, experiment).jobs] == [{"x": 1}, {"x": 2}]


@pytest.mark.parametrize(
    ("name", "file", "said"),
    [
        ("Diary", "gone.py", "plugin Diary: importing it from gone.py raised FileNotFoundError"),
        ("Gone", "hooks.py", "plugin Gone: importing it from hooks.py raised AttributeError"),
        (
            "Diary",
            "broken.py",
            "plugin Diary: importing it from broken.py raised ZeroDivisionError",
        ),
    ],
    ids=["file", "class", "crash"],
)
def test_a_plugin_that_cannot_be_loaded_is_a_note_and_the_others_hear(lab, diary, name, file, said):
    (lab.root / "broken.py").write_text("1 / 0\n")

    experiment = lab.launch(lab.job("f"), plugins=(plugin(diary, name, file), plugin(diary)))

    assert lab.finish(experiment).jobs[0].state is State.SUCCEEDED
    assert notes_of(lab, experiment)[0].startswith(said)
    assert lines_when(diary, "finish")


@pytest.mark.parametrize("without", [(), ("lab",)], ids=["on", "off"])
def test_an_installed_plugin_hears_unless_the_record_is_without_it(
    lab, diary, example, monkeypatch, without
):
    heard = diary.with_name("heard")
    monkeypatch.setenv("LAB_HISTORY", str(heard))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(example), str(REPOSITORY)]))

    experiment = lab.launch(lab.job("f"), plugins=(plugin(diary),), without_plugins=without)
    lab.finish(experiment)
    lines_when(diary, "finish")
    lab.wait_until(lambda: not lab.driver_pid(experiment))

    assert heard.exists() is (without == ())


def test_an_installed_plugin_that_broke_is_a_note(lab, install, monkeypatch):
    site = install("import no_such_module", module="broken")
    lab.write(TASKS)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), str(REPOSITORY)]))

    experiment = lab.launch(lab.job("f"))

    assert lab.finish(experiment).jobs[0].state is State.SUCCEEDED
    assert notes_of(lab, experiment)[0].startswith(
        "the plugin broken of broken 1.0 (broken) cannot"
    )


def test_jobs_go_on_when_the_plugin_that_drives_them_is_gone(lab, project, example, monkeypatch):
    (project / "nemorun.toml").write_text(
        "[tasks.waits]\ncommand = ['bash', '-c', 'for i in {1..600}; do test -e go && exit; sleep 0.05; done']\n"
        "[profiles.quick]\nkind = 'scratch'\n"
    )
    experiment = PluggedCli(project, example)("run", "-k", "waits", "-e", "quick", "-d").out.strip()
    lab.wait_until(lambda: lab.status_of(experiment, "waits@quick").state is State.RUNNING)
    lab.kill_driver(experiment)

    with pytest.raises(NemorunError, match=r"the driver of .* has failed: .*not on scratch"):
        carry_on(lab.home, experiment)
    state = observe(lab.home, experiment).jobs[0].state
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(example), str(REPOSITORY)]))
    carry_on(lab.home, experiment)
    (project / "go").touch()

    assert state is State.RUNNING
    assert lab.finish(experiment).jobs[0].state is State.SUCCEEDED
