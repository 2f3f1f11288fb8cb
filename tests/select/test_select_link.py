from __future__ import annotations

import pytest

from nemorun_discover.discovery.link import link
from nemorun_discover.errors import UsageError
from nemorun_discover.model.task import Script

TRAIN = "tasks/train.py::train"


def edges(jobs):
    return {job.id: job.after for job in jobs if job.after}


def test_a_job_carries_all_that_a_run_needs(make_cell):
    cell = make_cell("train", {"lr": 0.1}, label="lr=0.1", timeout_s=60.0, retries=2)

    (job,) = link([(cell, "local")])

    assert job.id == "train[lr=0.1]@local"
    assert job.slug == "train-lr=0.1@local"
    assert (job.task, job.file, job.function) == ("train", "tasks/train.py", "train")
    assert (job.executor, job.params) == ("local", {"lr": 0.1})
    assert (job.timeout_s, job.retries) == (60.0, 2)
    assert (job.after, job.args, job.script) == ({}, (), None)


def test_a_script_job_carries_its_script_and_arguments(make_cell):
    script = Script(command=("echo",), env={"A": "b"})
    cells = [
        make_cell("say", file="nemorun.toml", function=None, script=script),
        make_cell("train"),
    ]

    say, train = link([(cell, "local") for cell in cells], args=["-v", "a b"])

    assert (say.script, say.function, say.args) == (script, None, ("-v", "a b"))
    assert train.args == ()


def test_limits_of_the_executor_hold_where_the_task_has_none(make_cell):
    cells = [make_cell("plain"), make_cell("own", retries=0, timeout_s=1.0)]

    jobs = link(
        [(cell, name) for cell in cells for name in ("local", "slurm")],
        retries={"slurm": 3},
        timeouts_s={"slurm": 9.0},
    )

    assert {job.id: (job.retries, job.timeout_s) for job in jobs} == {
        "plain@local": (0, None),
        "plain@slurm": (3, 9.0),
        "own@local": (0, 1.0),
        "own@slurm": (0, 1.0),
    }


def test_only_names_that_two_files_have_get_their_file_in_front(make_cell):
    cells = [
        make_cell("train", file="a/x.py"),
        make_cell("train", file="b/x.py"),
        make_cell("evaluate"),
    ]

    jobs = link([(cell, "local") for cell in cells])

    assert [job.id for job in jobs] == [
        "a/x.py::train@local",
        "b/x.py::train@local",
        "evaluate@local",
    ]
    assert len({job.slug for job in jobs}) == 3
    assert all("/" not in job.slug and ":" not in job.slug for job in jobs)


def test_a_cell_placed_twice_on_an_executor_is_one_job(make_cell):
    cell = make_cell()

    assert len(link([(cell, "local"), (cell, "local")])) == 1


def test_the_params_of_a_job_are_its_own(make_cell):
    cell = make_cell("train", {"lr": 0.1})

    (job,) = link([(cell, "local")])
    job.params["lr"] = 5

    assert cell.params == {"lr": 0.1}


def test_a_job_waits_for_upstream_jobs_with_equal_shared_parameters(make_cell):
    trains = [
        make_cell("train", {"lr": lr, "seed": seed}, label=f"lr={lr},seed={seed}")
        for lr in (1, 2)
        for seed in (0, 1)
    ]
    evaluates = [
        make_cell("evaluate", {"lr": lr, "split": "val"}, label=f"lr={lr}", after=(TRAIN,))
        for lr in (1.0, 2.0)
    ]

    jobs = link([(cell, "local") for cell in (*evaluates, *trains)])

    assert edges(jobs) == {
        "evaluate[lr=1.0]@local": {
            "train": ("train[lr=1,seed=0]@local", "train[lr=1,seed=1]@local")
        },
        "evaluate[lr=2.0]@local": {
            "train": ("train[lr=2,seed=0]@local", "train[lr=2,seed=1]@local")
        },
    }


def test_jobs_come_upstream_first_and_else_in_their_order(make_cell):
    cells = [
        make_cell("evaluate", {"lr": 2}, label="lr=2", after=(TRAIN,)),
        make_cell("other"),
        make_cell("train", {"lr": 1}, label="lr=1"),
        make_cell("train", {"lr": 2}, label="lr=2"),
    ]

    jobs = link([(cell, "local") for cell in cells])

    assert [job.id for job in jobs] == [
        "other@local",
        "train[lr=1]@local",
        "train[lr=2]@local",
        "evaluate[lr=2]@local",
    ]


def test_without_shared_parameters_a_job_waits_for_every_upstream_job(make_cell):
    trains = [make_cell("train", {"lr": lr}, label=f"lr={lr}") for lr in (1, 2)]
    report = make_cell("report", {"title": "x"}, after=(TRAIN,))

    jobs = link([(cell, "local") for cell in (*trains, report)])

    assert edges(jobs) == {"report@local": {"train": ("train[lr=1]@local", "train[lr=2]@local")}}


@pytest.mark.parametrize(
    ("trains", "evaluate", "meant"),
    [
        (["a", "b"], "b", ["train@b"]),
        (["a"], "b", ["train@a"]),
        (["vision/a"], "b", ["train@vision/a"]),
    ],
    ids=["its own", "the only one", "of a folder"],
)
def test_an_edge_leads_to_the_own_executor_or_to_the_only_other_one(
    make_cell, trains, evaluate, meant
):
    train, after = make_cell("train"), make_cell("evaluate", after=(TRAIN,))

    jobs = link([*((train, name) for name in trains), (after, evaluate)])

    assert edges(jobs) == {f"evaluate@{evaluate}": {"train": tuple(meant)}}


def test_several_other_executors_are_refused_unless_the_task_names_one(make_cell):
    train = make_cell("train")
    placed = [(train, "a"), (train, "b")]

    with pytest.raises(UsageError) as caught:
        link([*placed, (make_cell("evaluate", after=(TRAIN,)), "c")])
    unknown = make_cell("evaluate", after=(TRAIN,), after_on={TRAIN: ("x",)})
    with pytest.raises(UsageError) as elsewhere:
        link([*placed, (unknown, "c")])
    named = link([*placed, (make_cell("evaluate", after=(TRAIN,), after_on={TRAIN: ("b",)}), "a")])

    assert caught.value.message == "evaluate@c comes after train, and may mean train@a and train@b"
    assert caught.value.hint == ('say which, after=["train@a"], or run both tasks on one executor')
    assert elsewhere.value.message == (
        "evaluate@c comes after train@x, and there is only train@a and train@b"
    )
    assert edges(named) == {"evaluate@a": {"train": ("train@b",)}}


def test_each_upstream_cell_is_looked_for_on_its_own(make_cell):
    seeds = [make_cell("train", {"seed": seed}, label=f"seed={seed}") for seed in (0, 1)]
    evaluates = [
        make_cell("evaluate", {"seed": seed}, label=f"seed={seed}", after=(TRAIN,))
        for seed in (0, 1)
    ]
    report = make_cell("report", after=(TRAIN,))
    trains = [(seeds[0], "a"), (seeds[1], "b")]

    jobs = link([*trains, *((cell, "a") for cell in (*evaluates, report))])

    assert edges(jobs) == {
        "evaluate[seed=0]@a": {"train": ("train[seed=0]@a",)},
        "evaluate[seed=1]@a": {"train": ("train[seed=1]@b",)},
        "report@a": {"train": ("train[seed=0]@a", "train[seed=1]@b")},
    }


def test_an_upstream_task_that_is_not_selected_is_not_waited_for(make_cell):
    (job,) = link([(make_cell("evaluate", after=(TRAIN,)), "local")])

    assert job.after == {}


def test_upstream_tasks_of_one_name_are_waited_for_together(make_cell):
    after = ("a/x.py::train", "b/x.py::train")
    cells = [make_cell("train", file=f"{folder}/x.py") for folder in "ab"]

    jobs = link([(cell, "local") for cell in (*cells, make_cell("evaluate", after=after))])

    assert edges(jobs) == {
        "evaluate@local": {"train": ("a/x.py::train@local", "b/x.py::train@local")}
    }


@pytest.mark.parametrize(
    ("train", "evaluate", "wanted"),
    [
        ([{"lr": 1}], {"lr": 0.1}, "lr=0.1"),
        ([{"lr": 1, "seed": 0}], {"lr": 0.1, "seed": 0, "x": 1}, "lr=0.1"),
        ([{"lr": 1, "seed": 0}, {"lr": 2, "seed": 1}], {"lr": 1, "seed": 1}, "lr=1, seed=1"),
        ([{"on": 1}], {"on": True}, "on=True"),
        ([{"data": "x"}], {"data": "y" * 10_000 + "\n"}, "data='" + "y" * 58 + "…"),
    ],
    ids=["one", "one of two", "together", "true is not one", "long"],
)
def test_an_upstream_task_without_the_same_values_is_refused(make_cell, train, evaluate, wanted):
    cells = [make_cell("train", params, label=f"n={n}") for n, params in enumerate(train)]
    cells.append(make_cell("evaluate", evaluate, label="x=1", after=(TRAIN,)))

    with pytest.raises(UsageError) as caught:
        link([(cell, "local") for cell in cells])

    assert caught.value.message == (
        f"evaluate[x=1]@local comes after train, but no train job on local has {wanted}"
    )
    assert caught.value.hint.endswith("-k =evaluate")
