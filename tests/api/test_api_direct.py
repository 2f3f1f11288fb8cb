"""`run(direct=True)`: the jobs in this process, with the record any experiment has."""

from __future__ import annotations

import json
import os

import pytest

from nemorun_discover.files import read_json
from nemorun_discover.schedulers.local.process import describe_process

TASKS = """
import json, os, sys
def work(n=0):
    print("line", n)
    print("error", n, file=sys.stderr)
    return {"pid": os.getpid(), "n": n}
def bad():
    print("begun")
    raise ValueError("no data")
def told(value): print(json.dumps(value))
e = run.Experiment("lab", raise_on_failure=False)
"""


def test_tasks_are_called_in_this_process_and_recorded_as_jobs_are(desk):
    answer = desk.launch(
        TASKS
        + """
job = e.add(run.Partial(work, 3))
e.run(direct=True)
result = e.results()[job]
told([result.state, result.value == {"pid": os.getpid(), "n": 3}, result.log.read_text()])
"""
    )

    assert answer.json == ["SUCCEEDED", True, "line 3\nerror 3\n"]
    assert answer.out.startswith("line 3\n")
    assert "error 3\n" in answer.err
    assert json.loads(desk.cli("status", "--json").out)["jobs"][0]["result"]["n"] == 3
    assert desk.cli("logs").out == "line 3\nerror 3\n"


def test_what_fails_is_evidence_and_the_next_task_runs(desk):
    answer = desk.launch(
        TASKS
        + """
first = e.add(bad)
e.add(run.Partial(work, 1), dependencies=[first])
e.add(run.Partial(work, 2), dependencies=[(first, "notok")])
e.run(direct=True)
told([[one.state, one.exit_code, one.reason] for one in e.results().values()])
"""
    )

    assert answer.json == [
        ["FAILED", 1, "EXIT_CODE"],
        ["SKIPPED", None, "UPSTREAM_FAILED"],
        ["SUCCEEDED", 0, None],
    ]
    paths = desk.home.layout.experiment(desk.home.ids()[0]).job("bad@local").attempt(1)
    error = read_json(paths.error)
    assert (error["type"], error["line"]) == ("ValueError", 10)
    assert paths.log.read_text().endswith("ValueError: no data\n")


def test_a_failure_is_raised_at_the_end_of_the_block(desk):
    answer = desk.launch(
        TASKS + "with run.Experiment('x') as e:\n    e.add(bad)\n    e.run(direct=True)\n", code=1
    )

    assert "JobFailed: bad@local failed (exit code 1) in" in answer.err


@pytest.mark.parametrize(
    ("body", "ended"),
    [
        ("sys.exit()", ["SUCCEEDED", 0, None, ""]),
        ("sys.exit(3)", ["FAILED", 3, "EXIT_CODE", ""]),
        ("sys.exit('bye')", ["FAILED", 1, "EXIT_CODE", "bye\n"]),
        (
            "return object",
            [
                "SUCCEEDED",
                0,
                None,
                "nemorun: the result is not kept: the return value is a type, which JSON cannot hold\n",
            ],
        ),
    ],
    ids=["exit", "exit-3", "exit-text", "no-json"],
)
def test_every_end_of_a_task_is_what_it_is_in_a_job(desk, body, ended):
    answer = desk.launch(
        TASKS
        + f"""
def f(): {body}
e.add(f)
e.run(direct=True)
one = e.results()["f@local"]
told([one.state, one.exit_code, one.reason, one.log.read_text()])
"""
    )

    assert answer.json == ended


def test_scripts_run_too(desk):
    answer = desk.launch(
        TASKS
        + """
e.add(run.Script(inline="echo $NEMORUN_TASK $1; exit 4", args=["a b"]), name="s")
e.add(run.Script(inline="kill -9 $$"), name="killed")
e.run(direct=True)
told([[one.state, one.exit_code, one.reason, one.log.read_text()] for one in e.results().values()])
"""
    )

    assert answer.json == [
        ["FAILED", 4, "EXIT_CODE", "s a b\n"],
        ["FAILED", None, "SIGNAL", ""],
    ]
    assert "s a b\n" in answer.out


def test_a_task_knows_its_job_and_its_variables_and_afterwards_they_are_gone(desk):
    answer = desk.launch(
        TASKS
        + """
def f():
    now = run.current()
    (now.output_dir / "file").write_text("x")
    return [now.job_id, now.experiment_id, os.environ["A"], os.environ["NEMORUN_TASK"]]
job = e.add(f, run.LocalExecutor(env_vars={"A": "b"}))
before = dict(os.environ), list(sys.path)
e.run(direct=True)
told([e.results()[job].value == [job, e.id, "b", "f"], before == (dict(os.environ), list(sys.path))])
"""
    )

    assert answer.json == [True, True]


def test_a_task_that_fails_is_tried_again(desk):
    answer = desk.launch(
        TASKS
        + """
def f():
    number = run.current().attempt
    print("attempt", number)
    assert number == 3
    return number
e.add(f, run.LocalExecutor(retries=5))
e.run(direct=True)
told([e.results()["f@local"].value, e.results()["f@local"].log.parent.name])
"""
    )

    assert answer.json == [3, "attempt-3"]


def test_a_jobs_own_settings_do_not_count_here(desk):
    answer = desk.launch(
        TASKS
        + """
e.add(run.Partial(work, 1), run.SlurmExecutor(account="x", packager=run.GitArchivePackager()))
e.run(direct=True)
told(list(e.results()) + [e.results()["work@slurm"].state])
"""
    )

    assert answer.json == ["work@slurm", "SUCCEEDED"]


def test_groups_cannot_run_here(desk):
    answer = desk.launch(TASKS + "e.add([work], name='g')\ne.run(direct=True)", code=1)

    assert "run(direct=True) calls one task after the other, and g is a group" in answer.err
    assert desk.home.ids() == []


def test_nothing_is_shown_in_clean_mode(desk):
    answer = desk.launch(
        TASKS
        + "with run.Experiment('x', clean_mode=True) as e:\n    e.add(work)\n    e.run(direct=True)\n"
    )

    assert (answer.out, answer.err) == ("", "")
    assert desk.cli("logs").out == "line 0\nerror 0\n"


def test_no_other_driver_takes_it_while_this_process_lives(desk):
    desk.write(
        "import nemorun as run\n"
        + TASKS
        + """
import time, pathlib
def f():
    while not pathlib.Path("go").exists(): time.sleep(0.05)
e.add(f)
e.add(work)
e.run(direct=True)
"""
    )
    process = desk.start("launch.py")
    desk.wait_until(
        lambda: desk.home.ids() and "RUNNING" in desk.states(desk.home.ids()[0]).values()
    )
    experiment = desk.home.ids()[0]

    desk.cli("status")
    attempt = desk.home.layout.experiment(experiment).job("f@local").attempt(1)
    holder = read_json(attempt.process)
    expected = describe_process(process.pid)
    (desk.root / "go").touch()

    assert desk.finish(process).code == 0
    assert holder | expected == holder
    assert set(desk.states(experiment).values()) == {"SUCCEEDED"}
    assert not (desk.home.layout.experiment(experiment).driver_log).exists()


def test_a_ctrl_c_ends_the_job_and_those_that_have_not_begun(desk):
    desk.write(
        "import nemorun as run\n"
        + TASKS
        + "import time\ndef f(): time.sleep(60)\ne.add(f)\ne.add(work)\ne.run(direct=True)\n"
    )
    process = desk.start("launch.py")
    desk.wait_until(
        lambda: desk.home.ids() and "RUNNING" in desk.states(desk.home.ids()[0]).values()
    )

    desk.interrupt(process)

    assert "KeyboardInterrupt" in desk.finish(process).err
    assert desk.states(desk.home.ids()[0]) == {"f@local": "CANCELLED", "work@local": "CANCELLED"}


def test_the_record_of_a_direct_run_can_be_run_again_as_jobs(desk):
    desk.launch(TASKS + "e.add(run.Partial(work, 5))\ne.run(direct=True)\n")

    desk.cli("rerun")

    job = json.loads(desk.cli("status", "--json").out)["jobs"][0]
    assert job["result"]["n"] == 5
    assert job["result"]["pid"] != os.getpid()


def test_jobs_of_the_record_can_be_called_here(desk):
    desk.launch(TASKS + "e.add(run.Partial(work, 5))\ne.run()\ne.wait()\n")

    answer = desk.run(
        "-c",
        "import os, json, nemorun as run\n"
        "e = run.Experiment.from_title('lab').reset()\n"
        "e.run(direct=True)\n"
        "print(json.dumps(e.results()['work@local'].value == {'pid': os.getpid(), 'n': 5}))",
    )

    assert answer.json is True


def test_a_reset_experiment_runs_directly_without_its_package(desk):
    answer = desk.launch(
        TASKS
        + """
executor = run.LocalExecutor(packager=run.PatternPackager(include_pattern="*.py"))
e.add(work, executor, name="work")
e.add(run.Script(inline="echo from here"), executor, name="script")
e.run()
e.wait()
again = e.reset()
again.run(direct=True)
told([one.state for one in again.results().values()])
"""
    )

    assert answer.json == ["SUCCEEDED", "SUCCEEDED"]


ASYNC = """
import asyncio
async def wait(n):
    await asyncio.sleep(0)
    return n
async def leave():
    import sys
    sys.exit(2**80)
def lazy():
    return wait(1)
def each():
    yield 1
async def stream():
    yield 1
refused = []
for one in (each, stream, run.Partial(each)):
    try:
        run.Experiment("none").add(one)
    except run.errors.UsageError as error:
        refused.append(error.message)
for one in (run.Partial(wait, 3), leave, lazy):
    e.add(one)
"""


@pytest.mark.parametrize("how", ["direct=True", "", "in a loop"])
def test_an_async_def_is_run_and_what_runs_no_line_is_no_success(desk, how):
    launch = f"e.run({how})\ne.wait()" if how == "" else "e.run(direct=True)"
    if how == "in a loop":
        launch = "async def main():\n    e.run(direct=True)\nasyncio.run(main())"
    answer = desk.launch(
        TASKS
        + ASYNC
        + f"""
{launch}
told([refused, [[one.state, one.exit_code, one.value] for one in e.results().values()]])
"""
    )

    refused, results = answer.json
    assert results == [["SUCCEEDED", 0, 3], ["FAILED", 255, None], ["FAILED", 1, None]]
    assert [one.partition(" is a generator, which cannot be a task")[0] for one in refused] == [
        *("each", "stream", "each")
    ]


def test_a_call_without_an_executor_runs_an_async_task_too_and_refuses_what_ran_no_line(desk):
    answer = desk.launch(
        TASKS
        + """
import asyncio
async def f(n):
    await asyncio.sleep(0)
    return n + 1
def generator():
    print("never")
    yield 1
def coroutine():
    return f(1)
said = [run.run(run.Partial(f, 2)).value]
for task in (generator, coroutine):
    try:
        said.append(str(run.run(task).state))
    except TypeError as error:
        said.append(str(error).split(",")[0])
told(said)
"""
    )

    assert answer.json == [
        3,
        "the return value is a generator (generator) that nobody has run",
        "the return value is a coroutine (f) that nobody has run",
    ]
    assert "result is not kept" not in answer.err
