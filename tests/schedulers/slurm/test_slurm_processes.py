"""Jobs of several processes on a real cluster: who each one is, and how they meet."""

from __future__ import annotations

import json
from functools import partial

import pytest

from nemorun_discover.executors.launchers import FaultTolerance, Launcher, Torchrun
from nemorun_discover.executors.slurm import SlurmExecutor
from tests.schedulers.slurm.place import submission, unit

# Names of the cluster's nodes are known to Slurm only, and all of them are this machine.
HERE = {"GLOO_SOCKET_IFNAME": "lo"}
ALL_REDUCE = """
    import os

    import torch
    import torch.distributed as dist

    def f():
        dist.init_process_group("gloo")
        mine = torch.tensor([float(dist.get_rank() + 1)])
        dist.all_reduce(mine)
        print(f"rank {dist.get_rank()} of {dist.get_world_size()} has {mine.item():g}", flush=True)
        dist.destroy_process_group()
        return mine.item()
"""


@pytest.fixture
def executor(place):
    """Settings for jobs that find torch."""
    return partial(SlurmExecutor, python=str(place.cluster.torch_python), env_vars=HERE)


def result_of(place, job):
    return json.loads(place.see(f"{place.paths.job(job.job.slug)}/result.json").read_text())


def test_every_task_is_told_who_it_is(place):
    place.code(
        "tasks.py",
        """
        import os
        NAMES = ["RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "NODE_RANK", "GROUP_RANK",
                 "NEMORUN_NNODES", "NEMORUN_NODE_RANK"]

        def f():
            print("SEEN", *(os.environ[name] for name in NAMES), flush=True)
            return os.environ["RANK"]
        """,
    )
    job = submission(function=True, executor=SlurmExecutor(nodes=2, ntasks_per_node=2))

    place.submit(unit(job))

    assert place.ended(job)["exit_code"] == 0
    lines = sorted(
        one.partition(": SEEN ")[2] for one in place.log(job).splitlines() if "SEEN" in one
    )
    assert lines == [
        "0 4 0 2 0 0 2 0",
        "1 4 1 2 0 0 2 0",
        "2 4 0 2 1 1 2 1",
        "3 4 1 2 1 1 2 1",
    ]
    assert result_of(place, job) == "0"


def test_a_job_of_one_process_is_told_of_no_others(place):
    job = submission(command=("bash", "-c", 'echo "[${RANK-none} $NEMORUN_NNODES]"'))

    place.submit(unit(job))

    place.ended(job)
    assert "[none 1]" in place.log(job)


def test_the_first_task_that_fails_ends_the_others(place):
    text = 'if [ "$RANK" = 1 ]; then exit 9; fi; sleep 100'
    job = submission(command=("bash", "-c", text), executor=SlurmExecutor(ntasks_per_node=2))

    place.submit(unit(job))

    assert place.ended(job)["exit_code"] == 9


def test_a_task_that_is_done_early_does_not_end_the_others(place):
    text = 'if [ "$RANK" = 1 ]; then exit 0; fi; sleep 4; echo done'
    job = submission(command=("bash", "-c", text), executor=SlurmExecutor(ntasks_per_node=2))

    place.submit(unit(job))

    assert place.ended(job)["exit_code"] == 0
    assert "0: done" in place.log(job)


def test_processes_without_a_launcher_meet_over_two_nodes(place, executor):
    place.code("tasks.py", ALL_REDUCE)
    job = submission("plain", function=True, executor=executor(nodes=2, ntasks_per_node=2))

    place.submit(unit(job))

    assert place.ended(job)["exit_code"] == 0, place.log(job)
    assert result_of(place, job) == 10


def test_torchrun_meets_over_two_nodes(place, executor):
    place.code("tasks.py", ALL_REDUCE)
    job = submission(
        function=True, executor=executor(nodes=2, ntasks_per_node=2, launcher=Torchrun())
    )

    place.submit(unit(job))

    assert place.ended(job)["exit_code"] == 0, place.log(job)
    assert result_of(place, job) == 10
    assert "[default3]:rank 3 of 4 has 10" in place.log(job), "marked by its number of all four"


def test_torchrun_on_one_node_runs_a_script_in_each_process(place, executor):
    launcher = Torchrun()
    job = submission(
        command=("bash", "-c", 'echo "rank $RANK of $WORLD_SIZE"'),
        executor=executor(torchrun_nproc_per_node=2, launcher=launcher),
    )

    place.submit(unit(job))

    assert place.ended(job)["exit_code"] == 0, place.log(job)
    assert "rank 0 of 2" in place.log(job)
    assert "rank 1 of 2" in place.log(job)


def test_torchrun_alone_on_a_node_has_all_of_its_cpus(place, executor):
    job = submission(
        command=("bash", "-c", 'echo "$SLURM_CPUS_ON_NODE cpus"'),
        executor=executor(ntasks_per_node=2, exclusive=True, launcher=Torchrun()),
    )

    place.submit(unit(job))

    assert place.ended(job)["exit_code"] == 0, place.log(job)
    assert place.log(job).count("16 cpus") == 2, place.log(job)


def test_a_launcher_that_is_not_installed_is_one_line_and_127(place):
    job = submission(executor=SlurmExecutor(python="/usr/bin/python3", launcher=Torchrun()))

    place.submit(unit(job))

    assert place.ended(job)["exit_code"] == 127
    assert 'launcher = "torchrun" needs torch in /usr/bin/python3' in place.log(job)


def test_nsys_goes_around_every_task_and_finds_its_folder(place):
    # A stand-in: NVIDIA's program is not Debian's to give.
    place.code(
        "bin/nsys",
        '#!/bin/bash\nfor one; do case $one in --output=*) echo "${one#*=}";; esac; done\n'
        'while [[ $1 != *python3* ]]; do shift; done; exec "$@"\n',
    )
    setup = 'export PATH="$PWD/bin:$PATH"'
    job = submission(
        command=("echo", "the job"),
        executor=SlurmExecutor(launcher=Launcher(nsys_profile=True), setup_lines=setup),
    )

    place.submit(unit(job))

    assert place.ended(job)["exit_code"] == 0, place.log(job)
    folder = f"{place.paths.job(job.job.slug)}/nsys_profile"
    assert f"{folder}/profile_%p" in place.log(job)
    assert place.see(folder).is_dir()
    assert "the job" in place.log(job)


CALLBACK = """
    import os, signal, time
    import nemorun

    def f():
        nemorun.on_preempt(lambda: print("first", flush=True))
        @nemorun.on_preempt
        def save():
            print("saved", flush=True)
            raise SystemExit(3)
        print("ready", flush=True)
        while True:
            time.sleep(0.1)
"""


@pytest.mark.parametrize("signal", ["USR1@60", "B:USR1@60", "B:SIGUSR2@60"], ids=str)
def test_the_signal_before_the_end_calls_what_the_task_asked_for(place, signal):
    place.code("tasks.py", CALLBACK)
    job = submission(function=True, executor=SlurmExecutor(signal=signal))
    native_id = place.submit(unit(job))
    place.says(job, "ready")

    name = signal.removeprefix("B:").partition("@")[0]
    batch = ["--batch"] if signal.startswith("B:") else []
    place.cluster.run("scancel", *batch, f"--signal={name}", native_id)

    assert place.ended(job)["exit_code"] == 3
    assert "first\nsaved\n" in place.log(job)


def test_the_signal_does_not_end_a_function_that_asked_for_nothing(place):
    place.code(
        "tasks.py",
        """
        import time

        def f():
            print("ready", flush=True)
            time.sleep(3)
        """,
    )
    job = submission(function=True, executor=SlurmExecutor(signal="USR1@60"))
    native_id = place.submit(unit(job))
    place.says(job, "ready")

    place.cluster.run("scancel", "--signal=USR1", native_id)

    assert place.ended(job)["exit_code"] == 0


def test_the_signal_finds_a_script_as_every_program_finds_it(place):
    text = "echo ready; while :; do sleep 0.1; done"
    job = submission(command=("bash", "-c", text), executor=SlurmExecutor(signal="USR1@60"))
    native_id = place.submit(unit(job))
    place.says(job, "ready")

    place.cluster.run("scancel", "--signal=USR1", native_id)

    assert place.ended(job)["signal"] == "SIGUSR1"


def test_processes_of_torchrun_hear_the_signal_and_torchrun_lives(place, executor):
    place.code("tasks.py", CALLBACK.replace("raise SystemExit(3)", "os._exit(0)"))
    job = submission(
        function=True,
        executor=executor(signal="USR1@60", launcher=Torchrun(), torchrun_nproc_per_node=2),
    )
    native_id = place.submit(unit(job))
    place.says(job, "[default1]:ready")
    place.says(job, "[default0]:ready")

    place.cluster.run("scancel", "--signal=USR1", native_id)

    assert place.ended(job)["exit_code"] == 0, place.log(job)


def test_ft_restarts_its_processes_and_every_attempt_is_a_line_in_its_file(place, executor):
    text = (
        'echo "start $TORCHELASTIC_RESTART_COUNT"; touch "$FAULT_TOL_FINISHED_FLAG_FILE"; '
        '[ "$TORCHELASTIC_RESTART_COUNT" = 1 ] || exit 3'
    )
    launcher = FaultTolerance(max_restarts=1)
    job = submission(
        "ft", executor(launcher=launcher, ntasks_per_node=2), command=("bash", "-c", text)
    )

    native_id = place.submit(unit(job))

    assert place.ended(job)["exit_code"] == 0, place.log(job)
    assert "start 1" in place.log(job)
    folder = place.see(place.paths.job(job.job.slug))
    assert (folder / "ft_finished").exists()
    assert (folder / "job_results").read_text() == f"ft@slurm_a 1 {native_id} 0 null null\n"
