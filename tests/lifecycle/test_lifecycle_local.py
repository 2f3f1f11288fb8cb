"""A local experiment from launch to end, with real processes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.executors.codec import executor_to_dict
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.lifecycle.cancel import cancel
from nemorun_discover.model.job import Job
from nemorun_discover.model.state import State
from nemorun_discover.model.task import Script

HOSTILE = ["two words", '{"a": 1}', "$HOME `id`", "a;b", "é\n'\"\\", "🙂", "", " lead", "-x"]


def test_the_return_value_becomes_the_result(lab):
    lab.write("def f(x: float):\n    return {'double': 2 * x}")

    jobs = lab.run(lab.job("f", params={"x": 1.5}))

    assert jobs["f"].state is State.SUCCEEDED
    assert jobs["f"].result == {"double": 3.0}


def test_an_exception_makes_the_job_fail_with_its_traceback(lab):
    lab.write("def inner():\n    raise ValueError('boom')\ndef f():\n    inner()")

    jobs = lab.run(lab.job("f"))

    assert (jobs["f"].state, jobs["f"].reason, jobs["f"].exit_code) == ("FAILED", "EXIT_CODE", 1)
    error = json.loads((Path(jobs["f"].log).parent / "error.json").read_text())
    assert error["message"] == "boom"
    assert error["traceback"].splitlines()[1].endswith("in f")


def test_a_task_that_exits_with_a_code_fails_with_that_code(lab):
    lab.write("import sys\ndef f():\n    sys.exit(7)\ndef g():\n    sys.exit()")

    jobs = lab.run(lab.job("f"), lab.job("g"))

    assert (jobs["f"].state, jobs["f"].exit_code) == (State.FAILED, 7)
    assert jobs["g"].state is State.SUCCEEDED


def test_a_task_killed_by_a_signal_fails_with_that_signal(lab):
    lab.write("import os, signal\ndef f():\n    os.kill(os.getpid(), signal.SIGSEGV)")

    jobs = lab.run(lab.job("f"))

    assert (jobs["f"].state, jobs["f"].reason, jobs["f"].signal) == ("FAILED", "SIGNAL", "SIGSEGV")
    assert jobs["f"].exit_code is None


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_text_arrives_byte_for_byte(lab, text):
    lab.write("def f(text: str):\n    return text")

    jobs = lab.run(lab.job("f", params={"text": text}))

    assert jobs["f"].result == text


def test_arguments_of_a_script_arrive_byte_for_byte(lab, python):
    program = "import json,os,sys; open(os.environ['NEMORUN_OUTPUT_DIR']+'/a','w').write(json.dumps(sys.argv[1:]))"
    script = Script(command=(python, "-c", program))

    jobs = lab.run(lab.job("s", function=None, script=script, args=tuple(HOSTILE)))

    assert json.loads((Path(jobs["s"].outputs) / "a").read_text()) == HOSTILE


def test_a_script_finds_its_parameters(lab, python):
    program = (
        "import os,sys; print(sys.argv[1], os.environ['NEMORUN_PARAM_LR'], os.environ['MODE'])"
    )
    script = Script(command=(python, "-c", program, "--lr=${param:lr}"), env={"MODE": "fast"})

    jobs = lab.run(lab.job("s", function=None, script=script, params={"lr": 0.1}))

    assert Path(jobs["s"].log).read_text() == "--lr=0.1 0.1 fast\n"


def test_a_script_file_runs_from_the_project(lab):
    (lab.root / "a script.sh").write_text('echo "$PWD $1"\nexit 3\n')

    jobs = lab.run(lab.job("s", function=None, script=Script(path="a script.sh"), args=("b c",)))

    assert Path(jobs["s"].log).read_text() == f"{lab.root} b c\n"
    assert jobs["s"].exit_code == 3


def test_a_command_that_does_not_exist_fails_as_in_a_shell(lab):
    jobs = lab.run(lab.job("s", function=None, script=Script(command=("no-such-program",))))

    assert jobs["s"].exit_code == 127
    assert "no-such-program" in Path(jobs["s"].log).read_text()


def test_every_job_is_told_who_it_is(lab):
    lab.write(
        "import os\ndef f():\n    return {k: v for k, v in os.environ.items() if k.startswith('NEMORUN_')}"
    )

    experiment = lab.launch(lab.job("f"))
    told = lab.finish(experiment).jobs[0].result

    folder = lab.home.layout.experiment(experiment).job("f@local")
    assert told == {
        "NEMORUN_EXPERIMENT_ID": experiment,
        "NEMORUN_JOB_ID": "f@local",
        "NEMORUN_TASK": "f",
        "NEMORUN_EXECUTOR": "local",
        "NEMORUN_ATTEMPT": "1",
        "NEMORUN_JOB_DIR": str(folder.root),
        "NEMORUN_OUTPUT_DIR": str(folder.outputs),
        "NEMORUN_NNODES": "1",
        "NEMORUN_NODE_RANK": "0",
        "NEMORUN_HOME": os.environ["NEMORUN_HOME"],
        "NEMORUN_GPU_LOCKS": os.environ["NEMORUN_GPU_LOCKS"],
    }


def test_env_vars_of_the_executor_reach_the_job(lab):
    lab.write("import os\ndef f():\n    return [os.environ['A'], os.environ['WANDB_RUN_GROUP']]")
    lab.executor.env_vars = {"A": "x y", "WANDB_RUN_GROUP": "mine"}

    jobs = lab.run(lab.job("f"))

    assert jobs["f"].result == ["x y", "mine"]


def test_a_task_learns_of_itself_and_of_its_upstream_job(lab):
    lab.write(
        """
        def train():
            (nemorun.current().output_dir / "model").write_text("weights")
            return {"loss": 1}
        def evaluate():
            up = nemorun.upstream("train")
            return [nemorun.current().job_id, up.result, (up.output_dir / "model").read_text()]
        """
    )

    jobs = lab.run(lab.job("train"), lab.job("evaluate", after={"train": ("train@local",)}))

    assert jobs["evaluate"].result == ["evaluate@local", {"loss": 1}, "weights"]


def test_a_job_whose_upstream_failed_is_skipped(lab):
    lab.write("def a():\n    1/0\ndef b(): pass\ndef c(): pass")

    jobs = lab.run(
        lab.job("a"),
        lab.job("b", after={"a": ("a@local",)}),
        lab.job("c", after={"b": ("b@local",)}),
    )

    assert (jobs["b"].state, jobs["b"].reason) == (State.SKIPPED, "UPSTREAM_FAILED")
    assert (jobs["c"].state, jobs["c"].reason) == (State.SKIPPED, "UPSTREAM_FAILED")
    assert jobs["c"].attempts == ()


def test_a_failing_job_is_tried_again_and_every_attempt_is_kept(lab):
    lab.write(
        """
        import os
        def f():
            print("attempt", os.environ["NEMORUN_ATTEMPT"])
            if nemorun.current().attempt < 3:
                raise RuntimeError("not yet")
            return "done"
        """
    )

    jobs = lab.run(lab.job("f", retries=5))

    assert jobs["f"].result == "done"
    assert [one.state for one in jobs["f"].attempts] == ["FAILED", "FAILED", "SUCCEEDED"]
    assert [one.exit_code for one in jobs["f"].attempts] == [1, 1, 0]
    assert [Path(one.log).read_text().split("\n")[0] for one in jobs["f"].attempts] == [
        "attempt 1",
        "attempt 2",
        "attempt 3",
    ]


def test_a_job_over_its_time_limit_is_ended_with_all_its_processes(lab):
    lab.write(
        """
        import subprocess, time
        def f():
            child = subprocess.Popen(["sleep", "600"])
            (nemorun.current().output_dir / "pid").write_text(str(child.pid))
            time.sleep(600)
        """
    )

    jobs = lab.run(lab.job("f", timeout_s=4.0))

    assert (jobs["f"].state, jobs["f"].reason, jobs["f"].signal) == ("FAILED", "TIMEOUT", "SIGTERM")
    pid = int((Path(jobs["f"].outputs) / "pid").read_text())
    lab.wait_until(lambda: not lab.is_running(pid))


def test_a_job_that_ignores_term_is_killed_after_the_grace(lab):
    lab.write(
        """
        import signal, time
        def f():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print("deaf", flush=True)
            while True:
                time.sleep(1)
        """
    )
    lab.executor.grace_s = 0.3
    experiment = lab.launch(lab.job("f"))
    log = lab.home.layout.experiment(experiment).job("f@local").attempt(1).log
    lab.wait_until(lambda: log.exists() and "deaf" in log.read_text())

    cancel(lab.home, experiment, ["f@local"])

    status = lab.finish(experiment).jobs[0]
    assert (status.state, status.signal) == (State.CANCELLED, "SIGKILL")


def test_cancelling_ends_running_jobs_and_never_starts_planned_ones(lab):
    lab.write("import time\ndef f():\n    time.sleep(600)\ndef g(): pass")
    lab.executor.max_parallel = 1
    experiment = lab.launch(lab.job("f"), lab.job("g"))
    lab.wait_until(lambda: lab.status_of(experiment, "f@local").state is State.RUNNING)

    cancel(lab.home, experiment, ["f@local", "g@local"])

    states = {job.id: job.state for job in lab.finish(experiment).jobs}
    assert states == {"f@local": State.CANCELLED, "g@local": State.CANCELLED}
    assert lab.status_of(experiment, "g@local").attempts == ()


def test_a_cancelled_job_is_not_tried_again(lab):
    lab.write("import time\ndef f():\n    time.sleep(600)")
    experiment = lab.launch(lab.job("f", retries=3))
    lab.wait_until(lambda: lab.status_of(experiment, "f@local").state is State.RUNNING)

    cancel(lab.home, experiment, ["f@local"])

    assert len(lab.finish(experiment).jobs[0].attempts) == 1


def test_no_job_starts_after_maxfail_failures(lab):
    lab.write("def f():\n    1/0\ndef g(): pass")
    lab.executor.max_parallel = 1

    jobs = lab.run(lab.job("f"), lab.job("g"), maxfail=1)

    assert (jobs["g"].state, jobs["g"].reason) == (State.SKIPPED, "MAXFAIL")


@pytest.mark.parametrize(
    ("executor", "fields", "at_once"),
    [
        (LocalExecutor(max_parallel=2), {}, 2),
        (LocalExecutor(max_parallel=4), {"max_jobs": 1}, 1),
    ],
    ids=["max_parallel", "-j"],
)
def test_no_more_jobs_run_at_once_than_allowed(lab, executor, fields, at_once):
    lab.write(
        """
        import time
        def f(i, seconds):
            start = time.time()
            time.sleep(seconds)
            return [start, time.time()]
        """
    )
    lab.executor = executor
    seconds = 0.3 if at_once == 1 else 1.5  # two that run together may begin one second apart

    jobs = lab.run(
        *(
            lab.job("f", id=f"f{i}@local", slug=f"f{i}", params={"i": i, "seconds": seconds})
            for i in range(4)
        ),
        **fields,
    )

    spans = [job.result for job in jobs.values()]
    assert max(sum(a <= start < b for a, b in spans) for start, _ in spans) == at_once


def test_jobs_that_run_together_see_different_gpus(lab):
    lab.write(
        """
        import os, time
        def f(i):
            time.sleep(2)
            return os.environ["CUDA_VISIBLE_DEVICES"]
        """
    )
    lab.executor = LocalExecutor(max_parallel=8, gpus=["0", "1", "5"], gpus_per_task=1)

    jobs = lab.run(
        *(lab.job("f", id=f"f{i}@local", slug=f"f{i}", params={"i": i}) for i in range(3))
    )

    assert sorted(job.result for job in jobs.values()) == ["0", "1", "5"]


def test_more_gpus_than_there_are_is_refused_before_anything_is_written(lab, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    lab.write("def f(): pass")
    lab.executor = LocalExecutor(gpus_per_task=4)

    with pytest.raises(ExecutorRefused, match=r"gpus_per_task = 4, but this machine offers 2"):
        lab.launch(lab.job("f"))

    assert lab.home.ids() == []


def test_an_interpreter_that_does_not_exist_fails_the_job_in_one_sentence(lab):
    lab.write("def f(): pass")
    lab.executor = LocalExecutor(python="/nowhere/python")

    jobs = lab.run(lab.job("f"))

    assert (jobs["f"].state, jobs["f"].reason) == (State.FAILED, "START_FAILED")


def test_ten_megabytes_in_one_line_are_kept(lab):
    lab.write("def f():\n    print('x' * 10_000_000)")

    jobs = lab.run(lab.job("f"))

    assert Path(jobs["f"].log).stat().st_size == 10_000_001


def test_a_result_too_large_for_the_journal_is_still_there(lab):
    lab.write("def f():\n    return ['x' * 1000] * 100")

    jobs = lab.run(lab.job("f"))

    assert jobs["f"].result == ["x" * 1000] * 100


def test_a_result_that_json_cannot_hold_is_named_in_the_log(lab):
    lab.write("def f():\n    return {'model': object()}")

    jobs = lab.run(lab.job("f"))

    assert jobs["f"].state is State.SUCCEEDED
    assert "the return value['model'] is a object" in Path(jobs["f"].log).read_text()


def test_background_processes_of_a_finished_job_are_ended(lab):
    lab.write(
        """
        import subprocess
        def f():
            return subprocess.Popen(["sleep", "600"]).pid
        """
    )

    jobs = lab.run(lab.job("f"))

    lab.wait_until(lambda: not lab.is_running(jobs["f"].result))


def test_a_secret_is_in_the_job_and_nowhere_on_the_disk(lab):
    lab.write("import os\ndef f():\n    return len(os.environ['WANDB_API_KEY'])")
    value = "sesame-" * 3
    executor = executor_to_dict(
        LocalExecutor(env_vars={"WANDB_API_KEY": {"$secret": "WANDB_API_KEY"}})
    )

    jobs = lab.run(
        lab.job("f"),
        executors={"local": executor},
        secrets={"local": {"WANDB_API_KEY": value}},
    )

    assert jobs["f"].result == len(value)
    for path in lab.home.layout.root.rglob("*"):
        assert not path.is_file() or value.encode() not in path.read_bytes(), path


def test_a_job_may_be_described_by_any_model_job(lab):
    lab.write("def f(): return 1")

    jobs = lab.run(
        Job(id="f@local", slug="s", task="f", file="tasks.py", function="f", executor="local")
    )

    assert jobs["f"].result == 1
