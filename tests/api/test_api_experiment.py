"""`run.Experiment`: add, run, wait, results; and what leaving the `with` block does."""

from __future__ import annotations

import json

import pytest

TASKS = """
import json, sys, time
def work(n=0, fail=False):
    print("line", n)
    print("other", n)
    if fail:
        raise RuntimeError(f"no {n}")
    return n
def slow():
    print("begun", flush=True)
    time.sleep(60)
def told(value):
    print(json.dumps(value))
local = run.LocalExecutor
"""


def test_what_was_added_runs_when_run_is_called(desk):
    answer = desk.launch(
        TASKS
        + """
with run.Experiment("lab") as experiment:
    a = experiment.add(run.Partial(work, 1))
    b = experiment.add(run.Partial(work, 2), name="second")
    experiment.run()
told([a, b, experiment.jobs, {id: one.value for id, one in experiment.results().items()}])
"""
    )

    assert answer.json == [
        "work@local",
        "second@local",
        ["work@local", "second@local"],
        {"work@local": 1, "second@local": 2},
    ]


def test_leaving_the_block_shows_the_table_and_the_commands(desk):
    answer = desk.launch(TASKS + "with run.Experiment('lab') as e:\n    e.add(work)\n    e.run()\n")

    assert "work@local  ✓ SUCCEEDED" in answer.out
    assert "1 passed in" in answer.out
    assert f"nemorun logs {desk.home.ids()[0]}" in answer.err


def test_clean_mode_shows_nothing(desk):
    answer = desk.launch(
        TASKS
        + "with run.Experiment('lab', clean_mode=True) as e:\n    e.add(work, tail_logs=True)\n    e.run()"
    )

    assert (answer.out, answer.err) == ("", "")


def test_an_experiment_that_was_never_run_leaves_nothing(desk):
    desk.launch(TASKS + "with run.Experiment('lab') as e:\n    e.add(work)\n")

    assert not desk.home.layout.root.exists()


def test_a_failed_job_ends_the_script_with_1(desk):
    answer = desk.launch(
        TASKS
        + "with run.Experiment('lab') as e:\n    e.add(run.Partial(work, 3, fail=True))\n    e.run()\n",
        code=1,
    )

    assert "JobFailed: work@local failed (exit code 1) in " in answer.err
    assert "RuntimeError: no 3" in answer.err


def test_a_failed_job_is_only_shown_when_that_is_wanted(desk):
    answer = desk.launch(
        TASKS
        + """
with run.Experiment('lab', raise_on_failure=False) as e:
    e.add(run.Partial(work, 3, fail=True))
    e.add(run.Partial(work, 4, fail=True))
    e.run()
told(e.results()["work_2@local"].exit_code)
"""
    )

    assert answer.json == 1
    assert "RuntimeError: no 3" in answer.out


def test_the_error_names_several_failed_jobs_with_their_tracebacks(desk):
    answer = desk.launch(
        TASKS
        + """
with run.Experiment('lab') as e:
    for n in range(5):
        e.add(run.Partial(work, n, fail=True))
    e.run()
""",
        code=1,
    )

    assert (
        "work@local failed (exit code 1), work_2@local failed (exit code 1), "
        "work_3@local failed (exit code 1), and 2 more in" in answer.err
    )
    assert "RuntimeError: no 0" in answer.err
    assert "\nwork_3@local:\n" in answer.err


def test_without_a_block_run_returns_at_once_and_wait_waits(desk):
    answer = desk.launch(
        TASKS
        + """
e = run.Experiment('lab')
e.add(slow)
e.run()
state = e.results()["slow@local"].state
try:
    e.wait(timeout=0.2)
except run.WaitTimeout as error:
    told([state != "SUCCEEDED", error.message, e.id])
e.cancel()
told(e.wait()["slow@local"].state)
"""
    )

    begun, message, identity = json.loads(answer.out.splitlines()[-2])
    assert begun
    assert message == f"{identity} is not over after 0.2 s; its jobs go on"
    assert answer.json == "CANCELLED"


def test_what_was_cancelled_on_purpose_is_no_failure(desk):
    answer = desk.launch(
        TASKS
        + """
with run.Experiment('lab') as e:
    job = e.add(slow)
    e.add(work)
    e.run()
    e.cancel("slow")
told([one.state for one in e.results().values()])
"""
    )

    assert answer.json == ["CANCELLED", "SUCCEEDED"]


def test_the_jobs_go_on_when_the_block_ends_in_an_error(desk):
    answer = desk.launch(
        TASKS + "with run.Experiment('lab') as e:\n    e.add(slow)\n    e.run()\n    1 / 0\n",
        code=1,
    )

    assert f"the jobs go on; to end them: nemorun cancel {desk.home.ids()[0]}" in answer.err
    assert "ZeroDivisionError" in answer.err
    desk.cli("cancel")
    assert desk.states(desk.home.ids()[0]) == {"slow@local": "CANCELLED"}


def test_ctrl_c_ends_the_jobs_of_this_machine(desk):
    desk.write(
        "import nemorun as run\n"
        + TASKS
        + "with run.Experiment('lab') as e:\n    e.add(slow, tail_logs=True)\n    e.run()\n"
    )
    process = desk.start("launch.py")
    desk.wait_until(
        lambda: desk.home.ids() and "RUNNING" in desk.states(desk.home.ids()[0]).values()
    )

    desk.interrupt(process)

    answer = desk.finish(process)
    assert "interrupted: cancelling slow@local" in answer.err
    assert "KeyboardInterrupt" in answer.err
    assert desk.states(desk.home.ids()[0]) == {"slow@local": "CANCELLED"}


def test_a_detached_experiment_is_not_waited_for(desk):
    answer = desk.launch(
        TASKS
        + "with run.Experiment('lab') as e:\n    e.add(slow)\n    e.run(detach=True)\ntold(e.id)"
    )

    assert desk.states(answer.json)["slow@local"] in ("PLANNED", "SUBMITTED", "RUNNING")


def test_status_is_a_table_or_a_dict(desk):
    answer = desk.launch(
        TASKS
        + """
with run.Experiment('lab', skip_status_at_exit=True, enable_goodbye_message=False) as e:
    e.add(work)
    e.run()
e.status()
told(e.status(return_dict=True))
"""
    )

    row = answer.json["work@local"]
    assert list(answer.json) == ["work@local"]
    assert row | {"job_id": "", "local_dir": "", "log": "", "handle": ""} == {
        "name": "work",
        "status": "SUCCEEDED",
        "executor": "local",
        "job_id": "",
        "handle": "",
        "local_dir": "",
        "exit_code": 0,
        "reason": None,
        "log": "",
    }
    assert row["log"].startswith(row["local_dir"])
    assert answer.out.count("✓ SUCCEEDED") == 2
    assert "nemorun logs" not in answer.err


def test_logs_are_printed_whole_or_line_by_line(desk):
    answer = desk.launch(
        TASKS
        + """
e = run.Experiment('lab', clean_mode=True)
job = e.add(run.Partial(work, 1))
e.run()
e.wait()
e.logs(job)
print("--")
e.logs("work", regex="^oth.r")
"""
    )

    assert answer.out == "line 1\nother 1\n--\nother 1\n"


def test_logs_of_several_jobs_are_shown_with_their_names(desk):
    answer = desk.launch(
        TASKS
        + """
with run.Experiment('lab') as e:
    e.add(run.Partial(work, 1), name="a")
    e.add(run.Partial(work, 2), name="b", dependencies=["a"])
    e.run(tail_logs=True)
"""
    )

    assert answer.out.splitlines()[:4] == [
        "a@local | line 1",
        "a@local | other 1",
        "b@local | line 2",
        "b@local | other 2",
    ]
    changes = [line for line in answer.err.splitlines() if line.startswith(("a@", "b@"))]
    assert [one for one in changes if "RUNNING" not in one] == [
        "a@local SUCCEEDED",
        "b@local SUCCEEDED",
    ]


def test_an_id_of_ones_own_finds_the_experiment(desk):
    desk.launch(
        TASKS + "with run.Experiment('lab', id='first-1') as e:\n    e.add(work)\n    e.run()\n"
    )

    assert desk.home.ids()[0].endswith("-lab-first-1")
    assert desk.cli("logs", "first-1").out == "line 0\nother 0\n"


def test_an_id_that_is_taken_is_refused(desk):
    desk.launch(TASKS + "e = run.Experiment('lab', id='abc')\ne.add(work)\ne.run()\n")

    answer = desk.launch("run.Experiment('other', id='abc')", code=1)

    assert f"id='abc': there is {desk.home.ids()[0]} already" in answer.err


def test_the_folder_can_be_made_elsewhere(desk):
    answer = desk.launch(
        TASKS
        + """
with run.Experiment('lab', base_dir='elsewhere') as e:
    e.add(work)
    e.run()
told(e.id)
"""
    )

    folder = desk.root / "elsewhere" / "experiments" / answer.json
    assert (folder / "jobs" / "work@local" / "result.json").is_file()
    assert (desk.home.layout.experiments / answer.json).resolve() == folder
    assert desk.cli("logs").out == "line 0\nother 0\n"


def test_the_home_itself_is_a_base_like_any_other(desk):
    desk.launch(
        TASKS
        + "import os\ne = run.Experiment('lab', base_dir=os.environ['NEMORUN_HOME'] + '/../.run')\n"
        + "e.add(work)\ne.run()\ne.wait()\n"
    )

    assert not desk.home.layout.experiment(desk.home.ids()[0]).root.is_symlink()


def test_a_base_that_cannot_be_written_leaves_nothing(desk):
    desk.write("", "taken")

    answer = desk.launch(
        TASKS + "e = run.Experiment('lab', base_dir='taken')\ne.add(work)\ne.run()\n", code=1
    )

    assert f"StoreError: {desk.root}/taken: cannot be written" in answer.err
    assert desk.home.ids() == []


def test_changes_after_add_change_nothing(desk):
    answer = desk.launch(
        TASKS
        + """
import os
def see(values, **more): return [values, os.environ.get("A")]
values = [1]
executor = local(env_vars={"A": "b"})
task = run.Partial(see, values)
with run.Experiment('lab') as e:
    job = e.add(task, executor)
    values.append(2)
    task.values = [3]
    executor.env_vars["A"] = "c"
    e.run()
told(e.results()[job].value)
"""
    )

    assert answer.json == [[1], "b"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("e.add(work); e.run(); e.add(work)", "was launched already: nothing can be added"),
        ("e.add(work); e.run(); e.run()", "was launched already: it cannot run twice"),
        ("e.run()", "the experiment 'lab' has no jobs"),
        ("e.dryrun()", "the experiment 'lab' has no jobs"),
        ("e.wait()", "the experiment 'lab' is not launched yet"),
        ("e.add(work); e.status()", "the experiment 'lab' is not launched yet"),
        ("e.add(work); e.run(); e.logs('wrok')", "has no job 'wrok'"),
        ("e.add(work); e.run(); e.logs('work', regex='(')", "regex='(' is no regular expression"),
        ("e.add(work, plugins=[5])", "plugins: 5 is no run.Plugin"),
        ("e.add(work, name='///')", "name='///' cannot name a job"),
        ("run.Experiment('lab', id='a/b')", "id='a/b' cannot be part of an experiment's id"),
        ("run.Experiment.from_id('zzz')", "there is no experiment in "),
        ("run.Experiment.from_title('zzz')", "there is no experiment 'zzz' in "),
    ],
    ids=[
        "add-after-run",
        "run-twice",
        "run-empty",
        "dryrun-empty",
        "wait-too-early",
        "status-too-early",
        "unknown-job",
        "bad-regex",
        "no-plugin",
        "no-name",
        "bad-id",
        "unknown-id",
        "unknown-title",
    ],
)
def test_what_cannot_be_done_is_said(desk, body, sentence):
    answer = desk.launch(TASKS + "e = run.Experiment('lab')\n" + body.replace("; ", "\n"), code=1)

    assert "nemorun_discover.errors.UsageError" in answer.err
    assert sentence in answer.err


@pytest.mark.parametrize(
    ("count", "said"),
    [(1, ": true@local"), (9, ": 9 jobs on local")],
    ids=["few", "many"],
)
def test_the_jobs_are_named_while_they_are_few(desk, count, said):
    answer = desk.launch(f"""
        with run.Experiment("e", executor=run.LocalExecutor()) as exp:
            for _ in range({count}):
                exp.add(run.Script(inline="true"))
            exp.run()
    """)

    assert answer.err.splitlines()[0].endswith(said)
