from __future__ import annotations

import re

import pytest

from nemorun_discover.discovery.slug import slugs_of


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        ("train@local", "train@local"),
        ("train[lr=0.0001]@local", "train-lr=0.0001@local"),
        ("train[lr=0.1,seed=1]@slurm_a", "train-lr=0.1-seed=1@slurm_a"),
    ],
    ids=str,
)
def test_a_plain_id_stays_readable(identity, expected):
    assert slugs_of([identity]) == [expected]


@pytest.mark.parametrize(
    ("identity", "pattern"),
    [
        ("tasks/train.py::train@local", r"tasks-train\.py-train@local-[0-9a-f]{6}"),
        ("../../etc@local", r"etc@local-[0-9a-f]{6}"),
        ("a b\n;$HOME'\"@x", r"a-b-HOME-@x-[0-9a-f]{6}"),
        ("-rf@x", r"rf@x-[0-9a-f]{6}"),
        (".hidden@x", r"hidden@x-[0-9a-f]{6}"),
        ("\N{FIRE}", r"[0-9a-f]{6}"),
        ("x" * 10_000, r"x{93}-[0-9a-f]{6}"),
        ("é" * 60, r"[0-9a-f]{6}"),
        ("a\udcffb", r"a-b-[0-9a-f]{6}"),
    ],
    ids=lambda one: ascii(one)[:20],
)
def test_an_id_that_lost_something_ends_in_its_digest(identity, pattern):
    (slug,) = slugs_of([identity])

    assert re.fullmatch(pattern, slug)
    assert len(slug.encode()) <= 100


@pytest.mark.parametrize(
    "ids",
    [
        ["Train@local", "train@local"],
        ["train[a]@x", "train-a@x"],
        ["a[b,c]@x", "a[b-c]@x"],
        ["x" * 200, "x" * 201],
        ["a b@x", "a;b@x", "A b@x"],
    ],
    ids=["case", "brackets", "comma", "cut", "unsafe"],
)
def test_folders_are_apart_even_where_case_does_not_count(ids):
    found = slugs_of(ids)

    assert len({slug.casefold() for slug in found}) == len(ids)


def test_a_slug_does_not_depend_on_the_order_of_ids():
    ids = ["Train@local", "train@local", "eval@local"]

    assert slugs_of(ids) == slugs_of(ids[::-1])[::-1]
