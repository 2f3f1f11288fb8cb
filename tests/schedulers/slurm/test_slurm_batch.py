"""Batch scripts on a real cluster: how a job ends is what its evidence says."""

from __future__ import annotations

import json

import pytest

from nemorun_discover.executors.slurm import SlurmExecutor
from tests.schedulers.slurm.place import again, submission, unit

FOREVER = "echo ready; while :; do sleep 0.1; done"


def bash(text: str, name: str = "train", **keywords):
    return submission(name, command=("bash", "-c", text), **keywords)


def outcome(ended):
    return ended["exit_code"], ended["signal"], ended["reason"]


def test_a_job_that_succeeds_says_so_and_has_its_log(place):
    job = bash("echo hello from $SLURMD_NODENAME")

    native_id = place.submit(unit(job))

    ended = place.ended(job)
    assert outcome(ended) == (0, None, None)
    assert ended["native_id"] == place.begun(job)["native_id"] == native_id
    assert "hello from b" in place.log(job)
    assert place.state(native_id) == "COMPLETED"
    attempt = place.see(place.paths.attempt(job.job.slug, 1))
    assert json.loads((attempt / "exit.json").read_text()) == ended


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("exit 7", (7, None, "EXIT_CODE")),
        ("exit 200", (200, None, "EXIT_CODE")),
        ("kill -SEGV $$", (None, "SIGSEGV", "SIGNAL")),
        ("nosuchprogram", (127, None, "EXIT_CODE")),
    ],
    ids=["a code", "a large code", "a signal", "a program that is not there"],
)
def test_a_job_that_fails_says_how(place, command, expected):
    job = bash(command)

    native_id = place.submit(unit(job))

    assert outcome(place.ended(job)) == expected
    assert place.state(native_id) == "FAILED"


def test_a_job_that_takes_more_memory_than_it_has_is_out_of_memory(place):
    if not place.cluster.site.memory_limits:
        pytest.skip("this machine has no cgroups that limit memory")
    job = bash("python3 -c 'x = bytearray(900_000_000)'", executor=SlurmExecutor(mem="100"))

    native_id = place.submit(unit(job))

    assert place.ended(job)["reason"] == "OUT_OF_MEMORY"
    assert place.state(native_id) in ("FAILED", "OUT_OF_MEMORY")


def test_a_job_is_ended_when_its_own_time_is_over_and_not_a_minute_later(place):
    job = bash(f"trap 'echo saved; exit 5' TERM; {FOREVER}", timeout_s=10)

    place.submit(unit(job))

    assert outcome(place.ended(job)) == (5, None, "TIMEOUT")
    assert "saved" in place.log(job)


def test_a_job_that_its_limit_cannot_end_is_killed(place):
    job = bash(f"trap '' TERM; {FOREVER}", timeout_s=10)

    place.submit(unit(job))

    assert outcome(place.ended(job)) == (None, "SIGKILL", "TIMEOUT")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"trap 'sleep 0.5; exit 5' TERM; {FOREVER}", (5, None, "CANCELLED")),
        (FOREVER, (None, "SIGTERM", "CANCELLED")),
    ],
    ids=["ends itself", "is ended"],
)
def test_a_cancelled_job_says_that_it_was_cancelled(place, text, expected):
    job = bash(text)
    native_id = place.submit(unit(job))
    place.says(job, "ready")

    place.cluster.run("scancel", native_id)

    assert outcome(place.ended(job)) == expected
    assert place.state(native_id) == "CANCELLED"


def test_what_was_known_is_there_when_a_cancelled_job_does_not_end_before_it_is_killed(place):
    job = bash(f"trap '' TERM; {FOREVER}")
    native_id = place.submit(unit(job))
    place.says(job, "ready")

    place.cluster.run("scancel", native_id)

    place.state(native_id)
    known = json.loads(place.soon(place.see(f"{place.paths.slurm}/ending/{job.job.slug}.1"), 10))
    assert known["reason"] == "CANCELLED"


def test_the_tasks_of_an_array_have_their_own_logs_evidence_and_variables(place):
    jobs = [
        bash(f"echo I am $NEMORUN_JOB_ID; exit {number}", f"train[n={number}]", task="train")
        for number in range(3)
    ]
    array = unit(*jobs)

    native_id = place.submit(array)

    ends = [place.ended(one) for one in jobs]
    assert [one["exit_code"] for one in ends] == [0, 1, 2]
    assert [one["native_id"] for one in ends] == [f"{native_id}_{n}" for n in range(3)]
    for number, job in enumerate(jobs):
        assert f"I am train[n={number}]@slurm_a\n" in place.log(job)


def test_one_task_of_an_array_can_reach_its_limit_alone(place):
    jobs = [
        bash("true" if number else FOREVER, f"train[n={number}]", task="train", timeout_s=12)
        for number in range(2)
    ]

    place.submit(unit(*jobs))

    assert [place.ended(one)["reason"] for one in jobs] == ["TIMEOUT", None]


def test_a_requeued_job_is_another_attempt_with_its_own_log_and_evidence(place):
    job = bash(
        f"echo attempt $NEMORUN_ATTEMPT; [ $NEMORUN_ATTEMPT = 2 ] || {{ {FOREVER}; }}",
        executor=SlurmExecutor(requeue=True),
    )
    native_id = place.submit(unit(job))
    place.says(job, "attempt 1")

    place.cluster.run("scontrol", "requeue", native_id)

    assert outcome(place.ended(job, attempt=2)) == (0, None, None)
    assert place.ended(job)["reason"] == "REQUEUED"
    assert place.ended(job)["requeued"] is True
    assert "attempt 2" in place.log(job, attempt=2)
    assert "attempt 2" not in place.log(job)


def test_an_attempt_that_was_submitted_twice_runs_once(place):
    job = bash("echo ran; sleep 3")
    twin = unit(job)

    first = place.submit(twin)
    place.runs(job)
    second = place.submit(twin)

    assert place.state(second) == "COMPLETED"
    assert place.ended(job)["native_id"] == first
    assert place.log(job).count("ran\n") == 1
    assert f"job {second} was submitted for an attempt that job {first} has" in place.log(job)


def test_the_next_attempt_leaves_the_evidence_of_the_one_before(place):
    job = bash("exit $((NEMORUN_ATTEMPT - 1))")
    place.submit(unit(job))
    place.ended(job)

    place.submit(unit(again(job)))

    assert outcome(place.ended(again(job))) == (1, None, "EXIT_CODE")
    assert outcome(place.ended(job)) == (0, None, None)


def test_setup_lines_come_before_the_job_and_after_its_variables(place):
    executor = SlurmExecutor(
        env_vars={"PLACE": "here"}, setup_lines='export SEEN="set up $PLACE"\nset -eu\ncd /\n'
    )
    job = bash('echo "$SEEN in ${PWD##*/}"', executor=executor)

    place.submit(unit(job))

    assert place.ended(job)["exit_code"] == 0
    assert "set up here in code" in place.log(job)


@pytest.mark.parametrize(
    ("lines", "code"), [("exit 5", 5), ("set -e; false", 1), ("exit 0", 1)], ids=str
)
def test_setup_lines_that_end_the_script_are_a_failed_start(place, lines, code):
    job = bash("true", executor=SlurmExecutor(setup_lines=lines))

    place.submit(unit(job))

    assert outcome(place.ended(job)) == (code, None, "START_FAILED")


def test_a_step_that_never_ran_is_no_success(place):
    job = bash("true", executor=SlurmExecutor(setup_lines="srun() { return 0; }"))

    native_id = place.submit(unit(job))

    assert outcome(place.ended(job)) == (None, None, "START_FAILED")
    assert place.state(native_id) == "FAILED"


def test_a_job_that_is_cancelled_before_its_step_is_there_has_no_exit_code(place):
    ends_with_the_job = (
        "srun() { echo waiting; "
        'until ls "$nemorun_experiment"/slurm/ending/*.1; do sleep 0.1; done; return 1; }'
    )
    job = bash("true", executor=SlurmExecutor(setup_lines=ends_with_the_job))
    native_id = place.submit(unit(job))
    place.says(job, "waiting")

    place.cluster.run("scancel", native_id)

    assert outcome(place.ended(job)) == (None, None, "CANCELLED")


def test_an_interpreter_that_is_not_there_is_a_failed_start(place):
    job = bash("true", executor=SlurmExecutor(python="/nosuch/python3"))

    place.submit(unit(job))

    ended = place.ended(job)
    assert ended["reason"] == "START_FAILED"
    assert ended["exit_code"] != 0
    assert "/nosuch/python3" in place.log(job)


HOSTILE = {
    "WORDS": "two  words",
    "CODE": "x; touch pwn; $(touch pwn) `touch pwn`",
    "HOME_": "$HOME ${HOME} ~ *",
    "QUOTES": 'it\'s "quoted" \\ back',
    "LINES": "one\ntwo\n",
    "LETTERS": "é%j%%a",
}


def test_variables_arrive_as_they_are(place):
    program = "import json, os; print('SEEN', json.dumps({n: os.environ[n] for n in %r}))"
    job = submission(
        command=("python3", "-c", program % list(HOSTILE)), executor=SlurmExecutor(env_vars=HOSTILE)
    )

    place.submit(unit(job))

    place.ended(job)
    seen = place.log(job).partition("SEEN ")[2].splitlines()[0]
    assert json.loads(seen) == HOSTILE
    assert list(place.outside.rglob("pwn")) == []


def test_settings_arrive_in_slurm_as_they_are(place):
    hostile = 'x; touch pwn $HOME "é" it\'s \\ %j # no'
    executor = SlurmExecutor(comment=hostile, job_name_prefix=hostile)
    job = bash("sleep 20", executor=executor)

    native_id = place.submit(unit(job))

    shown = place.cluster.run("squeue", "-h", "-j", native_id, "-o", "%k|%j")
    comment, _, name = shown.partition("|")
    assert comment == f"{hostile} nemorun=20261122-0712-lab-x7k2/train@slurm_a.1"
    assert name == f"{hostile}train.x7k2"


def test_secrets_reach_the_job_and_no_file_but_their_own(place):
    job = bash(
        'echo "length ${#TOKEN}"',
        environment={"TOKEN": "s3cr3t it's"},
        executor=SlurmExecutor(secrets=["TOKEN"], setup_lines="set -x"),
    )

    place.submit(unit(job))

    place.ended(job)
    assert "length 11" in place.log(job)
    holding = [
        one for one in place.outside.rglob("*") if one.is_file() and b"s3cr3t" in one.read_bytes()
    ]
    assert [one.name for one in holding] == ["train@slurm_a.sh"]


def test_standard_error_can_have_a_log_of_its_own(place):
    job = bash("echo out; echo err >&2", executor=SlurmExecutor(stderr_to_stdout=False))

    place.submit(unit(job))

    place.ended(job)
    assert place.log(job) == "out\n"
    assert "err\n" in place.see(f"{place.paths.log(job.job.slug, 1)}.err").read_text()


def test_logs_are_found_in_a_folder_of_the_users_too(place):
    executor = SlurmExecutor()
    executor.job_details.folder = f"{place.base}/my logs"
    executor.job_details.job_name = "mine"
    job = bash("echo hello", executor=executor)

    native_id = place.submit(unit(job))

    place.ended(job)
    linked = place.see(f"{place.base}/my logs/mine_{native_id}.out")
    assert linked.is_symlink()
    assert place.see(str(linked.readlink())).read_text() == place.log(job)


def test_the_memory_of_the_gpus_is_written_down_beside_the_job(place):
    # A stand-in: no GPU here. What it is asked for, and that it is ended with the job, is real.
    place.code("bin/nvidia-smi", '#!/bin/bash\necho "$@"; exec sleep 100\n')
    setup = 'export PATH="$PWD/bin:$PATH"'
    job = bash("sleep 2", executor=SlurmExecutor(memory_measure=True, setup_lines=setup))

    native_id = place.submit(unit(job))

    assert place.ended(job)["exit_code"] == 0
    assert place.state(native_id) == "COMPLETED"
    table = place.see(f"{place.paths.attempt(job.job.slug, 1)}/gpu_memory.csv").read_text()
    assert "--query-gpu=timestamp,index,memory.used" in table


def test_a_job_that_slurm_ends_at_its_limit_says_so(place):
    job = bash(f"trap 'exit 5' TERM; {FOREVER}", executor=SlurmExecutor(time="5"))
    native_id = place.submit(unit(job))
    place.says(job, "ready")

    place.cluster.overrun(native_id)

    assert outcome(place.ended(job)) == (5, None, "TIMEOUT")
    assert place.state(native_id) == "TIMEOUT"


ONCE_TOLD = "echo waits; until [ -e go ]; do sleep 0.1; done"  # before srun is called


def test_a_controller_that_is_away_when_the_step_is_to_start_is_waited_for(place_to_break):
    place = place_to_break
    job = bash("echo ran", executor=SlurmExecutor(setup_lines=ONCE_TOLD))
    native_id = place.submit(unit(job))
    place.says(job, "waits")

    place.cluster.faults.stop_slurmctld()
    place.code("go", "")
    place.says(job, "it tries again")
    place.cluster.faults.start_slurmctld()

    assert outcome(place.ended(job)) == (0, None, None)
    assert place.log(job).count("ran\n") == 1
    assert place.state(native_id) == "COMPLETED"


def test_a_step_that_is_refused_for_another_reason_is_not_tried_again(place):
    job = bash("echo ran", executor=SlurmExecutor(srun_args=["--nodelist=nowhere"]))

    place.submit(unit(job))

    assert place.ended(job)["reason"] == "START_FAILED"
    assert "tries again" not in place.log(job)


def test_a_job_that_is_ended_while_the_controller_is_away_is_not_started_again(place_to_break):
    place = place_to_break
    job = bash("echo ran", executor=SlurmExecutor(setup_lines=ONCE_TOLD), timeout_s=12)
    place.submit(unit(job))
    place.says(job, "waits")

    place.cluster.faults.stop_slurmctld()
    place.code("go", "")

    assert place.ended(job)["reason"] == "TIMEOUT"
    assert "ran\n" not in place.log(job)
    place.cluster.faults.start_slurmctld()


def test_a_job_whose_node_died_is_closed_by_the_attempt_that_comes_after_it(place_to_break):
    place = place_to_break
    job = bash(
        f"echo attempt $NEMORUN_ATTEMPT; [ $NEMORUN_ATTEMPT = 2 ] || {{ {FOREVER}; }}",
        executor=SlurmExecutor(requeue=True),
    )
    native_id = place.submit(unit(job))
    place.says(job, "attempt 1")
    died = place.begun(job)["host"]

    place.cluster.faults.unplug(died)

    ended = place.ended(job, attempt=2)
    assert outcome(ended) == (0, None, None)
    assert ended["host"] != died
    before = place.ended(job)
    assert outcome(before) == (None, None, "REQUEUED")
    assert before["started_at"] == place.begun(job)["started_at"]
    assert (before["native_id"], before["host"]) == (native_id, died)
    assert before["requeued"] is True
