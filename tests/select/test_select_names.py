from __future__ import annotations

import pytest

from nemorun_discover.discovery.names import did_you_mean, nearest, one_of, shortened


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("trian", ["train"]),
        ("TRAIN", ["train"]),
        ("evaluat", ["evaluate"]),
        ("val", ["evaluate"]),
        ("zzz", []),
        ("", []),
        ("train" * 4_000, ["train"]),
    ],
    ids=lambda one: str(one)[:20],
)
def test_the_nearest_names_are_those_spelt_alike_or_containing_the_word(word, expected):
    found = nearest(word, ["train", "evaluate", "prepare", ""])

    assert found == expected


def test_no_more_names_are_suggested_than_asked_for():
    found = nearest("task1", [f"task{number}" for number in range(20)], n=2)

    assert found[0] == "task1"
    assert len(found) == 2


@pytest.mark.parametrize(
    ("candidates", "expected"),
    [
        ([], ""),
        (["other"], ""),
        (["train"], "; did you mean train?"),
        (["train", "trains"], "; did you mean train or trains?"),
        (["train", "trains", "trainer"], "; did you mean train, trains or trainer?"),
    ],
    ids=["none", "far", "one", "two", "three"],
)
def test_a_suggestion_ends_a_sentence(candidates, expected):
    assert did_you_mean("train", candidates) == expected


def test_no_names_make_no_list():
    assert one_of([]) == ""


@pytest.mark.parametrize(
    "value", ["x" * 10_000, ["x" * 10_000], "a\nb" * 10_000], ids=["text", "list", "lines"]
)
def test_a_long_value_is_shown_on_one_short_line(value):
    text = shortened(value)

    assert len(text) == 60
    assert "\n" not in text
