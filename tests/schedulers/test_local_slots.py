"""How many local jobs run at once, and which GPUs each of them sees."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.schedulers.local.slots import GPU_DEVICES, Slots, devices_of


@pytest.mark.parametrize(
    ("gpus", "visible", "devices"),
    [
        (["3", "5"], "0,1", ("3", "5")),
        ([], "0,1", ()),
        (None, "0,1", ("0", "1")),
        (None, " 2 , 0 ", ("2", "0")),
        (None, "", ()),
        (None, "-1", ()),
        (None, "0,-1,1", ("0",)),
        (None, "NoDevFiles", ()),
        (None, "GPU-8f2a,MIG-1/2/0", ("GPU-8f2a", "MIG-1/2/0")),
    ],
    ids=["own", "none", "env", "spaces", "empty", "hidden", "cut", "slurm", "uuid"],
)
def test_devices_are_the_executors_own_or_the_callers(gpus, visible, devices):
    env = {"CUDA_VISIBLE_DEVICES": visible}

    assert devices_of(LocalExecutor(gpus=gpus), env) == devices


def test_without_a_word_there_are_as_many_devices_as_the_driver_has():
    here = Path(GPU_DEVICES)
    count = len(list(here.iterdir())) if here.is_dir() else 0

    assert devices_of(LocalExecutor(), {}) == tuple(str(number) for number in range(count))


def test_there_are_as_many_places_as_the_executor_says():
    slots = Slots(LocalExecutor(max_parallel=2), {})
    slots.take("a")
    had_room = slots.has_room()
    slots.take("b")

    assert had_room
    assert not slots.has_room()


def test_there_are_as_many_places_as_cores_without_a_word():
    slots = Slots(LocalExecutor(), {})
    cores = len(os.sched_getaffinity(0))

    for number in range(cores - 1):
        slots.take(str(number))

    assert slots.has_room()
    slots.take("last")
    assert not slots.has_room()


def test_a_place_and_its_gpus_come_back():
    slots = Slots(LocalExecutor(max_parallel=1, gpus=["0", "1"], gpus_per_task=2), {})
    first = slots.take("a")

    slots.release("a")

    assert first == ("0", "1")
    assert slots.has_room()
    assert slots.take("b") == ("0", "1")


def test_releasing_what_holds_no_place_gives_none_away():
    slots = Slots(LocalExecutor(max_parallel=1, gpus=["0"], gpus_per_task=1), {})
    slots.take("a")

    slots.release("never started")

    assert not slots.has_room()


def test_every_job_gets_devices_of_its_own():
    slots = Slots(LocalExecutor(max_parallel=9, gpus=list("0123"), gpus_per_task=2), {})

    given = [slots.take("a"), slots.take("b")]

    assert given == [("0", "1"), ("2", "3")]
    assert not slots.has_room()


def test_a_job_of_several_tasks_takes_one_place_and_gpus_for_all_of_them():
    executor = LocalExecutor(max_parallel=2, gpus=list("01234"), gpus_per_task=1, ntasks_per_node=2)
    slots = Slots(executor, {})

    given = [slots.take("a"), slots.take("b")]

    assert given == [("0", "1"), ("2", "3")]
    assert not slots.has_room()


@pytest.mark.parametrize(
    ("jobs", "has_room", "ever"), [(1, True, True), (2, False, True), (3, False, False)], ids=str
)
def test_jobs_that_start_together_need_gpus_for_all_of_them(jobs, has_room, ever):
    slots = Slots(LocalExecutor(max_parallel=9, gpus=list("01"), gpus_per_task=1), {})
    slots.take("other")

    assert slots.has_room(jobs) is has_room
    assert slots.can_ever_have_room(jobs) is ever


def test_jobs_that_are_more_than_the_places_start_when_nothing_else_runs():
    slots = Slots(LocalExecutor(max_parallel=2), {})
    could_start = slots.has_room(3)

    slots.take("other")

    assert could_start
    assert not slots.has_room(3)


def test_the_devices_that_came_back_are_given_in_the_executors_order():
    slots = Slots(LocalExecutor(max_parallel=9, gpus=["10", "9", "2"], gpus_per_task=1), {})
    for job in ("a", "b", "c"):
        slots.take(job)

    for job in ("c", "a"):
        slots.release(job)

    assert [slots.take("d"), slots.take("e")] == [("10",), ("2",)]


def test_an_adopted_job_keeps_its_devices():
    slots = Slots(LocalExecutor(max_parallel=9, gpus=["0", "1"], gpus_per_task=1), {})

    slots.keep("old", ("0",))

    assert slots.take("new") == ("1",)
    assert not slots.has_room()


def test_devices_that_are_not_the_executors_do_not_become_its_own():
    slots = Slots(LocalExecutor(max_parallel=9, gpus=["0"], gpus_per_task=1), {})
    slots.keep("old", ("7",))

    slots.release("old")

    assert [slots.take("new"), slots.has_room()] == [("0",), False]


def test_two_executors_do_not_give_one_device_away_twice():
    busy = set()
    env = {"CUDA_VISIBLE_DEVICES": "0,1"}
    small, large = (
        Slots(LocalExecutor(max_parallel=9, gpus_per_task=count), env, busy) for count in (1, 2)
    )

    first = small.take("a")
    has_room = large.has_room()
    small.release("a")

    assert first == ("0",)
    assert not has_room
    assert large.has_room()


def test_a_job_that_asks_for_no_gpu_takes_none():
    busy = set()
    env = {"CUDA_VISIBLE_DEVICES": "0"}
    without = Slots(LocalExecutor(max_parallel=9), env, busy)
    wanting = Slots(LocalExecutor(max_parallel=9, gpus_per_task=1), env, busy)

    taken = without.take("a")
    without.keep("adopted", ("0",))

    assert taken == ()
    assert wanting.has_room()
