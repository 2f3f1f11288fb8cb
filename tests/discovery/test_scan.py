from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from nemorun_discover.discovery.scan import collect
from nemorun_discover.model.task import MISSING, Parametrize, Script, Task

if TYPE_CHECKING:
    from pathlib import Path

    from tests.discovery.conftest import Project

HEAD = "import nemorun\n\n"
TASK = HEAD + "@nemorun.task\ndef {name}(): ...\n"


def test_tasks_are_found_whatever_their_files_import(projects: Path):
    found = collect(projects / "discovery", ["."])

    assert found.issues == ()
    assert [task.id for task in found.tasks] == [
        "tasks/deep/__init__.py::prepare",
        "tasks/evaluate.py::eval-all",
        "tasks/evaluate.py::report",
        "tasks/train.py::train",
    ]


def test_a_task_carries_what_its_decorators_and_signature_say(projects: Path):
    train = collect(projects / "discovery", ["tasks/train.py"]).tasks[0]

    assert (train.file, train.line, train.function) == ("tasks/train.py", 45, "train")
    assert train.tags == ("gpu", "slow", "train")
    assert train.executors == ("slurm_a", "local")
    assert (train.timeout_s, train.retries) == (5_400, 2)
    assert train.doc == "Train a model.\n\nOn whatever there is."


def test_the_parametrize_at_the_top_comes_last_and_so_varies_fastest(projects: Path):
    train = collect(projects / "discovery", ["tasks/train.py"]).tasks[0]

    assert train.parametrize == (
        Parametrize(names=("seed", "size"), rows=((1, "s"), (2, "m")), ids=(None, None)),
        Parametrize(names=("lr",), rows=((0.1,), (0.01,)), ids=("big", "small")),
    )


def test_defaults_are_values_where_they_are_literals_and_text_always(projects: Path):
    train = collect(projects / "discovery", ["tasks/train.py"]).tasks[0]

    assert {each.name: (each.default, each.default_text) for each in train.params} == {
        "lr": (MISSING, None),
        "seed": (2, "1 + 1"),
        "size": ("s", '"s"'),
        "mode": (MISSING, "Mode.FAST"),
        "optimizer": (MISSING, 'Adam("x")'),
        "out": (None, "None"),
        "names": (["a", "b"], '["a", "b"]'),
        "table": ({"a": 1}, '{"a": 1}'),
        "pair": ([1, "x"], '(1, "x")'),
        "many": ([], "()"),
        "anything": (None, "None"),
        "noted": (-3, "-3"),
        "maybe": (None, "None"),
        "whatever": (MISSING, "..."),
        "model": (MISSING, "missing.DEFAULT"),
        "key": (MISSING, None),
    }


def test_after_takes_functions_of_this_file_and_of_others(projects: Path):
    found = collect(projects / "discovery", ["."])

    assert {task.name: task.after for task in found.tasks} == {
        "prepare": (),
        "eval-all": ("tasks/train.py::train",),
        "report": ("tasks/evaluate.py::eval-all", "tasks/deep/__init__.py::prepare"),
        "train": (),
    }


def test_hidden_directories_virtualenvs_and_caches_are_not_scanned(project: Project):
    for directory in (".hidden", "__pycache__", "node_modules", "env/lib", "conda/lib", "seen"):
        project.write(f"{directory}/tasks.py", TASK.format(name="found"))
    project.write("env/pyvenv.cfg", "home = /usr\n")
    (project.root / "conda" / "conda-meta").mkdir()
    project.write(".hidden.py", TASK.format(name="found"))

    found = project.collect()

    assert [task.id for task in found.tasks] == ["seen/tasks.py::found"]


def test_a_project_that_is_itself_a_virtualenv_is_scanned(project: Project):
    project.write("pyvenv.cfg", "home = /usr\n").write("tasks.py", TASK.format(name="found"))
    project.write("lib/python3.11/site-packages/x.py", TASK.format(name="hidden"))

    assert [task.id for task in project.collect().tasks] == ["tasks.py::found"]


def test_a_circle_of_links_ends(project: Project):
    project.write("a/tasks.py", TASK.format(name="found"))
    (project.root / "a" / "loop").symlink_to(project.root, target_is_directory=True)

    assert [task.id for task in project.collect().tasks] == ["a/tasks.py::found"]


def test_a_linked_directory_is_scanned_when_it_is_named(project: Project, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "tasks.py").write_text(TASK.format(name="found"))
    (project.root / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)

    assert project.collect().tasks == ()
    assert [task.id for task in project.collect("linked").tasks] == ["linked/tasks.py::found"]


def test_a_linked_file_is_scanned_and_a_dangling_link_is_not(project: Project):
    project.write("real.txt", TASK.format(name="found"))
    (project.root / "link.py").symlink_to("real.txt")
    (project.root / "dangling.py").symlink_to("nowhere.py")
    (project.root / "circle.py").symlink_to("circle.py")

    found = project.collect()

    assert [task.id for task in found.tasks] == ["link.py::found"]
    assert found.issues == ()


def test_a_directory_named_like_a_file_is_walked(project: Project):
    project.write("x.py/tasks.py", TASK.format(name="found"))

    assert [task.id for task in project.collect().tasks] == ["x.py/tasks.py::found"]


def test_file_names_with_spaces_and_other_letters_are_ids(project: Project):
    project.write("my tasks/träin 1.py", TASK.format(name="found"))

    assert [task.id for task in project.collect().tasks] == ["my tasks/träin 1.py::found"]


def test_paths_that_overlap_give_each_task_once(project: Project):
    project.write("a/tasks.py", TASK.format(name="found"))

    found = project.collect(".", "a", "a/tasks.py", "./a/../a")

    assert [task.id for task in found.tasks] == ["a/tasks.py::found"]


def test_a_path_that_is_missing_or_outside_is_an_issue_and_the_rest_is_found(project: Project):
    project.write("tasks.py", TASK.format(name="found"))

    found = project.collect("tasks.py", "nowhere", "../x")

    assert [task.name for task in found.tasks] == ["found"]
    assert [(issue.file, issue.message) for issue in found.issues] == [
        ("../x", "the path lies outside the project"),
        ("nowhere", "the path does not exist"),
    ]


def test_a_file_without_the_word_nemorun_is_not_even_parsed(project: Project):
    project.write("broken.py", "def broken(:\n")

    assert project.collect().issues == ()


def test_empty_files_are_nothing(project: Project):
    project.write("empty.py", "").write("executors.py", "")

    found = project.collect()

    assert (found.tasks, found.factories, found.issues) == ((), (), ())


def test_same_named_tasks_of_two_files_are_told_apart_by_id(project: Project):
    project.write("a.py", TASK.format(name="train")).write("b.py", TASK.format(name="train"))

    assert [task.id for task in project.collect().tasks] == ["a.py::train", "b.py::train"]


def test_script_tasks_come_last_with_their_after_resolved(project: Project):
    project.write("tasks.py", TASK.format(name="train"))
    script = Task(
        id="nemorun.toml::report",
        name="report",
        file="nemorun.toml",
        line=0,
        after=("train",),
        script=Script(path="report.sh"),
    )

    found = project.collect(scripts=[script])

    assert [(task.id, task.after) for task in found.tasks] == [
        ("tasks.py::train", ()),
        ("nemorun.toml::report", ("tasks.py::train",)),
    ]


def test_a_partial_scan_reads_nothing_but_the_files_it_is_given(project: Project):
    project.write("broken.py", HEAD + "def broken(:\n")
    project.write("prep.py", TASK.format(name="prep"))
    project.write("train.py", HEAD + "@nemorun.task(after='prep')\ndef train(): ...\n")

    found = project.collect("train.py", is_partial=True)

    assert [(task.id, task.after) for task in found.tasks] == [("train.py::train", ())]
    assert found.issues == ()


def test_scanning_works_where_no_package_is_installed(projects: Path):
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "from nemorun_discover.discovery.scan import collect\n"
        "print(len(collect(Path(sys.argv[2]), ['.']).tasks))"
    )
    own = str(projects.parents[1])

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, own, str(projects / "discovery")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("4\n", "")


def test_scanning_leaves_nothing_behind_in_the_project(project: Project):
    project.write("settings.py", "TAGS = ['x']\n")
    project.write(
        "tasks.py",
        "import nemorun\nimport settings\n@nemorun.task(tags=settings.TAGS)\ndef f(): ...\n",
    )

    project.collect()

    assert sorted(path.name for path in project.root.rglob("*")) == ["settings.py", "tasks.py"]
