from __future__ import annotations

import pytest

from nemorun_discover.discovery.order import upstream_first, with_dependencies
from nemorun_discover.errors import CollectionError


@pytest.mark.parametrize(
    ("names", "after", "expected"),
    [
        ("abc", {}, "abc"),
        ("abc", {"a": "b"}, "bac"),
        ("abcd", {"b": "a", "d": "c"}, "abcd"),
        ("badc", {"b": "a", "d": "c"}, "abcd"),
        ("abc", {"a": "bc", "b": "c"}, "cba"),
        ("abc", {"a": "xyz"}, "abc"),
        ("abc", {"a": "bb"}, "bac"),
    ],
    ids=str,
)
def test_upstream_comes_first_and_the_rest_stays(names, after, expected):
    assert upstream_first(names, after) == list(expected)


def test_a_long_chain_is_no_problem():
    names = [str(number) for number in range(5000)]

    ordered = upstream_first(names, {str(n): [str(n + 1)] for n in range(5000)})

    assert ordered == names[::-1]


@pytest.mark.parametrize("after", [{"b": "b"}, {"b": "c", "c": "b"}], ids=["self", "two"])
def test_tasks_that_wait_for_each_other_are_named(after):
    with pytest.raises(CollectionError, match=r"wait for each other: b"):
        upstream_first("abc", after)


@pytest.fixture
def chain(make_task):
    def waiting(name, *after):
        return make_task(name, after=tuple(f"tasks/{one}.py::{one}" for one in after))

    return [
        waiting("report", "evaluate", "train"),
        waiting("evaluate", "train"),
        waiting("train", "prepare", "gone"),
        waiting("prepare"),
        waiting("other"),
    ]


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        ([4], ["other"]),
        ([2], ["prepare", "train"]),
        ([0], ["prepare", "train", "evaluate", "report"]),
        ([1, 4], ["prepare", "train", "evaluate", "other"]),
    ],
    ids=str,
)
def test_dependencies_are_added_upstream_first(chain, selected, expected):
    found = with_dependencies([chain[place] for place in selected], chain)

    assert sorted(task.name for task in found) == sorted(expected)
    assert [task.name for task in found if task.name != "other"] == [
        name for name in expected if name != "other"
    ]


def test_the_selected_tasks_are_not_changed(chain):
    selected = [chain[0]]

    with_dependencies(selected, chain)

    assert selected == [chain[0]]
