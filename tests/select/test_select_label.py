from __future__ import annotations

import re

import pytest

from nemorun_discover.discovery.label import Varied, labels, pairs_of

HOSTILE = [
    "a b",
    "'",
    '"',
    "a\nb",
    ";",
    "$HOME",
    "`id`",
    "\N{FIRE}",
    "x" * 10_000,
    "",
    "a/b",
    "a,b",
    "[",
    "@",
    "*",
]


def case(**values):
    return [Varied(values={key: value}) for key, value in values.items()]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, "x=1"),
        (-1, "x=-1"),
        (1e-4, "x=0.0001"),
        (1e-5, "x=1e-05"),
        (1e16, "x=1e+16"),
        (1.0, "x=1.0"),
        (True, "x=True"),
        (None, "x=None"),
        ("adam_w-2.0+b", "x=adam_w-2.0+b"),
        ("y" * 40, "x=" + "y" * 40),
        ("y" * 41, "x=x0"),
        ([1, 2], "x=x0"),
        ({"a": 1}, "x=x0"),
    ],
    ids=lambda one: str(one)[:20],
)
def test_a_label_shows_short_plain_values(value, expected):
    assert labels([case(x=value)]) == [expected]


def test_a_label_joins_what_varies_with_commas():
    assert labels([case(lr=0.1, seed=1)]) == ["lr=0.1,seed=1"]


def test_nothing_that_varies_makes_no_label():
    assert labels([[]]) == [""]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda one: ascii(one)[:9])
def test_an_unsafe_value_is_shown_by_its_number(value):
    assert labels([case(x="ok"), case(x=value)]) == ["x=ok", "x=x1"]


def test_the_number_of_a_value_is_the_same_in_every_case():
    found = labels([case(x="a b", y=1), case(x="c d", y=1), case(x="a b", y=2)])

    assert found == ["x=x0,y=1", "x=x1,y=1", "x=x0,y=2"]


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("small", "small"),
        ("lr=big", "lr=big"),
        ("very large!", "very-large"),
        ("a,b[c]@d/e", "a-b-c-d-e"),
        ("z" * 50, "z" * 40),
        ("\N{FIRE}", "x=1,y=2"),
        ("", "x=1,y=2"),
        (None, "x=1,y=2"),
    ],
    ids=lambda one: ascii(one)[:12],
)
def test_a_label_of_the_users_own_is_made_safe(label, expected):
    assert labels([[Varied(values={"x": 1, "y": 2}, id=label)]]) == [expected]


def test_equal_labels_are_told_apart():
    cases = [case(x="1"), case(x=1), case(x="1-2"), case(x=1)]

    assert labels(cases) == ["x=1", "x=1-3", "x=1-2", "x=1-4"]


def test_no_label_needs_quoting_in_a_shell():
    found = labels(
        [[Varied(values={"x": value}, id=label)] for value in HOSTILE for label in (None, value)]
    )

    assert len(set(found)) == 2 * len(HOSTILE)
    assert all(re.fullmatch(r"[A-Za-z0-9._+=,-]{1,60}", label) for label in found)


def test_pairs_show_the_values_themselves():
    params = {
        "lr": 1e-4,
        "data": "a b/c",
        "amp": True,
        "tags": [1, "é"],
        "none": None,
        "long": "x" * 100,
    }

    assert pairs_of(params) == (
        "lr=0.0001",
        "data=a b/c",
        "amp=True",
        'tags=[1,"é"]',
        "none=None",
    )
