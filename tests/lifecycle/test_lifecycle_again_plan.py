"""The plan of a rerun: everything that the record says, and nothing of the project."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from nemorun_discover.errors import NothingSelected, UsageError
from nemorun_discover.lifecycle.again import rerun
from nemorun_discover.lifecycle.rerun_changes import Changes
from nemorun_discover.model.event import Event, EventType
from nemorun_discover.model.job import Condition, Job
from nemorun_discover.model.record import (
    GroupPolicy,
    PackagedCode,
    PluginReference,
    Project,
    Record,
)
from nemorun_discover.model.state import State
from nemorun_discover.store.create import create_experiment
from nemorun_discover.store.home import open_home
from nemorun_discover.store.journal import append_events

NOW = datetime(2026, 11, 22, 7, 12, tzinfo=UTC)
ID = "20261122-0712-x-abcd"
LOCAL = {"kind": "local", "packager": {"kind": "none"}, "env_vars": {"A_KEY": {"$secret": "A_KEY"}}}


def job(task, executor="local", **fields):
    job_id = f"{task}@{executor}"
    made = {"id": job_id, "slug": job_id, "task": task, "file": "t.py", "function": task}
    return Job(**(made | {"executor": executor} | fields))


@pytest.fixture
def put(tmp_path):
    """Writes an experiment in which every job has succeeded, save those whose state is given."""
    home = open_home(os.environ)

    def write(*jobs, states=None, **fields):
        defaults = {
            "id": ID,
            "title": "x",
            "created_at": NOW,
            "argv": ("nemorun",),
            "cwd": "/",
            "user": "me",
            "host": "here",
            "versions": {},
            "project": Project(root=str(tmp_path), name="x", pythonpath=("src",)),
            "executors": {"local": LOCAL},
        }
        lock = create_experiment(home, Record(jobs=jobs, **(defaults | fields)), {})
        os.close(lock)
        ended = {one.id: State((states or {}).get(one.id, "SUCCEEDED")) for one in jobs}
        append_events(
            home.layout.experiment(ID).events,
            [Event(at=NOW, type=EventType.STATE, job=one, state=how) for one, how in ended.items()],
        )
        return home

    return write


def test_a_rerun_has_all_that_was_asked(put):
    plugin = PluginReference(name="Mine", module="mine", fields={"a": 1})
    jobs = (
        job("a", group="g", params={"lr": 1}, exact={"p": {"$type": "path"}}),
        job("b", group="g", after={"c": ("c@local",)}, conditions={"c@local": Condition.ANY}),
        job("c", retries=2, timeout_s=60.0),
    )
    home = put(
        *jobs,
        groups={"g": GroupPolicy.FIRST_DONE, "other": GroupPolicy.ALL},
        plugins=(plugin,),
        without_plugins=("wandb",),
        max_jobs=3,
        maxfail=1,
    )

    plan = rerun(home, ID, [one.id for one in jobs], ("nemorun", "rerun", "--token", "x"))

    assert plan.jobs == jobs
    assert plan.executors == {"local": LOCAL}
    assert plan.groups == {"g": GroupPolicy.FIRST_DONE}
    assert (plan.plugins, plan.without_plugins) == ((plugin,), ("wandb",))
    assert (plan.max_jobs, plan.maxfail, plan.rerun_of) == (3, 1, ID)
    assert plan.project.pythonpath == ("src",)
    assert plan.argv == ("nemorun", "rerun", "--token", "***")
    assert plan.changes == ()


def test_one_of_a_group_brings_the_others(put):
    home = put(job("a", group="g"), job("b", group="g"), states={"a@local": "FAILED"})

    plan = rerun(home, ID, ["a@local"], ())

    assert [one.id for one in plan.jobs] == ["a@local", "b@local"]
    assert plan.notes == ("the group g runs again as a whole: also b@local",)


def test_a_change_keeps_conditions_and_groups_under_the_new_ids(put):
    home = put(
        job("a", params={"lr": 1}),
        job(
            "b",
            params={"lr": 1},
            group="g",
            after={"a": ("a@local",)},
            conditions={"a@local": Condition.NOTOK},
        ),
        states={"a@local": "FAILED"},
    )

    plan = rerun(home, ID, ["a@local", "b@local"], (), Changes(params=("lr=2",)), env={})

    b = plan.jobs[1]
    assert (b.id, b.slug, b.group) == ("b[lr=2]@local", "b-lr=2@local", "g")
    assert b.after == {"a": ("a[lr=2]@local",)}
    assert b.conditions == {"a[lr=2]@local": Condition.NOTOK}


def test_an_override_keeps_the_names_of_secrets(put):
    home = put(job("a"))
    changes = Changes(overrides=("profiles.local.env_vars.B_KEY=x", "profiles.local.grace_s=3"))

    plan = rerun(home, ID, ["a@local"], (), changes, env={})

    assert plan.executors["local"]["env_vars"] == {
        "A_KEY": {"$secret": "A_KEY"},
        "B_KEY": {"$secret": "B_KEY"},
    }
    assert plan.executors["local"]["grace_s"] == 3
    assert plan.secrets == {"local": {"B_KEY": "x"}}
    assert not any('= "x"' in change for change in plan.changes)


def test_limits_that_came_from_the_executor_change_with_it_and_the_tasks_own_stay(put):
    table = {**LOCAL, "timeout": "1h", "retries": 1}
    home = put(
        job("a", timeout_s=3600.0, retries=1),
        job("b", timeout_s=60.0, retries=5),
        executors={"local": table},
    )
    changes = Changes(overrides=("profiles.local.timeout=2h", "profiles.local.retries=3"))

    plan = rerun(home, ID, ["a@local", "b@local"], (), changes, env={})

    assert [(one.timeout_s, one.retries) for one in plan.jobs] == [(7200.0, 3), (60.0, 5)]


def test_no_job_is_nothing(put):
    home = put(job("a"))

    with pytest.raises(NothingSelected):
        rerun(home, ID, [], ())


def test_a_project_that_is_gone_is_one_sentence(put, tmp_path):
    home = put(job("a"), project=Project(root=str(tmp_path / "gone"), name="x"))

    with pytest.raises(UsageError, match=r"gone: the project of .* is not there any more"):
        rerun(home, ID, ["a@local"], ())


def test_a_package_that_is_gone_is_refused_before_anything_runs(put):
    code = PackagedCode(digest="0" * 64)
    home = put(job("a"), packages={"local": code})

    with pytest.raises(UsageError) as raised:
        rerun(home, ID, ["a@local"], ())

    assert raised.value.hint == "--fresh-code runs the project's code as it is now"


def test_fresh_code_forgets_the_package_and_the_record_says_so(put):
    home = put(job("a"), packages={"local": PackagedCode(digest="0" * 64)})

    plan = rerun(home, ID, ["a@local"], (), Changes(fresh_code=True), env={})

    assert plan.packages == {}
    assert plan.changes == (f"the code is the project's as it is now, not that of {ID}",)
