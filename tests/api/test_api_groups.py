"""Groups: tasks that are added as a list start together and are one unit."""

from __future__ import annotations

import pytest

from nemorun_discover.api.adding import Wish, add
from nemorun_discover.api.draft import plan_of
from nemorun_discover.api.result import Result, results_of
from nemorun_discover.api.script import Script
from nemorun_discover.errors import UsageError
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.executors.slurm import SlurmExecutor
from nemorun_discover.model.record import GroupPolicy

TASKS = [Script(inline="one"), Script(inline="two")]


def test_a_group_has_an_id_and_its_members_have_theirs(draft):
    group = add(draft, TASKS, LocalExecutor(), Wish(name="g", policy="first_done", tail_logs=True))

    plan = plan_of(draft, "lab")
    assert group == "g@local"
    assert [(job.id, job.task, job.group) for job in plan.jobs] == [
        ("g/one@local", "one", "g"),
        ("g/two@local", "two", "g"),
    ]
    assert plan.groups == {"g": GroupPolicy.FIRST_DONE}
    assert draft.tailed == {"g/one@local", "g/two@local"}


def test_a_group_that_is_called_like_another_gets_a_number(draft):
    add(draft, Script(inline="x"), LocalExecutor(), Wish(name="g"))

    ids = [add(draft, TASKS, LocalExecutor(), Wish(name="g")) for _ in range(2)]

    assert ids == ["g_2@local", "g_3@local"]


def test_every_task_can_have_an_executor_of_its_own(draft):
    group = add(draft, TASKS, [LocalExecutor(), LocalExecutor(env_vars={"A": "b"})], Wish(name="g"))

    assert group == "g@local"
    assert [job.executor for job in draft.jobs] == ["local", "local-2"]


@pytest.mark.parametrize(
    ("tasks", "executor", "wish", "sentence"),
    [
        (TASKS, LocalExecutor(), Wish(), "a group of tasks needs a name"),
        ([], LocalExecutor(), Wish(name="g"), "the group 'g' has no task"),
        (
            TASKS,
            [LocalExecutor(), SlurmExecutor(account="x")],
            Wish(name="g"),
            "a group runs on executors of one kind, and these are local and slurm",
        ),
        (TASKS, [LocalExecutor()] * 3, Wish(name="g"), "2 tasks were given 3 executors"),
        (TASKS, LocalExecutor(retries=1), Wish(name="g"), "g/one@local has retries = 1"),
        (TASKS, LocalExecutor(), Wish(name="g", policy="some"), "policy='some' is no policy"),
        ([TASKS], LocalExecutor(), Wish(name="g"), "[Script("),
        (TASKS, LocalExecutor(), Wish(name="g", dependencies=["g/one"]), "dependencies: this"),
        (
            TASKS,
            LocalExecutor(),
            Wish(name="g", dependencies=["g"]),
            "dependencies: g@local cannot wait",
        ),
        (TASKS[0], [LocalExecutor()], Wish(), "executor=[LocalExecutor("),
    ],
    ids=[
        "nameless",
        "empty",
        "mixed",
        "too-many-executors",
        "retries",
        "policy",
        "nested",
        "sibling",
        "itself",
        "list-for-one",
    ],
)
def test_what_is_no_group_is_refused_and_nothing_is_added(draft, tasks, executor, wish, sentence):
    with pytest.raises(UsageError) as caught:
        add(draft, tasks, executor, wish)

    assert caught.value.message.startswith(sentence)
    assert (draft.jobs, draft.groups, draft.executors) == ([], {}, {})


GROUP = """
import json, os, sys, time
def wait_for(name, own):
    open(own, "w").close()
    while not os.path.exists(name):
        time.sleep(0.02)
    return own
def fail(): sys.exit(7)
def sleep(): time.sleep(60)
def told(value): print(json.dumps(value))
e = run.Experiment("lab", clean_mode=True, raise_on_failure=False)
"""


def test_the_members_of_a_group_start_together(desk):
    answer = desk.launch(
        GROUP
        + """
group = e.add([run.Partial(wait_for, "b", own="a"), run.Partial(wait_for, "a", own="b")], name="g")
e.run()
results = e.wait()
told([group, list(results), results[group].state, results[group].exit_code, results[group].value])
"""
    )

    assert answer.json == [
        "g@local",
        ["g/wait_for@local", "g/wait_for_2@local", "g@local"],
        "SUCCEEDED",
        0,
        ["a", "b"],
    ]


def test_a_member_that_fails_ends_the_others(desk):
    answer = desk.launch(
        GROUP
        + """
group = e.add([fail, sleep], name="g")
after = e.add(fail, dependencies=[group])
e.run()
results = e.wait()
told([[one.state, one.reason] for one in results.values()] + [results[group].exit_code])
e.logs(group)
"""
    )

    assert answer.json == [
        ["FAILED", "EXIT_CODE"],
        ["CANCELLED", "GROUP_FAILED"],
        ["SKIPPED", "UPSTREAM_FAILED"],
        ["FAILED", "EXIT_CODE"],
        7,
    ]


def test_a_group_is_cancelled_as_a_whole(desk):
    answer = desk.launch(
        GROUP
        + """
group = e.add([sleep, sleep], name="g", policy="all")
e.run()
e.cancel(group)
told([one.state for one in e.results().values()])
"""
    )

    assert answer.json == ["CANCELLED"] * 3


def test_the_command_line_selects_members_by_the_groups_name(desk):
    desk.launch(
        GROUP + "e.add([run.Partial(wait_for, '.', 'a')], name='g')\ne.add(sleep)\ne.run()\n"
    )
    experiment = desk.home.ids()[0]
    desk.wait_until(lambda: desk.states(experiment)["g/wait_for@local"] == "SUCCEEDED")

    desk.cli("cancel", "-k", "sleep")
    desk.cli("rerun", experiment, "-k", "g")

    newest = next(desk.home.newest_first())
    assert desk.states(newest) == {"g/wait_for@local": "SUCCEEDED"}


def test_a_group_is_what_the_worst_of_its_members_is(make_status):
    status = make_status(
        a=("SUCCEEDED", 0), b=("FAILED", 3), c=("FAILED", None), d=("SKIPPED", None)
    )

    results = results_of(status, {"g": ["a", "b"], "killed": ["a", "c", "b"], "s": ["a", "d"]})

    assert [(results[one].state, results[one].exit_code) for one in ("g", "killed", "s")] == [
        ("FAILED", 3),
        ("FAILED", None),
        ("SKIPPED", None),
    ]
    assert isinstance(results["g"], Result)


@pytest.mark.parametrize("name", ["pair", "pair@local"])
def test_the_command_line_cancels_a_group_by_its_name(desk, name):
    desk.launch("""
        with run.Experiment("g", executor=run.LocalExecutor()) as exp:
            exp.add([run.Script(inline="sleep 60"), run.Script(inline="sleep 60")], name="pair")
            exp.add(run.Script(inline="true"), name="other")
            exp.run(detach=True)
    """)

    desk.cli("cancel", "@last", name)

    desk.cli("wait", "@last", code=1)
    states = desk.states(desk.home.find())
    assert sorted(states.values()) == ["CANCELLED", "CANCELLED", "SUCCEEDED"]
