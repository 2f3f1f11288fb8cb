"""Which jobs run again, what they wait for, and what they are called after a change."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from nemorun_discover.discovery.arguments import Assignment
from nemorun_discover.errors import UsageError
from nemorun_discover.lifecycle.relabel import on_executor, relabelled, settle
from nemorun_discover.lifecycle.rerun_changes import (
    Changes,
    assignments,
    new_defaults,
    profile_options,
)
from nemorun_discover.lifecycle.rerun_jobs import jobs_again, whole_groups
from nemorun_discover.lifecycle.rerun_params import (
    RecordedTypes,
    mismatches,
    with_new_values,
)
from nemorun_discover.model.event import Event, EventType
from nemorun_discover.model.job import Condition, Job
from nemorun_discover.model.layout import ExperimentLayout
from nemorun_discover.model.record import Project, Record
from nemorun_discover.model.replay import replay
from nemorun_discover.model.state import State

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ID = "20261122-0712-x-abcd"


def job(job_id, **fields):
    task = job_id.partition("@")[0].partition("[")[0]
    slug = job_id.replace("[", "-").replace("]", "")
    made = {"id": job_id, "slug": slug, "task": task, "file": "tasks.py", "function": task}
    return Job(**(made | {"executor": job_id.rpartition("@")[2]} | fields))


def record(*jobs):
    return Record(
        id=ID,
        title="x",
        created_at=NOW,
        argv=("nemorun",),
        cwd="/",
        user="me",
        host="here",
        versions={},
        project=Project(root="/", name="x"),
        jobs=jobs,
    )


def status(of, **states):
    """Where jobs stand, by task; those not named have succeeded."""
    events = [
        Event(
            at=NOW,
            type=EventType.STATE,
            job=one.id,
            state=State(states.get(one.task, "SUCCEEDED")),
        )
        for one in of.jobs
    ]
    return replay(of, events, layout=ExperimentLayout(Path("/x")), as_of=NOW)


def again(of, *chosen, **states):
    return {one.task: one for one in jobs_again(of, status(of, **states), set(chosen))}


def waiting(condition):
    return record(
        job("train@local"),
        job(
            "after@local",
            after={"train": ("train@local",)},
            conditions={"train@local": condition},
        ),
    )


def test_a_job_waits_for_what_runs_again_with_it():
    of = waiting(Condition.NOTOK)

    found = again(of, "train@local", "after@local", train="FAILED")

    assert found["after"].after == {"train": ("train@local",)}
    assert found["after"].conditions == {"train@local": Condition.NOTOK}
    assert found["after"].earlier == {}


@pytest.mark.parametrize(
    ("condition", "state"),
    [
        (Condition.OK, "SUCCEEDED"),
        (Condition.ANY, "SUCCEEDED"),
        (Condition.ANY, "FAILED"),
        (Condition.NOTOK, "FAILED"),
        (Condition.NOTOK, "CANCELLED"),
    ],
    ids=str,
)
def test_an_upstream_job_that_ended_as_it_had_to_is_used_as_it_is(condition, state):
    found = again(waiting(condition), "after@local", train=state)

    assert found["after"].after == {}
    assert found["after"].conditions == {}
    assert found["after"].earlier == {"train": (f"{ID}/train@local",)}


def test_an_upstream_job_that_may_end_in_any_way_is_not_waited_for_when_it_has_not():
    found = again(waiting(Condition.ANY), "after@local", train="RUNNING")

    assert (found["after"].after, found["after"].earlier) == ({}, {})


@pytest.mark.parametrize(
    ("condition", "state", "sentence"),
    [
        (Condition.OK, "FAILED", "after@local comes after train@local, which has not succeeded"),
        (
            Condition.NOTOK,
            "SUCCEEDED",
            "after@local runs when train@local has failed, which it has not",
        ),
        (
            Condition.NOTOK,
            "RUNNING",
            "after@local runs when train@local has failed, which it has not",
        ),
    ],
    ids=["ok", "notok", "notok-running"],
)
def test_an_upstream_job_that_ended_otherwise_is_refused(condition, state, sentence):
    with pytest.raises(UsageError) as raised:
        again(waiting(condition), "after@local", train=state)

    assert raised.value.message == sentence


def test_what_was_used_from_before_stays_used():
    of = record(job("after@local", earlier={"train": ("old/train@local",)}))

    assert again(of, "after@local")["after"].earlier == {"train": ("old/train@local",)}


def test_a_group_runs_again_as_a_whole():
    of = record(job("a@local", group="g"), job("b@local", group="g"), job("c@local"))

    chosen, notes = whole_groups(of, ["b@local"])

    assert chosen == {"a@local", "b@local"}
    assert notes == ("the group g runs again as a whole: also a@local",)


def test_a_group_that_is_chosen_as_a_whole_needs_no_note():
    of = record(job("a@local", group="g"), job("b@local", group="g"))

    assert whole_groups(of, ["a@local", "b@local"]) == ({"a@local", "b@local"}, ())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("train[lr=0.1]@local", "train[lr=0.5]@local"),
        ("train[seed=1,lr=0.1]@local", "train[seed=1,lr=0.5]@local"),
        ("train@local", "train[lr=0.5]@local"),
        ("train[small]@local", "train[small,lr=0.5]@local"),
        ("a/b.py::train[lr=0.1]@local", "a/b.py::train[lr=0.5]@local"),
        ("a[1].py::train@local", "a[1].py::train[lr=0.5]@local"),
        ("alone", "alone[lr=0.5]"),
    ],
    ids=["named", "one-of-two", "unnamed", "label", "file", "bracket-in-file", "no-executor"],
)
def test_a_changed_parameter_is_in_the_id(before, after):
    assert relabelled(before, {"lr": 0.5}) == after


def test_a_value_that_no_id_can_hold_is_counted():
    assert relabelled("t@local", {"data": "a b,c"}) == "t[data=data0]@local"


def test_the_executor_is_the_end_of_the_id():
    assert on_executor("train[lr=0.1]@local", "slurm_a") == "train[lr=0.1]@slurm_a"
    assert on_executor("alone", "slurm_a") == "alone@slurm_a"


def test_jobs_that_have_become_the_same_run_once():
    old = [job("t[lr=1]@a"), job("t[lr=2]@a"), job("e[lr=2]@a", after={"t": ("t[lr=2]@a",)})]
    new = [
        job("t[lr=3]@a", params={"lr": 3}),
        job("t[lr=3]@a", params={"lr": 3}),
        job("e[lr=3]@a", params={"lr": 3}, after={"t": ("t[lr=2]@a",)}),
    ]

    jobs, same = settle(old, new)

    assert [one.id for one in jobs] == ["t[lr=3]@a", "e[lr=3]@a"]
    assert jobs[1].after == {"t": ("t[lr=3]@a",)}
    assert same == (("t[lr=2]@a", "t[lr=3]@a"),)


def test_jobs_that_differ_keep_ids_and_folders_of_their_own():
    old = [job("t@a"), job("t@b")]
    new = [job("t@c", params={"lr": 1}), job("t@c", params={"lr": 2})]

    jobs, same = settle(old, new)

    assert [(one.id, one.slug) for one in jobs] == [("t@c", "t@c"), ("t-2@c", "t-2@c")]
    assert same == ()


def test_words_and_options_give_new_values():
    changes = Changes(
        params=("lr=0.1",),
        sets=("train.n=1,2",),
        overrides=("tasks.train.params.name=x = y",),
    )

    found = [(one.task, one.name, one.text) for one in assignments(changes)]
    (default,) = new_defaults(changes.overrides)

    assert found == [(None, "lr", "0.1"), ("train", "n", "1,2")]
    assert (default.task, default.name) == ("train", "name")


def test_options_of_profiles_are_told_from_those_of_tasks():
    options = ("tasks.train.params.lr=1", "profiles.local.timeout=2h", 'profiles."a/b".retries=1')

    found = profile_options(options)

    assert found == [("local", "profiles.local.timeout=2h"), ("a/b", 'profiles."a/b".retries=1')]


@pytest.mark.parametrize(
    "option", ["project.name=x", "tasks.train.timeout=2h", "tasks.train.params={}"], ids=str
)
def test_an_option_that_a_rerun_does_not_read_is_refused(option):
    with pytest.raises(UsageError, match="does not change a rerun"):
        [*profile_options([option]), *new_defaults([option])]


def value(text, name="lr", task=None):
    return Assignment(name=name, text=text, task=task)


def with_values(jobs, given, types=None):
    known = RecordedTypes(Project(root="/nowhere", name="x"), types or {})
    pairs, sentences = with_new_values(jobs, given, known)
    return tuple(new for _, new in pairs), sentences


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [
        (0.1, "1e-3", 0.001),
        (0.1, "2", 2.0),
        (3, "4", 4),
        (3, "0.5", 0.5),
        (True, "false", False),
        (False, "1", True),
        ("a", "1", "1"),
        ("a", "", ""),
        (None, "1", 1),
        (None, "null", None),
        (None, "'x,y'", "x,y"),
        ([1], "[2, 3]", [2, 3]),
        ({"a": 1}, "{b: 2}", {"b": 2}),
    ],
    ids=repr,
)
def test_where_no_annotation_is_known_a_value_is_of_the_recorded_ones_type(before, text, after):
    (found,), _ = with_values([job("t@a", params={"lr": before})], [value(text)])

    assert found.params == {"lr": after}
    assert type(found.params["lr"]) is type(after)


@pytest.mark.parametrize(
    ("before", "text"),
    [(0.1, "abc"), (0.1, "nan"), (3, "inf"), (True, "2"), ([1], '{"a": 1}'), ({}, "x")],
    ids=repr,
)
def test_a_value_of_another_type_is_refused(before, text):
    with pytest.raises(UsageError, match=r"lr: .* is not an? "):
        with_values([job("t@a", params={"lr": before})], [value(text)])


def test_every_job_that_has_the_parameter_gets_the_value_and_a_sentence_says_so():
    jobs = [
        job("t[lr=1]@a", params={"lr": 1}),
        job("e@a", params={"lr": 1, "n": 2}),
        job("other@a"),
    ]

    found, sentences = with_values(jobs, [value("5")])

    assert [one.id for one in found] == ["t[lr=5]@a", "e[lr=5]@a", "other@a"]
    assert sentences == ("lr = 5 instead of 1 in t[lr=1]@a, e@a",)


def test_a_value_for_one_task_leaves_the_others_and_wins():
    jobs = [job("t@a", params={"lr": 1}), job("e@a", params={"lr": 1})]

    found, _ = with_values(jobs, [value("5", task="e"), value("7")])

    assert [one.params["lr"] for one in found] == [7, 5]


def test_a_value_that_it_has_already_changes_nothing():
    jobs = [job("t@a", params={"lr": 0.5})]

    assert with_values(jobs, [value("0.5")]) == (tuple(jobs), ())


def test_a_parameter_that_was_left_to_its_default_can_be_given():
    types = {"tasks.py::t": {"lr": "float"}}

    found, sentences = with_values([job("t@a")], [value("1")], types)

    assert found[0].params == {"lr": 1.0}
    assert sentences == ("lr = 1.0 instead of its default in t@a",)


def test_a_type_that_an_import_would_tell_is_the_recorded_values_where_the_project_is_gone():
    types = {"tasks.py::t": {"lr": ["unknown", "Far", [], [], []]}}

    found, _ = with_values([job("t@a", params={"lr": "A"})], [value("B")], types)

    assert found[0].params == {"lr": "B"}


def test_a_parameter_that_no_job_has_is_refused_with_those_there_are():
    with pytest.raises(UsageError) as raised:
        with_values([job("t@a", params={"rate": 1})], [value("5", name="rat")])

    assert "no job that runs again has a parameter 'rat'; did you mean rate?" in str(raised.value)
    assert raised.value.hint == "there are: rate"


def test_an_object_of_python_is_not_changed_by_text():
    jobs = [job("t@a", params={"lr": "x"}, exact={"lr": {"$type": "path"}})]

    with pytest.raises(UsageError, match="is a Python object"):
        with_values(jobs, [value("5")])


def test_a_sweep_makes_a_job_of_each_value_and_those_after_it_follow():
    jobs = [
        job("t@a", params={"lr": 1, "n": 1}),
        job("e@a", params={"lr": 1}, after={"t": ("t@a",)}),
        job("all@a", after={"t": ("t@a",)}),
    ]
    known = RecordedTypes(Project(root="/nowhere", name="x"), {})

    pairs, sentences = with_new_values(jobs, [value("1,2")], known)
    found, same = settle([old for old, _ in pairs], [new for _, new in pairs])

    assert same == ()
    assert {one.id: one.after.get("t") for one in found} == {
        "t[lr=1]@a": None,
        "t[lr=2]@a": None,
        "e[lr=1]@a": ("t[lr=1]@a",),
        "e[lr=2]@a": ("t[lr=2]@a",),
        "all@a": ("t[lr=1]@a", "t[lr=2]@a"),
    }
    assert sentences == ("lr = 2 instead of 1 in t@a, e@a",)
    assert mismatches(record(*jobs), pairs) == []


def test_a_sweep_that_leaves_a_job_without_its_upstream_is_refused():
    jobs = [
        job("t@a", params={"lr": 1}),
        job("e@a", params={"lr": 1}, after={"t": ("t@a",)}),
    ]
    known = RecordedTypes(Project(root="/nowhere", name="x"), {})
    pairs, _ = with_new_values(jobs, [value("2,3", task="t")], known)

    with pytest.raises(UsageError, match=r"e@a comes after t, and none of its jobs has lr=1"):
        settle([old for old, _ in pairs], [new for _, new in pairs])


def test_a_group_is_not_torn_apart_by_a_sweep():
    jobs = [job("g/t@a", params={"lr": 1}, group="g")]

    with pytest.raises(UsageError, match="is a member of the group g, and lr has several values"):
        with_values(jobs, [value("2,3")])


def test_a_value_that_upstream_and_downstream_do_not_share_any_more_is_said():
    of = record(
        job("t@a", params={"lr": 1}),
        job("e@a", params={"lr": 1}, after={"t": ("t@a",)}),
    )
    after = job("e[lr=5]@a", params={"lr": 5}, after={"t": ("t@a",)})

    assert mismatches(of, [(of.jobs[1], after)]) == [
        "e[lr=5]@a has lr = 5, and t@a, which it comes after, has 1"
    ]


def test_a_value_that_was_not_shared_before_is_no_mismatch():
    of = record(
        job("t@a", params={"lr": 1}),
        job("e@a", params={"lr": 2}, after={"t": ("t@a",)}),
    )

    assert mismatches(of, [(of.jobs[1], of.jobs[1])]) == []


def test_sentences_name_the_jobs_as_they_were():
    jobs = [job("t@a", params={"lr": 1, "n": 1})]

    (found,), sentences = with_values(jobs, [value("2"), value("3", name="n")])

    assert found.id == "t[lr=2,n=3]@a"
    assert sentences == ("lr = 2 instead of 1 in t@a", "n = 3 instead of 1 in t@a")
