"""How many local jobs run at once, and which GPUs each of them sees."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.schedulers.local.slots import (
    GPU_DEVICES,
    VARIABLE,
    Holder,
    MachineGpus,
    Slots,
    devices_of,
    locks_folder,
    number_of,
)


def holder(job, experiment="20261122-0712-lab-x7k2", kind="local"):
    return Holder(kind=kind, experiment=experiment, job=job, home="/home")


@pytest.fixture
def machine(tmp_path):
    """A new look at the locks of one machine, as every driver has one of its own."""
    return lambda **fields: MachineGpus({VARIABLE: str(tmp_path / "locks")}, **fields)


@pytest.fixture
def places(machine):
    """The places of an executor, those of one driver."""
    gpus = machine()
    return lambda executor, env: Slots(executor, env, gpus, holder)


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


def test_there_are_as_many_places_as_the_executor_says(places):
    slots = places(LocalExecutor(max_parallel=2), {})
    slots.take("a")
    had_room = slots.has_room("next")
    slots.take("b")

    assert had_room
    assert not slots.has_room("next")


def test_there_are_as_many_places_as_cores_without_a_word(places):
    slots = places(LocalExecutor(), {})
    cores = len(os.sched_getaffinity(0))

    for number in range(cores - 1):
        slots.take(str(number))

    assert slots.has_room("next")
    slots.take("last")
    assert not slots.has_room("next")


def test_a_place_and_its_gpus_come_back(places):
    slots = places(LocalExecutor(max_parallel=1, gpus=["0", "1"], gpus_per_task=2), {})
    first = slots.take("a")

    slots.release("a")

    assert first == ("0", "1")
    assert slots.has_room("next")
    assert slots.take("b") == ("0", "1")


def test_releasing_what_holds_no_place_gives_none_away(places):
    slots = places(LocalExecutor(max_parallel=1, gpus=["0"], gpus_per_task=1), {})
    slots.take("a")

    slots.release("never started")

    assert not slots.has_room("next")


def test_every_job_gets_devices_of_its_own(places):
    slots = places(LocalExecutor(max_parallel=9, gpus=list("0123"), gpus_per_task=2), {})

    given = [slots.take("a"), slots.take("b")]

    assert given == [("0", "1"), ("2", "3")]
    assert not slots.has_room("next")


def test_a_job_of_several_tasks_takes_one_place_and_gpus_for_all_of_them(places):
    executor = LocalExecutor(max_parallel=2, gpus=list("01234"), gpus_per_task=1, ntasks_per_node=2)
    slots = places(executor, {})

    given = [slots.take("a"), slots.take("b")]

    assert given == [("0", "1"), ("2", "3")]
    assert not slots.has_room("next")


@pytest.mark.parametrize(
    ("jobs", "has_room", "ever"), [(1, True, True), (2, False, True), (3, False, False)], ids=str
)
def test_jobs_that_start_together_need_gpus_for_all_of_them(jobs, has_room, ever, places):
    slots = places(LocalExecutor(max_parallel=9, gpus=list("01"), gpus_per_task=1), {})
    slots.take("other")

    assert slots.has_room(*map(str, range(jobs))) is has_room
    assert slots.can_ever_have_room(jobs) is ever


def test_jobs_that_are_more_than_the_places_start_when_nothing_else_runs(places):
    slots = places(LocalExecutor(max_parallel=2), {})
    could_start = slots.has_room("a", "b", "c")

    slots.take("other")

    assert could_start
    assert not slots.has_room("a", "b", "c")


def test_the_devices_that_came_back_are_given_in_the_executors_order(places):
    slots = places(LocalExecutor(max_parallel=9, gpus=["10", "9", "2"], gpus_per_task=1), {})
    for job in ("a", "b", "c"):
        slots.take(job)

    for job in ("c", "a"):
        slots.release(job)

    assert [slots.take("d"), slots.take("e")] == [("10",), ("2",)]


def test_an_adopted_job_keeps_its_devices(places):
    slots = places(LocalExecutor(max_parallel=9, gpus=["0", "1"], gpus_per_task=1), {})

    slots.keep("old", ("0",))

    assert slots.take("new") == ("1",)
    assert not slots.has_room("next")


def test_devices_that_are_not_the_executors_do_not_become_its_own(places):
    slots = places(LocalExecutor(max_parallel=9, gpus=["0"], gpus_per_task=1), {})
    slots.keep("old", ("7",))

    slots.release("old")

    assert [slots.take("new"), slots.has_room("next")] == [("0",), False]


def test_two_executors_do_not_give_one_device_away_twice(places):
    env = {"CUDA_VISIBLE_DEVICES": "0,1"}
    small, large = (
        places(LocalExecutor(max_parallel=9, gpus_per_task=count), env) for count in (1, 2)
    )

    first = small.take("a")
    has_room = large.has_room("next")
    small.release("a")
    small.let_go()

    assert first == ("0",)
    assert not has_room
    assert large.has_room("next")


def test_a_job_that_asks_for_no_gpu_takes_none(places):
    env = {"CUDA_VISIBLE_DEVICES": "0"}
    without = places(LocalExecutor(max_parallel=9), env)
    wanting = places(LocalExecutor(max_parallel=9, gpus_per_task=1), env)

    taken = without.take("a")
    without.keep("adopted", ("0",))

    assert taken == ()
    assert wanting.has_room("next")


THE_OTHER = holder("train@local", experiment="20261121-0000-other-aaaa")


def test_a_gpu_is_given_away_once_on_a_machine_whoever_asks(machine):
    first, second = machine(), machine()
    (lock,) = first.take(["0"], 1, lambda _: THE_OTHER)

    told = second.take(["0", "1"], 2, lambda _: holder("eval@local"))
    (other,) = second.take(["0", "1"], 1, lambda _: holder("eval@local"))

    assert told == [THE_OTHER]  # and the one that was free has been given back
    assert other.device == "1"
    first.release(lock)
    (lock,) = second.take(["0"], 1, lambda _: holder("eval@local"))
    assert lock.device == "0"


def test_a_job_has_its_gpu_as_long_as_one_of_its_processes_lives(machine):
    """Whoever started it may be killed: the kernel keeps the lock for what was handed the descriptor."""
    first, second = machine(), machine()
    (lock,) = first.take(["0"], 1, lambda _: THE_OTHER)
    job = subprocess.Popen(
        [sys.executable, "-c", "import os; os.fork() or print(1, flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[lock.descriptor],
    )
    first.release(lock)
    assert job.stdout.readline()  # the child has begun

    before = second.take(["0"], 1, lambda _: holder("eval@local"))
    job.kill()  # the parent; its child lives on
    job.wait()
    while_the_child_lives = second.take(["0"], 1, lambda _: holder("eval@local"))
    job.stdin.close()
    job.stdout.close()

    assert before == while_the_child_lives == [THE_OTHER]
    while not (locks := second.take(["0"], 1, lambda _: holder("eval@local"))) or locks == before:
        pass
    assert locks[0].device == "0"


@pytest.mark.parametrize(
    ("runs", "is_taken"), [(True, False), (None, False), (False, True)], ids=["runs", "?", "ended"]
)
def test_a_container_has_its_gpu_while_it_runs_though_nobody_holds_the_lock(
    machine, tmp_path, runs, is_taken
):
    box = holder("train@box", experiment="20261121-0000-other-aaaa", kind="docker")
    program = (
        "import os, sys\n"
        "from nemorun_discover.schedulers.local.slots import Holder, MachineGpus\n"
        f"MachineGpus({{{VARIABLE!r}: sys.argv[1]}}).take(['0'], 1, lambda _: {box!r})\n"
        "os.kill(os.getpid(), 9)"
    )
    driver = [sys.executable, "-c", program, str(tmp_path / "locks")]
    assert subprocess.run(driver, check=False).returncode == -9
    asked = []

    found = machine(still_runs=lambda one: asked.append(one) or runs).take(
        ["0"], 1, lambda _: holder("eval@local")
    )

    assert asked == [box]
    assert (found == [box]) is not is_taken
    again = machine(still_runs=lambda _: pytest.fail("it is its own")).retake("0", box)
    assert (again is not None) is not is_taken


def test_a_folder_of_locks_that_is_not_ours_is_refused(tmp_path):
    (tmp_path / "anybodys").mkdir()
    (tmp_path / "locks").symlink_to(tmp_path / "anybodys")

    with pytest.raises(ExecutorRefused) as raised:
        MachineGpus({VARIABLE: str(tmp_path / "locks")}).take(["0"], 1, lambda _: THE_OTHER)

    assert "cannot be locked" in raised.value.message
    assert VARIABLE in raised.value.hint


def test_the_locks_are_where_every_shell_of_a_user_looks():
    usual = Path(f"/tmp/nemorun-gpus-{os.getuid()}")

    assert locks_folder({"TMPDIR": "/elsewhere", "XDG_RUNTIME_DIR": "/run/user/0"}) == usual
    assert locks_folder({VARIABLE: "/mine"}) == Path("/mine")
    assert locks_folder({"SLURM_JOB_ID": "41"}) == Path(f"{usual}-slurm-41")


@pytest.mark.parametrize(
    ("device", "number"),
    [("GPU-8f2a", "1"), ("GPU-8f2a-77", "1"), ("GPU-", "GPU-"), ("GPU-9", "GPU-9"), ("3", "3")],
)
def test_a_uuid_names_the_gpu_that_a_number_names(device, number):
    assert number_of(device, ["GPU-11", "GPU-8f2a-77", ""]) == number


def test_who_waits_is_told_for_whom(machine, places):
    machine().take(["0"], 1, lambda _: THE_OTHER)
    slots = places(LocalExecutor(max_parallel=9, gpus=["0", "1"], gpus_per_task=2), {})

    assert not slots.has_room("eval@local")
    assert slots.waiting == {
        "eval@local": "1 GPU held by 20261121-0000-other-aaaa train@local",
    }
