from __future__ import annotations

from dataclasses import replace

import pytest

from nemorun_discover.discovery.matrix import on_executors
from nemorun_discover.errors import NothingSelected, UsageError

AVAILABLE = ["local", "slurm_a", "slurm_b"]


def names(placed):
    return [f"{cell.id}@{executor}" for cell, executor in placed]


@pytest.fixture
def place():
    def call(*cells, patterns=(), default=("local",)):
        return names(on_executors(cells, available=AVAILABLE, default=default, patterns=patterns))

    return call


def test_a_task_without_executors_runs_on_the_default(place, make_cell):
    assert place(make_cell(), default=("slurm_a",)) == ["train@slurm_a"]


def test_a_task_runs_on_its_own_executors(place, make_cell):
    assert place(make_cell(executors=("slurm_*",))) == ["train@slurm_a", "train@slurm_b"]


def test_patterns_win_over_the_tasks_own_executors(place, make_cell):
    cells = [make_cell(executors=("local",)), make_cell("evaluate")]

    assert place(*cells, patterns=["slurm_b", "slurm_a"]) == [
        "train@slurm_b",
        "train@slurm_a",
        "evaluate@slurm_b",
        "evaluate@slurm_a",
    ]


def test_an_id_with_an_executor_wins_over_the_tasks_own(place, make_cell):
    cell = replace(make_cell(executors=("local",)), executors=("slurm_b",))

    assert place(cell) == ["train@slurm_b"]


def test_patterns_narrow_the_executors_of_ids(place, make_cell):
    cell = replace(make_cell(), executors=("slurm_b", "local"))

    assert place(cell, patterns=["slurm_*"]) == ["train@slurm_b"]


def test_an_id_whose_executor_is_left_out_selects_nothing(place, make_cell):
    cell = replace(make_cell(), executors=("local",))

    with pytest.raises(NothingSelected, match=r"^-e leaves out train@local$"):
        place(cell, patterns=["slurm_*"])


def test_a_task_that_names_an_unknown_executor_is_named(place, make_cell):
    with pytest.raises(UsageError) as caught:
        place(make_cell(executors=("slurm_c",)))

    assert caught.value.message == (
        "unknown executor 'slurm_c', as in the executors of task train; did you mean slurm_a or slurm_b?"
    )
