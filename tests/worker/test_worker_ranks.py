"""A job of several processes that no launcher starts: who is who, whose end counts, what is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from nemorun_discover.worker.ranks import rank_variables

PATIENCE_S = 30.0
NAMES = (
    "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "NODE_RANK", "GROUP_RANK", "MASTER_ADDR", "MASTER_PORT",
)  # fmt: skip


def test_a_process_of_a_node_knows_its_number_in_the_job():
    env = {"NEMORUN_NNODES": "3", "NEMORUN_NODE_RANK": "2", "MASTER_ADDR": "node-0"}

    told = rank_variables(1, 4, env, port=4000)

    assert [told[name] for name in NAMES] == ["9", "12", "1", "4", "2", "2", "node-0", "4000"]
    assert set(told) == set(NAMES)


@pytest.mark.parametrize(
    ("gpus", "visible", "seen"),
    [(1, "4,5,6", ["4", "5", "6"]), (2, "0,1,2,3,4,5", ["0,1", "2,3", "4,5"])],
    ids=["one each", "two each"],
)
def test_every_process_has_gpus_of_its_own(gpus, visible, seen):
    env = {"CUDA_VISIBLE_DEVICES": visible}

    told = [rank_variables(rank, 3, env, port=1, gpus_per_rank=gpus) for rank in range(3)]

    assert [one["CUDA_VISIBLE_DEVICES"] for one in told] == seen


def ranks(bench, text, *, count=3, command=(), options=(), env=None, **fields):
    """Run the job as several processes; what it left, its log with it."""
    bench.write(text)
    bench.prepare(**fields)
    answer = subprocess.run(
        [sys.executable, *bench.command(), "--ranks", str(count), *options, *command],
        cwd=bench.root,
        env={**bench.environment(), **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=60,
    )
    return bench.outcome(answer.stdout.decode())


def test_all_processes_run_and_know_each_other(bench):
    outcome = ranks(
        bench,
        f"""
        import json, os
        def f():
            told = [os.environ[name] for name in {NAMES}]
            print(json.dumps(told), flush=True)
            return told[0]
        """,
    )

    told = sorted(json.loads(line) for line in outcome.log.splitlines())
    assert [one[:-1] for one in told] == [
        [str(n), "3", str(n), "3", "0", "0", "127.0.0.1"] for n in range(3)
    ]
    assert len({one[-1] for one in told}) == 1
    assert outcome.exit_code == 0


def test_the_result_is_that_of_rank_0(bench):
    outcome = ranks(
        bench,
        """
        import os, time
        def f():
            if os.environ["RANK"] == "0":
                time.sleep(0.5)  # the others have come and gone
            return os.environ["RANK"]
        """,
    )

    assert outcome.result == "0"


def test_an_earlier_result_is_taken_away_and_a_later_one_kept(bench):
    bench.paths.result.write_text('"old"')

    outcome = ranks(bench, "def f(): pass")

    assert not outcome.has_result


FAILS = """
    import os, sys, time
    def f():
        rank = os.environ["RANK"]
        if rank != "1":
            open(rank, "w").close()
            time.sleep(600)
        while not (os.path.exists("0") and os.path.exists("2")):
            time.sleep(0.01)
        END
"""


@pytest.mark.parametrize(
    ("end", "code", "signal"),
    [
        ("raise ValueError('of rank 1')", 1, None),
        ("sys.exit(7)", 7, None),
        ("os.kill(os.getpid(), 9)", None, "SIGKILL"),
    ],
    ids=["raises", "exits", "killed"],
)
def test_the_first_process_that_fails_ends_the_others_and_its_end_is_the_jobs(
    bench, end, code, signal
):
    outcome = ranks(bench, FAILS.replace("END", end))

    assert (outcome.exit["exit_code"], outcome.exit["signal"]) == (code, signal)
    assert outcome.exit["reason"] == ("EXIT_CODE" if code else "SIGNAL")
    if code == 1:
        assert (outcome.error["message"], outcome.error["rank"]) == ("of rank 1", 1)
    else:
        assert outcome.error is None


def test_the_error_is_that_of_the_process_that_failed_first(bench):
    outcome = ranks(
        bench,
        """
        import os, signal, time
        def stop(*_):
            raise RuntimeError("of a rank that was ended")
        def f():
            rank = os.environ["RANK"]
            if rank != "2":
                signal.signal(signal.SIGTERM, stop)
                open(rank, "w").close()
                time.sleep(600)
            while not (os.path.exists("0") and os.path.exists("1")):
                time.sleep(0.01)
            raise ValueError("the cause")
        """,
    )

    assert (outcome.error["type"], outcome.error["message"]) == ("ValueError", "the cause")
    assert outcome.error["rank"] == 2
    assert (
        outcome.log.count("of a rank that was ended") == 4
    )  # the raise's own line, and the message


def test_a_process_that_does_not_heed_the_others_end_is_killed(bench):
    outcome = ranks(
        bench,
        """
        import os, signal, sys, time
        def f():
            if os.environ["RANK"] == "0":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                open("deaf", "w").close()
                while True:
                    time.sleep(1)
            while not os.path.exists("deaf"):
                time.sleep(0.01)
            sys.exit(5)
        """,
        count=2,
        grace_s=0.3,
    )

    assert (outcome.exit_code, outcome.exit["reason"]) == (5, "EXIT_CODE")


def test_the_job_lasts_as_long_as_its_last_process(bench):
    outcome = ranks(
        bench,
        """
        import os, time
        def f():
            if os.environ["RANK"] == "2":
                time.sleep(0.5)
                print("last", flush=True)
        """,
    )

    assert (outcome.exit_code, outcome.log) == (0, "last\n")


def test_lines_of_several_processes_are_whole(bench):
    outcome = ranks(
        bench,
        """
        import os
        def f():
            for number in range(200):
                print("rank", os.environ["RANK"], "line", number, sep=" ")
        """,
    )

    expected = {f"rank {rank} line {number}" for rank in range(3) for number in range(200)}
    assert set(outcome.log.splitlines()) == expected


def test_every_process_becomes_a_script(bench):
    program = "import os; os.write(1, '{RANK} {LOCAL_WORLD_SIZE}\\n'.format(**os.environ).encode())"

    outcome = ranks(bench, "", argv=[sys.executable, "-c", program], function=None)

    assert sorted(outcome.log.split("\n")) == ["", "0 3", "1 3", "2 3"]


def test_a_port_that_the_environment_names_is_kept(bench):
    text = "import os\ndef f(): return os.environ['MASTER_ADDR'], os.environ['MASTER_PORT']"

    outcome = ranks(bench, text, env={"MASTER_ADDR": "node-0", "MASTER_PORT": "4711"})

    assert outcome.result == ["node-0", "4711"]


def test_what_a_process_started_in_a_session_of_its_own_is_ended_with_the_job(bench):
    outcome = ranks(
        bench,
        """
        import os, subprocess
        def f():
            if os.environ["RANK"] == "1":
                child = subprocess.Popen(["sleep", "600"], start_new_session=True)
                print(child.pid, flush=True)
        """,
    )

    assert outcome.exit_code == 0
    until(lambda: not is_running(int(outcome.log)))


def test_every_process_is_written_down(bench):
    process = ranks(bench, "def f(): pass").process

    assert process["child"] == process["children"][0]
    assert len({one["pid"] for one in process["children"]}) == 3


def test_a_command_may_stand_for_the_job_in_every_process(bench):
    runtime, *rest = bench.command()

    outcome = ranks(
        bench,
        "import os\ndef f(): print(os.environ['RANK'], os.environ['WRAPPED'], flush=True)",
        command=["--", "env", "WRAPPED=yes", sys.executable, runtime, "--rank", *rest],
    )

    assert sorted(outcome.log.split("\n")) == ["", "0 yes", "1 yes", "2 yes"]


def test_every_python_starts_several_processes(bench, any_python):
    bench.write("import os\ndef f(): return os.environ['WORLD_SIZE']")
    bench.prepare()

    subprocess.run(
        [any_python, *bench.command(), "--ranks", "2"],
        cwd=bench.root,
        env=bench.environment(),
        check=True,
        timeout=60,
    )

    assert json.loads(bench.paths.result.read_text()) == "2"


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ("torch.distributed.run", 'launcher = "torchrun" needs torch in'),
        (
            "nvidia_resiliency_ext.fault_tolerance.launcher",
            'launcher = "ft" needs nvidia_resiliency_ext in',
        ),
    ],
    ids=["torchrun", "ft"],
)
def test_a_launcher_whose_package_is_missing_says_so_in_one_line(bench, tmp_path, module, sentence):
    bench.write("def f(): pass")
    bench.prepare()
    python = bare_python(tmp_path)

    answer = subprocess.run(
        [python, *bench.command(), "--", python, "-m", module, "--no-python", "true"],
        cwd=bench.root,
        env=bench.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    distribution = "torch" if module.startswith("torch") else "nvidia-resiliency-ext"
    assert answer.stderr == f"nemorun: {sentence} {python}: pip install {distribution}\n"
    assert bench.outcome(answer.stdout).exit_code == 127


def bare_python(tmp_path):
    """An interpreter in which nothing is installed."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True
    )
    return str(tmp_path / "bare" / "bin" / "python")


def test_a_launcher_that_is_not_there_is_a_command_that_was_not_found(bench):
    bench.write("def f(): pass")
    bench.prepare()

    answer = subprocess.run(
        [sys.executable, *bench.command(), "--", "no-such-launcher", "x"],
        cwd=bench.root,
        env=bench.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.stderr == "nemorun: no-such-launcher: No such file or directory\n"
    assert bench.outcome("").exit_code == 127


def until(is_so):
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = subprocess.run(
        ["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return state not in ("", "Z", "X")
