"""Values side by side: what is the same, which jobs belong together, what a recorded diff says of a file."""

from __future__ import annotations

import pytest

from nemorun_discover.lifecycle.compare import executor_differences
from nemorun_discover.lifecycle.compare_code import changed_files, sections_of
from nemorun_discover.lifecycle.compare_jobs import (
    pair_jobs,
    parameter_differences,
    setting_differences,
)
from nemorun_discover.lifecycle.leaves import Difference, differences, is_same, leaves_of
from nemorun_discover.model.job import Condition, Job
from nemorun_discover.model.task import MISSING
from nemorun_discover.packaging.listing import Entry


def job(job_id, **fields):
    task, executor = job_id.partition("@")[0].partition("[")[0], job_id.rpartition("@")[2]
    made = {"id": job_id, "slug": job_id, "task": task, "file": "t.py", "executor": executor}
    return Job(**(made | fields))


def ids(pairs):
    return [(one.id, other.id) for one, other in pairs]


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (0.1 + 0.2, 0.3, False),
        ([1, [True]], [1, [1]], False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        (None, MISSING, False),
        ("1", 1, False),
    ],
    ids=repr,
)
def test_values_are_the_same_as_json_is(before, after, same):
    assert is_same(before, after) is same


def test_leaves_have_dotted_names_and_hidden_secrets_are_masked():
    found = leaves_of({"a": {"b": 1, "c": {}}, "k": {"$secret": "KEY"}, "l": [{"x": 1}]})

    assert found == {"a.b": 1, "a.c": {}, "k": "***", "l": [{"x": 1}]}


def test_an_empty_object_that_was_filled_is_told_by_what_is_in_it():
    found = differences("x", {"env": {}}, {"env": {"A": "1"}})

    assert [(one.name, one.before, one.after) for one in found] == [("env.A", MISSING, "1")]


def test_an_empty_object_that_went_is_a_difference():
    assert [one.name for one in differences("x", {"env": {}}, {})] == ["env"]


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [(1, 3, 2), (0.5, 0.25, -0.25), (True, 2, None), ("1", 2, None), (MISSING, 2, None)],
    ids=repr,
)
def test_only_numbers_have_grown(before, after, change):
    assert Difference(place="x", name="y", before=before, after=after).change == change


def test_jobs_belong_together_by_id_then_task_and_executor_then_cell():
    first = [job("t[lr=1]@a"), job("t[lr=2]@a"), job("e[x=1]@a"), job("old@a")]
    second = [job("e[x=1]@b"), job("t[lr=2]@a"), job("t[lr=3]@a"), job("new@b")]

    found = pair_jobs(first, second)

    assert ids(found.pairs) == [
        ("t[lr=1]@a", "t[lr=3]@a"),
        ("t[lr=2]@a", "t[lr=2]@a"),
        ("e[x=1]@a", "e[x=1]@b"),
    ]
    assert (found.only_first, found.only_second) == (("old@a",), ("new@b",))


def test_an_exact_value_is_compared_and_not_the_words_for_it():
    exact = [{"p": {"$type": "path", "value": text}} for text in ("/a", "/b")]
    pair = (
        job("t@a", params={"p": "x"}, exact=exact[0]),
        job("t@a", params={"p": "x"}, exact=exact[1]),
    )

    (found,) = parameter_differences([pair])

    assert (found.name, found.before, found.after) == ("p.value", "/a", "/b")


def test_waiting_for_the_counterpart_is_no_difference():
    pairs = [
        (job("t@a"), job("t@b")),
        (
            job("e@a", after={"t": ("t@a",)}, conditions={"t@a": Condition.ANY}),
            job("e@b", after={"t": ("t@b",)}, conditions={"t@b": Condition.ANY}),
        ),
    ]

    assert setting_differences(pairs) == ()


def test_limits_and_arguments_of_jobs_differ():
    pair = (job("t@a", timeout_s=60.0, args=("x",)), job("t@a", retries=2, args=("y",)))

    found = {one.name: (one.before, one.after) for one in setting_differences([pair])}

    assert found == {"args": (["x"], ["y"]), "timeout_s": (60.0, None), "retries": (0, 2)}


def entry(path, content="a", mode="file"):
    return Entry(path=path, mode=mode, sha256=content * 64, size=1)


def test_a_mode_is_a_change_too():
    before = {one.path: one for one in (entry("a"), entry("b"), entry("c"))}
    after = {one.path: one for one in (entry("a", mode="exec"), entry("b"), entry("d"))}

    found = [(one.path, one.how) for one in changed_files(before, after)]

    assert found == [("a", "changed"), ("c", "removed"), ("d", "added")]


def test_a_recorded_diff_is_told_apart_by_file():
    diff = (
        "diff --git a/a b.py b/a b.py\n-x\n"
        "diff --git a/b.py b/b.py\n+diff --git a/no b/no\n"
        'diff --git "a/\\303\\251" "b/\\303\\251"\n+y\n'
    )

    found = sections_of(diff)

    assert found == {
        "a b.py": "\n-x\n",
        "b.py": "\n+diff --git a/no b/no\n",
        '"a/\\303\\251" "b/\\303\\251"': "\n+y\n",
    }


def test_no_diff_has_no_sections():
    assert sections_of("") == {}


def test_a_field_of_another_kind_that_says_nothing_is_no_difference():
    before = {"packager": {"kind": "none", "old": ""}}
    after = {"packager": {"kind": "git", "ref": None, "check": False, "submodules": True}}

    found = [one.name for one in executor_differences("executor x", before, after)]

    assert found == ["packager.kind", "packager.submodules"]
