from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.discovery.conftest import Project

HEAD = "import nemorun as run\n\n"


def test_a_name_means_the_task_of_the_same_file_first(project: Project):
    project.write("a.py", HEAD + "@run.task\ndef prep(): ...\n")
    project.write(
        "b.py", HEAD + "@run.task\ndef prep(): ...\n@run.task(after='prep')\ndef train(): ...\n"
    )

    assert project.collect().tasks[2].after == ("b.py::prep",)


def test_a_name_of_several_files_is_an_issue_that_lists_them(project: Project):
    project.write("a.py", HEAD + "@run.task\ndef prep(): ...\n")
    project.write("b.py", HEAD + "@run.task\ndef prep(): ...\n")
    project.write("c.py", HEAD + "@run.task(after='prep')\ndef train(): ...\n")

    found = project.collect()

    assert [task.name for task in found.tasks] == ["prep", "prep"]
    assert [(issue.file, issue.line, issue.message, issue.hint) for issue in found.issues] == [
        (
            "c.py",
            4,
            "after= of 'train': 'prep' may be a.py::prep, b.py::prep",
            "name one by its node id",
        )
    ]


def test_a_node_id_means_exactly_that_task(project: Project):
    project.write("a.py", HEAD + "@run.task\ndef prep(): ...\n")
    project.write("b.py", HEAD + "@run.task\ndef prep(): ...\n")
    project.write("c.py", HEAD + "@run.task(after='b.py::prep')\ndef train(): ...\n")

    found = project.collect()

    assert (found.tasks[2].after, found.issues) == (("b.py::prep",), ())


def test_the_outputs_that_a_task_gets_are_those_it_names_or_reads(project: Project):
    content = """
@run.task
def prep(): ...
@run.task(name='other')
def more(): ...
@run.task(inputs=[prep, 'other@gpu'])
def named(): ...
@run.task(after=['prep', more])
def reads():
    for one in run.upstreams('prep'):
        print(one.output_dir, run.upstream('other').output_dir)
@run.task(after=['prep'])
def results(folder='x'):
    own = run.current()
    print(run.upstream('prep').result, own.output_dir, run.current().output_dir)
@run.task(after=['prep'], inputs=[])
def nothing():
    print(run.upstream('prep').output_dir)
@run.task(after=['prep'])
def of_another():
    print(run.upstream('other').output_dir)
"""

    tasks = project.tasks(HEAD + content)

    both = ("tasks.py::prep", "tasks.py::other")
    assert (tasks["named"].after, tasks["named"].inputs) == (both, both)
    assert tasks["named"].after_on == {"tasks.py::other": ("gpu",)}
    assert tasks["reads"].inputs == both
    assert [tasks[name].inputs for name in ("results", "nothing", "of_another")] == [()] * 3


def test_a_name_may_say_on_which_executor_its_task_is_meant(project: Project):
    project.write("at@x/a.py", HEAD + "@run.task\ndef prep(): ...\n@run.task\ndef other(): ...\n")
    project.write(
        "b.py",
        HEAD
        + "@run.task(after=['prep@gpu', 'prep@vision/small', 'at@x/a.py::other'])\ndef train(): ...\n",
    )
    project.write("c.py", HEAD + "@run.task(after='prop@gpu')\ndef wrong(): ...\n")

    found = project.collect()

    train = next(task for task in found.tasks if task.name == "train")
    assert train.after == ("at@x/a.py::prep", "at@x/a.py::other")
    assert train.after_on == {"at@x/a.py::prep": ("gpu", "vision/small")}
    assert [(issue.message, issue.hint) for issue in found.issues] == [
        ("after= of 'wrong': there is no task 'prop'", "did you mean 'prep'?")
    ]


def test_an_unknown_name_is_an_issue_with_the_nearest(project: Project):
    project.write(
        "a.py",
        HEAD + "@run.task\ndef prepare(): ...\n@run.task(after='prepar')\ndef train(): ...\n",
    )

    (issue,) = project.collect().issues

    assert issue.message == "after= of 'train': there is no task 'prepar'"
    assert issue.hint == "did you mean 'prepare'?"


def test_a_function_that_is_no_task_is_an_issue(project: Project):
    content = HEAD + "def helper(): ...\n@run.task(after=helper)\ndef train(): ...\n"

    assert project.issue(content) == (5, "after= of 'train': there is no task 'helper'")


def test_a_function_given_as_such_may_have_another_task_name(project: Project):
    content = (
        "@run.task(name='x')\ndef prep(): ...\n@run.task(after=[prep, 'x'])\ndef train(): ...\n"
    )

    assert project.tasks(HEAD + content)["train"].after == ("tasks.py::x",)


def test_imported_functions_are_found_through_packages_and_source_roots(project: Project):
    project.write("src/lib/prep.py", HEAD + "@run.task(name='p')\ndef prep(): ...\n")
    project.write("src/lib/__init__.py", HEAD + "@run.task\ndef init(): ...\n")
    project.write("other/prep.py", HEAD + "@run.task\ndef prep(): ...\n")
    project.write(
        "src/lib/train.py",
        "from lib.prep import prep as p\nfrom . import init\nfrom lib import prep as module\n"
        + HEAD
        + "@run.task(after=[p, init])\ndef a(): ...\n@run.task(after=module.prep)\ndef b(): ...\n",
    )

    tasks = {task.name: task for task in project.collect().tasks}

    assert tasks["a"].after == ("src/lib/prep.py::p", "src/lib/__init__.py::init")
    assert tasks["b"].after == ("src/lib/prep.py::p",)


def test_a_cycle_is_drawn_once_and_what_hangs_on_it_is_dropped(project: Project):
    project.write(
        "a.py",
        HEAD
        + "@run.task(after='evaluate')\ndef train(): ...\n"
        + "@run.task(after='train')\ndef evaluate(): ...\n"
        + "@run.task(after='evaluate')\ndef report(): ...\n"
        + "@run.task\ndef free(): ...\n",
    )

    found = project.collect()

    assert [task.name for task in found.tasks] == ["free"]
    assert [(issue.line, issue.message) for issue in found.issues] == [
        (4, "tasks wait for each other: train -> evaluate -> train"),
        (8, "'report' waits for a.py::evaluate, which could not be collected"),
    ]


def test_a_task_that_waits_for_itself_is_a_cycle(project: Project):
    content = HEAD + "@run.task(after='train')\ndef train(): ...\n"

    assert project.issue(content) == (4, "tasks wait for each other: train -> train")


def test_a_cycle_of_equal_names_is_drawn_with_node_ids(project: Project):
    project.write("a.py", HEAD + "@run.task(after='b.py::f')\ndef f(): ...\n")
    project.write("b.py", HEAD + "@run.task(after='a.py::f')\ndef f(): ...\n")

    (issue,) = project.collect().issues

    assert issue.message == "tasks wait for each other: a.py::f -> b.py::f -> a.py::f"


def test_waiting_for_a_task_with_an_issue_says_so(project: Project):
    project.write(
        "a.py",
        HEAD
        + "@run.task(retries=-1)\ndef prep(): ...\n@run.task(after='prep')\ndef train(): ...\n",
    )

    found = project.collect()

    assert found.tasks == ()
    assert [issue.message for issue in found.issues] == [
        "retries= of 'prep' must be a whole number from 0, not -1",
        "'train' waits for 'prep', which could not be collected",
    ]


def test_a_chain_of_thousands_is_resolved(project: Project):
    lines = ["import nemorun as run", "@run.task", "def t0(): ..."]
    for number in range(1, 3_000):
        lines += [f"@run.task(after='t{number - 1}')", f"def t{number}(): ..."]
    project.write("a.py", "\n".join(lines) + "\n")

    found = project.collect()

    assert (len(found.tasks), found.issues) == (3_000, ())
    assert found.tasks[-1].after == ("a.py::t2998",)
