"""`run.run`: one task, here or as a job."""

from __future__ import annotations

import json

import pytest

TASK = """
import json, os, sys
def train(lr: float, steps: int = 3):
    print("training")
    return {"lr": lr, "steps": steps, "pid": os.getpid()}
def bad():
    raise ValueError("no data")
def show(result):
    print(json.dumps({"state": result.state, "code": result.exit_code, "value": result.value,
        "log": result.log and result.log.read_text(), "job": result.job_id, "experiment": result.experiment_id,
        "reason": result.reason}))
"""


def test_a_task_runs_as_a_job_and_its_result_comes_back(desk):
    answer = desk.launch(TASK + "show(run.run(run.Partial(train, lr=0.5), run.LocalExecutor()))")

    assert answer.json | {"value": None, "experiment": None} == {
        "state": "SUCCEEDED",
        "code": 0,
        "value": None,
        "log": "training\n",
        "job": "train@local",
        "experiment": None,
        "reason": None,
    }
    assert answer.json["value"]["lr"] == 0.5
    assert [answer.json["experiment"]] == desk.home.ids()
    assert "-train-" in answer.json["experiment"]


def test_its_log_is_shown_while_it_runs(desk):
    answer = desk.launch(TASK + "run.run(run.Partial(train, 1.0), run.LocalExecutor())")

    assert answer.out.splitlines()[0] == "training"


def test_its_log_is_not_shown_when_nobody_wants_it(desk):
    answer = desk.launch(
        TASK + "run.run(run.Partial(train, 1.0), run.LocalExecutor(), tail_logs=False)"
    )

    assert "training" not in answer.out


def test_a_failure_is_raised_with_the_remote_traceback(desk):
    answer = desk.launch(
        TASK
        + """
try:
    run.run(bad, run.LocalExecutor())
except run.JobFailed as error:
    print(json.dumps([error.message, [one.state for one in error.results]]))
"""
    )

    message, states = answer.json
    assert message.startswith("bad@local failed (exit code 1) in 2")
    assert message.endswith(
        f'File "{desk.root}/launch.py", line 8, in bad\n    raise ValueError("no data")\n'
        "ValueError: no data"
    )
    assert states == ["FAILED"]


def test_a_failure_that_nobody_catches_ends_the_script_with_1(desk):
    answer = desk.launch(TASK + "run.run(bad, run.LocalExecutor())", code=1)

    assert "ValueError: no data" in answer.err


def test_without_an_executor_the_task_is_called_here_and_recorded_nowhere(desk):
    answer = desk.launch(
        TASK
        + "result = run.run(run.Partial(train, lr=0.5))\n"
        + "print(json.dumps([result.value['pid'] == os.getpid(), result.state, result.experiment_id]))"
    )

    assert answer.json == [True, "SUCCEEDED", None]
    assert answer.out.startswith("training\n")
    assert desk.home.ids() == []


def test_direct_calls_it_here_with_the_executors_variables(desk):
    answer = desk.launch(
        "import os\ndef f(): return [os.getpid(), os.environ['A']]\n"
        "result = run.run(f, run.LocalExecutor(env_vars={'A': 'b'}), direct=True)\n"
        "print(__import__('json').dumps([result.value == [os.getpid(), 'b'], 'A' in os.environ]))"
    )

    assert answer.json == [True, False]


def test_what_a_task_raises_here_comes_as_it_is(desk):
    answer = desk.launch(TASK + "run.run(bad)", code=1)

    assert answer.err.endswith("ValueError: no data\n")
    assert "JobFailed" not in answer.err


def test_a_lambda_can_be_called_here(desk):
    answer = desk.launch("print(run.run(lambda: 7).value)")

    assert answer.json == 7


def test_a_script_runs_here_too(desk):
    answer = desk.launch("run.run(run.Script(inline='echo hello $1', args=['you']))")

    assert answer.out == "hello you\n"


def test_a_script_that_fails_here_is_a_failure(desk):
    answer = desk.launch("run.run(run.Script(inline='exit 4'), name='x')", code=1)

    assert "x: failed (exit code 4)" in answer.err


def test_a_dry_run_prints_the_request_and_writes_nothing(desk):
    answer = desk.launch(
        TASK
        + "r = run.run(run.Partial(train, lr=0.5), run.LocalExecutor(), dryrun=True)\nprint(json.dumps(r.state))"
    )

    assert answer.json == "PLANNED"
    assert "job train@local\n  lr = 0.5\n  argv " in answer.out
    assert not desk.home.layout.root.exists()


def test_a_detached_task_goes_on_by_itself(desk):
    answer = desk.launch(
        "import json, time\ndef f():\n    time.sleep(0.5)\n    return 1\n"
        "result = run.run(f, run.LocalExecutor(), detach=True)\n"
        "print(json.dumps([result.experiment_id, result.state]))"
    )

    experiment, state = answer.json
    assert state != "SUCCEEDED"
    assert "f@local" in desk.cli("wait", experiment).err
    assert desk.states(experiment) == {"f@local": "SUCCEEDED"}


def test_a_name_names_the_experiment_and_the_job(desk):
    answer = desk.launch(
        TASK + "show(run.run(run.Partial(train, 1), run.LocalExecutor(), name='big run'))"
    )

    assert answer.json["job"] == "big-run@local"
    assert "-big-run-" in answer.json["experiment"]


def test_the_command_line_sees_it(desk):
    desk.launch(TASK + "run.run(run.Partial(train, lr=0.5), run.LocalExecutor())")

    status = json.loads(desk.cli("status", "--json").out)

    assert [(job["id"], job["params"], job["state"]) for job in status["jobs"]] == [
        ("train@local", {"lr": 0.5}, "SUCCEEDED")
    ]
    assert desk.cli("logs").out == "training\n"


def test_the_command_line_runs_it_again(desk):
    desk.launch(TASK + "run.run(run.Partial(train, lr=0.5), run.LocalExecutor())")

    desk.cli("rerun")

    assert len(desk.home.ids()) == 2
    results = json.loads(desk.cli("status", "--json").out)["jobs"][0]["result"]
    assert results["lr"] == 0.5


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("run.run(5, run.LocalExecutor())", "5 cannot be added: a task is a function"),
        ("run.run('train.sh', run.LocalExecutor())", "'train.sh' cannot be added"),
        ("run.run(lambda: 1, run.LocalExecutor())", "a lambda has no name"),
        ("run.run(train, run.LocalExecutor())", "train needs 'lr', which is not given"),
        ("run.run(train)", "train needs 'lr', which is not given"),
        ("run.run(run.Partial(train, lr=1), executor='local')", "executor='local' is no executor"),
    ],
    ids=["number", "text", "lambda", "missing", "missing-here", "executor"],
)
def test_what_cannot_run_is_refused_in_a_sentence(desk, call, sentence):
    answer = desk.launch(TASK + call, code=1)

    assert f"nemorun_discover.errors.UsageError: {sentence}" in answer.err
    assert desk.home.ids() == []
