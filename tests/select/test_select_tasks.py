from __future__ import annotations

import pytest

from nemorun_discover.discovery.arguments import Arguments, NodeId
from nemorun_discover.discovery.keyword import compile_expression
from nemorun_discover.discovery.select import select_tasks
from nemorun_discover.errors import NothingSelected, UsageError


@pytest.fixture
def tasks(make_task):
    return [
        make_task("train", file="tasks/train.py", tags=("gpu", "slow")),
        make_task("evaluate", file="tasks/train.py", tags=("gpu",)),
        make_task("train", file="tasks2/other.py"),
        make_task("prepare", file="tasks/data/prepare.py", tags=("cpu",)),
    ]


def node(text, name, **more):
    return NodeId(text=text, name=name, **more)


@pytest.mark.parametrize(
    ("arguments", "places"),
    [
        (Arguments(), [0, 1, 2, 3]),
        (Arguments(paths=(".",)), [0, 1, 2, 3]),
        (Arguments(paths=("tasks",)), [0, 1, 3]),
        (Arguments(paths=("tasks/train.py",)), [0, 1]),
        (Arguments(paths=("tasks2", "tasks/data")), [2, 3]),
        (Arguments(node_ids=(node("t", "train", file="tasks/train.py"),)), [0]),
        (Arguments(node_ids=(node("t", "prepare", label="lr=1", executor="x"),)), [3]),
        (Arguments(paths=("tasks2",), node_ids=(node("t", "evaluate"),)), [1, 2]),
    ],
    ids=["all", "root", "folder", "file", "two paths", "node id", "job id", "path and id"],
)
def test_paths_and_ids_select_tasks_in_their_order(tasks, arguments, places):
    assert select_tasks(tasks, arguments) == tuple(tasks[place] for place in places)


@pytest.mark.parametrize(
    ("text", "places"),
    [("gpu", [0, 1]), ("gpu and not slow", [1]), ("not gpu", [2, 3]), ("cpu or slow", [0, 3])],
    ids=str,
)
def test_tags_select_by_the_whole_tag(tasks, text, places):
    found = select_tasks(tasks, Arguments(), tags=compile_expression(text, option="-m"))

    assert found == tuple(tasks[place] for place in places)


def test_a_part_of_a_tag_selects_nothing_and_names_the_nearest(tasks):
    with pytest.raises(NothingSelected) as caught:
        select_tasks(tasks, Arguments(), tags=compile_expression("gp", option="-m"))

    assert caught.value.message == "no task matches -m 'gp'; the nearest: gpu"


def test_a_path_without_tasks_selects_nothing(tasks):
    with pytest.raises(NothingSelected, match=r"^no task in docs$"):
        select_tasks(tasks, Arguments(paths=("docs",)))


def test_a_project_without_tasks_says_how_to_begin():
    with pytest.raises(NothingSelected, match=r"^no task was found$") as caught:
        select_tasks([], Arguments())

    assert "@nemorun.task" in caught.value.hint


@pytest.mark.parametrize(
    ("node_id", "message"),
    [
        (
            node("tasks/train.py::trian", "trian", file="tasks/train.py"),
            "tasks/train.py has no task 'trian'; did you mean train?",
        ),
        (node("prepaer@local", "prepaer"), "no task is named 'prepaer'; did you mean prepare?"),
        (
            node("docs/x.py::evaluate", "evaluate", file="docs/x.py"),
            "docs/x.py has no task 'evaluate'; did you mean tasks/train.py::evaluate?",
        ),
    ],
    ids=["in file", "by name", "in a file without tasks"],
)
def test_an_id_of_no_task_is_refused_with_the_nearest(tasks, node_id, message):
    with pytest.raises(UsageError) as caught:
        select_tasks(tasks, Arguments(node_ids=(node_id,)))

    assert caught.value.message == message


def test_a_name_that_two_files_have_needs_the_file(tasks):
    with pytest.raises(UsageError) as caught:
        select_tasks(tasks, Arguments(node_ids=(node("train@local", "train"),)))

    assert caught.value.message == (
        "'train@local' means 2 tasks: tasks/train.py::train, tasks2/other.py::train"
    )
