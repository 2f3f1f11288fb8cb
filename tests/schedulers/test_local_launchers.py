"""The real torchrun, the real ft_launcher and plain processes, doing an all-reduce over gloo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from nemorun_discover.executors.launchers import FaultTolerance, Torchrun
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.model.layout import JobLayout
from nemorun_discover.model.state import State
from tests.schedulers.scheduler_contract import until, until_final

ALL_REDUCE = """
    import os, torch, torch.distributed as dist

    def f():
        dist.init_process_group("gloo")
        number = torch.tensor([float(dist.get_rank() + 1)])
        dist.all_reduce(number)
        print("node", os.environ["NODE_RANK"], "rank", dist.get_rank(), "sum", number.item())
        dist.destroy_process_group()
        return number.item()
"""
WAITS = """
    import os, time
    def f():
        print("begun", flush=True)
        time.sleep(600)
"""
DEAF = """
    import os, signal, subprocess, time
    def f():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        print("begun", flush=True)
        while True:
            time.sleep(1)
"""


def executor(launcher, tasks=2, **fields):
    return LocalExecutor(
        launcher=launcher, ntasks_per_node=tasks, **{"max_parallel": 4, "grace_s": 2} | fields
    )


def log_of(submission):
    return submission.paths.attempt(1).log.read_text()


def result_of(submission):
    return json.loads(submission.paths.result.read_text())


def processes_of(submission):
    """Every process that belongs to the job, whatever session it is in."""
    mark = f"NEMORUN_JOB_DIR={submission.paths.root}"
    listed = subprocess.run(
        ["ps", "-e", "eww", "-o", "state=,pid=,args="], capture_output=True, text=True, check=True
    ).stdout
    return [line for line in listed.splitlines() if mark in line and not line.startswith("Z")]


def test_a_function_reduces_over_the_processes_of_torchrun(place):
    place.executor = executor("torchrun")
    submission = place.function("a", ALL_REDUCE)
    scheduler = place.scheduler()

    scheduler.submit(submission)
    fact = until_final(scheduler, submission)

    assert fact.exit_code == 0, log_of(submission)
    assert result_of(submission) == 3.0
    for rank in range(2):
        assert f"[default{rank}]:node 0 rank {rank} sum 3.0\n" in log_of(submission)
    assert processes_of(submission) == []


def test_a_script_reduces_over_the_processes_of_torchrun(place):
    place.executor = executor(Torchrun(), tasks=2)
    script = place.folder / "train it.py"
    script.write_text(f"NAME = 'x'\n{unindented(ALL_REDUCE)}\nprint('sum is', f())\n")
    submission = place.submission("a", f"exec {sys.executable} 'train it.py'")
    scheduler = place.scheduler()

    scheduler.submit(submission)
    fact = until_final(scheduler, submission)

    assert fact.exit_code == 0, log_of(submission)
    assert log_of(submission).count("sum is 3.0\n") == 2


def unindented(text):
    return "\n".join(line.removeprefix("    ") for line in text.splitlines())


def test_two_jobs_of_torchrun_run_beside_each_other(place):
    place.executor = executor("torchrun")
    first, second = (place.function(name, ALL_REDUCE) for name in "ab")
    scheduler = place.scheduler()

    for one in (first, second):
        scheduler.submit(one)

    assert [until_final(scheduler, one).exit_code for one in (first, second)] == [0, 0]
    assert [result_of(one) for one in (first, second)] == [3.0, 3.0]


def test_plain_processes_find_each_other_by_their_environment(place):
    place.executor = executor(None, tasks=3)
    submission = place.function("a", ALL_REDUCE)
    scheduler = place.scheduler()

    scheduler.submit(submission)
    fact = until_final(scheduler, submission)

    assert fact.exit_code == 0, log_of(submission)
    assert result_of(submission) == 6.0
    assert {f"node 0 rank {rank} sum 6.0" for rank in range(3)} <= set(
        log_of(submission).splitlines()
    )


def test_two_jobs_of_plain_processes_run_beside_each_other(place):
    place.executor = executor(None, tasks=2)
    first, second = (place.function(name, ALL_REDUCE) for name in "ab")
    scheduler = place.scheduler()

    for one in (first, second):
        scheduler.submit(one)

    assert [until_final(scheduler, one).exit_code for one in (first, second)] == [0, 0]
    assert [result_of(one) for one in (first, second)] == [3.0, 3.0]


def test_the_nodes_of_an_allocation_reduce_together(place):
    """Two nodes, each with a `nemorun` of its own, on this one machine."""
    place.executor = executor("torchrun", tasks=1, nodes=2)
    schedulers = [
        place.scheduler(
            {**os.environ, "MASTER_ADDR": "localhost", "MASTER_PORT": "1", "NODE_RANK": str(node)}
        )
        for node in range(2)
    ]
    submissions = [place.function(name, ALL_REDUCE) for name in "ab"]
    submissions = [same_job(one, submissions[0], place) for one in submissions]

    for scheduler, submission in zip(schedulers, submissions, strict=True):
        scheduler.submit(submission)

    facts = [until_final(*pair) for pair in zip(schedulers, submissions, strict=True)]
    assert [fact.exit_code for fact in facts] == [0, 0], log_of(submissions[0])
    marks = {log_of(one).partition(":node")[0].splitlines()[-1] for one in submissions}
    assert marks == {"[default0]", "[default1]"}, "numbers of all processes, not of each node's"
    assert [one.paths.result.exists() for one in submissions].count(True) == 1


def same_job(one, first, place):
    """The same job in another experiment's folder, as another node has it."""
    paths = JobLayout(place.folder / one.job.slug / first.job.slug)
    paths.outputs.mkdir(parents=True)
    paths.job.write_bytes(one.paths.job.read_bytes())
    return replace(one, paths=paths, job=replace(one.job, slug=first.job.slug))


@pytest.mark.parametrize("launcher", ["torchrun", None], ids=["torchrun", "plain"])
def test_a_process_that_fails_ends_the_others_and_leaves_its_error(place, launcher):
    place.executor = executor(launcher)
    submission = place.function(
        "a",
        """
        import os, time
        import torch.distributed as dist
        def f():
            dist.init_process_group("gloo")
            if os.environ["RANK"] == "1":
                raise ValueError("of rank 1")
            dist.barrier()  # the others wait here for the one that has failed
        """,
    )
    scheduler = place.scheduler()

    scheduler.submit(submission)
    fact = until_final(scheduler, submission)

    assert (fact.state, fact.exit_code, fact.reason) == (State.FAILED, 1, "EXIT_CODE")
    error = json.loads(submission.paths.attempt(1).error.read_text())
    assert (error["type"], error["message"], error["rank"]) == ("ValueError", "of rank 1", 1)
    assert not submission.paths.result.exists()
    assert processes_of(submission) == []


@pytest.mark.parametrize("text", [WAITS, DEAF], ids=["heeds", "deaf"])
@pytest.mark.parametrize("launcher", ["torchrun", "ft", None], ids=["torchrun", "ft", "plain"])
def test_a_job_that_is_cancelled_leaves_no_process(place, launcher, text):
    place.executor = executor(launcher)
    submission = place.function("a", text)
    scheduler = place.scheduler()
    scheduler.submit(submission)
    until(lambda: log_of(submission).count("begun") == 2)

    scheduler.cancel([submission])

    assert until_final(scheduler, submission).state is State.CANCELLED
    assert processes_of(submission) == []


def test_a_job_of_torchrun_over_its_time_leaves_no_process(place):
    place.executor = executor("torchrun", grace_s=0.5)
    submission = place.function("a", DEAF, timeout_s=8)
    scheduler = place.scheduler()

    scheduler.submit(submission)
    fact = until_final(scheduler, submission)

    assert (fact.state, fact.reason) == (State.FAILED, "TIMEOUT")
    assert processes_of(submission) == []


def test_a_job_of_torchrun_whose_supervisor_died_leaves_no_process(place):
    place.executor = executor("torchrun")
    submission = place.function("a", DEAF)
    scheduler = place.scheduler()
    scheduler.submit(submission)
    until(lambda: log_of(submission).count("begun") == 2)

    scheduler._children[submission.job.id].kill()

    fact = until_final(scheduler, submission)
    assert (fact.state, fact.reason) == (State.FAILED, "LOST")
    assert processes_of(submission) == []


def test_a_launcher_leaves_its_logs_with_the_job(place, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    place.executor = executor("torchrun")
    submission = place.function("a", "def f(): print('hello')")
    scheduler = place.scheduler()
    before = set(tmp_path.iterdir())

    scheduler.submit(submission)
    until_final(scheduler, submission)

    logs = sorted((submission.paths.root / "torchrun").rglob("stdout.log"))
    assert [one.read_text() for one in logs] == ["hello\n", "hello\n"]
    assert set(tmp_path.iterdir()) == before


def test_the_users_own_way_to_mark_lines_stays(place):
    place.executor = executor("torchrun")
    template = {"TORCHELASTIC_LOG_LINE_PREFIX_TEMPLATE": "<${rank}> "}
    submission = place.submission("a", "echo hello", env_vars=template)
    scheduler = place.scheduler()

    scheduler.submit(submission)
    until_final(scheduler, submission)

    assert {"<0> hello", "<1> hello"} <= set(log_of(submission).splitlines())


def test_placeholders_are_filled_in_for_every_process_of_torchrun(place):
    place.executor = executor("torchrun")
    submission = place.submission(
        "a", "", env_vars={"SIZE": "${num_nodes_var}x${nproc_per_node_var}"}
    )
    told = json.loads(submission.paths.job.read_text())
    program = "import os, sys; print(sys.argv[1], os.environ['SIZE'])"
    told["argv"] = [sys.executable, "-c", program, "${node_rank_var}@${head_node_ip_var}"]
    submission.paths.job.write_text(json.dumps(told))
    scheduler = place.scheduler()

    scheduler.submit(submission)
    until_final(scheduler, submission)

    assert log_of(submission).count("]:0@localhost 1x2\n") == 2, log_of(submission)


def test_a_function_reduces_over_the_processes_of_ft_launcher(place):
    place.executor = executor(FaultTolerance(log_level="WARNING"))
    submission = place.function("a", ALL_REDUCE)
    scheduler = place.scheduler()

    scheduler.submit(submission)
    fact = until_final(scheduler, submission)

    assert fact.exit_code == 0, log_of(submission)
    assert result_of(submission) == 3.0


def test_ft_launcher_starts_the_processes_again_within_an_attempt(place):
    place.executor = executor(FaultTolerance(max_restarts=1, workload_check_interval=0.5))
    submission = place.function(
        "a",
        """
        import os
        def f():
            if os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
                raise ValueError("the first time")
            open(os.environ["FAULT_TOL_FINISHED_FLAG_FILE"], "w").close()
            return "again"
        """,
    )
    scheduler = place.scheduler()

    scheduler.submit(submission)
    fact = until_final(scheduler, submission)

    assert (fact.exit_code, result_of(submission)) == (0, "again"), log_of(submission)
    assert (submission.paths.root / "ft_finished").exists()


def test_ft_launcher_ends_a_process_that_does_not_beat_any_more(place):
    place.executor = executor(
        FaultTolerance(
            workload_check_interval=0.5,
            initial_rank_heartbeat_timeout=2,
            rank_heartbeat_timeout=2,
            rank_termination_signal="SIGKILL",
        ),
        tasks=1,
    )
    submission = place.function(
        "a",
        """
        import time
        from nvidia_resiliency_ext.fault_tolerance import RankMonitorClient
        def f():
            client = RankMonitorClient()
            client.init_workload_monitoring()
            client.send_heartbeat()
            time.sleep(600)
        """,
    )
    scheduler = place.scheduler()

    scheduler.submit(submission)
    fact = until_final(scheduler, submission)

    assert (fact.state, fact.exit_code) == (State.FAILED, 1), log_of(submission)
    assert "-9" in log_of(submission)
