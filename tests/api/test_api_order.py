"""What a job waits for, and under which name jobs are known."""

from __future__ import annotations

import pytest

import nemorun
from nemorun_discover.api.adding import Wish, add
from nemorun_discover.api.draft import in_sequence, plan_of
from nemorun_discover.api.named import jobs_called
from nemorun_discover.api.partial import Partial
from nemorun_discover.api.script import Script
from nemorun_discover.errors import UsageError
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.executors.slurm import SlurmExecutor
from nemorun_discover.model.job import Condition

TASK = Script(inline="true")


def add_script(draft, name, executor=None, **wish):
    return add(draft, TASK, executor or LocalExecutor(), Wish(name=name, **wish))


def after_of(draft):
    return {job.id: job.after for job in draft.jobs if job.after}


def test_a_job_is_called_by_its_name_and_its_executors_kind(draft):
    ids = [
        add_script(draft, "a"),
        add_script(draft, "a"),
        add_script(draft, "a"),
        add_script(draft, "a_2"),
        add_script(draft, "a", SlurmExecutor(account="x")),
        add_script(draft, ""),
        add_script(draft, "two words; [lr=1]"),
    ]

    assert ids == [
        "a@local",
        "a_2@local",
        "a_3@local",
        "a_2_2@local",
        "a@slurm",
        "true@local",
        "two-words-[lr=1]@local",
    ]


def test_equal_executors_share_a_name_and_others_get_a_number(draft):
    first = LocalExecutor(env_vars={"API_KEY": "1"})
    other = LocalExecutor(env_vars={"API_KEY": "2"})

    ids = [add_script(draft, "a", one) for one in (first, other, first.clone(), LocalExecutor())]

    assert ids == ["a@local", "a@local-2", "a_2@local", "a@local-3"]
    assert draft.secrets == {"local": {"API_KEY": "1"}, "local-2": {"API_KEY": "2"}}
    assert "'1'" not in str(draft.executors)


def test_the_task_keeps_its_name_where_the_id_gets_a_number(draft):
    add_script(draft, "a")
    add_script(draft, "a")

    assert [job.task for job in draft.jobs] == ["a", "a"]


def reads_outputs():
    own = nemorun.current()
    return (nemorun.upstream("one").output_dir, own.output_dir)


def reads_results():
    return nemorun.upstream("one").result, nemorun.current().output_dir


def test_a_job_gets_the_outputs_that_it_asks_for(draft):
    one, two = add_script(draft, "one"), add_script(draft, "two")

    add_script(draft, "said", dependencies=[two], inputs=[one])
    for function, more in (
        (reads_outputs, {}),
        (reads_results, {}),
        (reads_outputs, {"inputs": []}),
    ):
        wish = Wish(dependencies=[one, two], **more)
        add(draft, Partial(function), LocalExecutor(), wish)

    said, *others = draft.jobs[2:]
    assert said.after == {"one": (one,), "two": (two,)}
    assert [job.inputs for job in (said, *others)] == [("one",), ("one",), (), ()]


def test_a_job_waits_for_what_it_names(draft):
    one, two = add_script(draft, "one"), add_script(draft, "two")

    add_script(draft, "x", dependencies=[one, (two, "any"), ("one", "ok")])
    add_script(draft, "y", dependencies="x")
    add_script(draft, "z", dependencies=[("x", "notok")])

    assert after_of(draft) == {
        "x@local": {"one": ("one@local",), "two": ("two@local",)},
        "y@local": {"x": ("x@local",)},
        "z@local": {"x": ("x@local",)},
    }
    assert [job.conditions for job in draft.jobs[2:]] == [
        {"two@local": Condition.ANY},
        {},
        {"x@local": Condition.NOTOK},
    ]


def test_a_group_is_waited_for_as_a_whole(draft):
    group = add(draft, [TASK, TASK], LocalExecutor(), Wish(name="g"))

    add_script(draft, "x", dependencies=[(group, "any")])
    add_script(draft, "y", dependencies=["g"])

    members = ("g/true@local", "g/true_2@local")
    assert after_of(draft) == {"x@local": {"true": members}, "y@local": {"true": members}}
    assert draft.jobs[2].conditions == dict.fromkeys(members, Condition.ANY)


@pytest.mark.parametrize(
    ("dependencies", "sentence"),
    [
        (["trian"], "dependencies: this experiment has no job 'trian'"),
        (["x"], "dependencies: x@local cannot wait for itself"),
        (["x@local"], "dependencies: x@local cannot wait for itself"),
        ([("train", "maybe")], "dependencies: 'maybe' is no condition of train"),
        ([("train", "ok", 1)], "dependencies: ('train', 'ok', 1) is no dependency"),
        ([5], "dependencies: 5 is no dependency"),
        (["both"], "dependencies: 'both' means 2 jobs of this experiment: both@local, both@slurm"),
    ],
    ids=["unknown", "own-name", "own-id", "condition", "triple", "number", "ambiguous"],
)
def test_what_cannot_be_waited_for_is_refused(draft, dependencies, sentence):
    add_script(draft, "train")
    add_script(draft, "both")
    add_script(draft, "both", SlurmExecutor(account="x"))

    with pytest.raises(UsageError) as caught:
        add_script(draft, "x", dependencies=dependencies)

    assert caught.value.message == sentence
    assert len(draft.jobs) == 3


def test_a_misspelt_dependency_is_understood(draft):
    add_script(draft, "train")

    with pytest.raises(UsageError) as caught:
        add_script(draft, "x", dependencies=["trian"])

    assert caught.value.hint == "did you mean train?"


def test_a_name_that_is_taken_again_means_the_first(draft):
    add_script(draft, "a")

    second = add_script(draft, "a", dependencies=["a"])

    assert after_of(draft) == {second: {"a": ("a@local",)}}


def test_in_sequence_each_waits_for_the_one_before(draft):
    add_script(draft, "a")
    add(draft, [TASK, TASK], LocalExecutor(), Wish(name="g"))
    add_script(draft, "b")

    chained = in_sequence(draft)

    members = ("g/true@local", "g/true_2@local")
    assert after_of(chained) == {
        **{one: {"a": ("a@local",)} for one in members},
        "b@local": {"true": members},
    }
    assert after_of(draft) == {}


def test_a_sequence_and_dependencies_are_one_too_many(draft):
    first = add_script(draft, "a")
    add_script(draft, "b", dependencies=[first])

    with pytest.raises(UsageError) as caught:
        in_sequence(draft)

    assert caught.value.message == (
        "b@local has dependencies, and run(sequential=True) would replace them"
    )


def test_every_job_gets_a_folder_of_its_own(draft):
    for name in ("a", "A", "a"):
        add_script(draft, name)
    add(draft, [TASK, TASK], LocalExecutor(), Wish(name="g"))

    slugs = [job.slug for job in plan_of(draft, "lab").jobs]

    assert len({slug.casefold() for slug in slugs}) == 5
    assert all("/" not in slug for slug in slugs)


def test_jobs_and_groups_are_found_by_id_and_by_name(draft):
    add_script(draft, "a")
    add(draft, [TASK], LocalExecutor(), Wish(name="g"))

    found = [
        jobs_called(name, draft.jobs, "lab") for name in ("a", "a@local", "g", "g@local", "g/true")
    ]

    assert found == [("a@local",), ("a@local",), *[("g/true@local",)] * 3]


def test_jobs_wait_as_they_were_told(desk):
    answer = desk.launch(
        """
import json, time
def write(name, fail=False):
    with open("order.txt", "a") as file:
        file.write(name + " ")
    if fail:
        raise ValueError(name)
def add(name, *after, fail=False):
    return e.add(run.Partial(write, name, fail), name=name, dependencies=after)
with run.Experiment("lab", raise_on_failure=False) as e:
    a = add("a")
    b = add("b", a, fail=True)
    add("never", b)
    add("cleanup", (b, "notok"))
    add("always", (b, "any"), "a")
    add("not-needed", (a, "notok"))
    e.run()
print(json.dumps({id: one.state for id, one in e.results().items()}))
"""
    )

    assert answer.json == {
        "a@local": "SUCCEEDED",
        "b@local": "FAILED",
        "never@local": "SKIPPED",
        "cleanup@local": "SUCCEEDED",
        "always@local": "SUCCEEDED",
        "not-needed@local": "SKIPPED",
    }
    ran = (desk.root / "order.txt").read_text().split()
    assert ran[:2] == ["a", "b"]
    assert sorted(ran[2:]) == ["always", "cleanup"]


def test_a_sequence_runs_one_after_the_other(desk):
    desk.launch(
        """
import time
def write(name):
    time.sleep(0.3 - name / 10)
    with open("order.txt", "a") as file:
        file.write(f"{name} ")
with run.Experiment("lab") as e:
    for name in range(3):
        e.add(run.Partial(write, name))
    e.run(sequential=True)
"""
    )

    assert (desk.root / "order.txt").read_text() == "0 1 2 "


def test_a_job_reads_what_the_one_before_returned(desk):
    answer = desk.launch(
        """
import json
def train(lr): return {"lr": lr}
def evaluate(): return [run.upstream("first").result, [one.job_id for one in run.upstreams("train")]]
with run.Experiment("lab", clean_mode=True) as e:
    ids = [e.add(run.Partial(train, 1), name="first"), e.add(run.Partial(train, 2)), e.add(run.Partial(train, 3))]
    last = e.add(evaluate, dependencies=ids)
    e.run()
print(json.dumps(e.results()[last].value))
"""
    )

    assert answer.json == [{"lr": 1}, ["train@local", "train_2@local"]]
