"""Experiment ids: sortable, typeable, found again by their ends."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from nemorun_discover.model.ids import (
    ALPHABET,
    MINUTE_LENGTH,
    experiment_id,
    is_experiment_id,
    matching,
    slug_of,
)

AT = datetime(2026, 11, 22, 7, 12, 59, tzinfo=UTC)


def last(letters):
    return letters[-1]


def test_an_id_says_when_and_what():
    assert experiment_id("train", AT, last) == "20261122-0712-train-9999"


def test_an_id_tells_the_time_in_utc():
    there = timezone(timedelta(hours=9))

    assert experiment_id("t", AT.astimezone(there), last) == experiment_id("t", AT, last)


def test_ids_sort_by_time():
    titles = ["zebra", "alpha", "middle"]
    ids = [
        experiment_id(one, AT + timedelta(minutes=i), random.choice) for i, one in enumerate(titles)
    ]

    assert sorted(ids) == ids


def test_the_minute_is_the_first_part_of_an_id():
    assert experiment_id("t", AT, last)[:MINUTE_LENGTH] == "20261122-0712"


def test_every_letter_of_a_suffix_is_chosen_from_letters_that_cannot_be_mistaken():
    chosen = []

    def choose(letters):
        chosen.append(letters)
        return random.choice(letters)

    id_ = experiment_id("t", AT, choose)

    assert chosen == [ALPHABET] * 4
    assert re.fullmatch(r"20261122-0712-t-[a-z2-9]{4}", id_)
    assert set("ilou01") & set(ALPHABET) == set()
    assert len(set(ALPHABET)) == len(ALPHABET)


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("train", "train"),
        ("Train & Evaluate!", "train-evaluate"),
        ("a/b\\c", "a-b-c"),
        ("--x--", "x"),
        ("größe", "gr-e"),
        ("", "run"),
        ("🙂", "run"),
        ("../..", "run"),
        ("$HOME `id`\n", "home-id"),
        ("a" * 60, "a" * 40),
        ("a" * 39 + " b", "a" * 39),
    ],
    ids=["plain", "words", "slashes", "dashes", "umlaut", "empty", "emoji", "dots", "shell", "long", "cut at a dash"],
)  # fmt: skip
def test_a_title_becomes_words_that_are_safe_everywhere(text, slug):
    assert slug_of(text) == slug


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("20261122-0712-train-x7k2", True),
        ("20261122-0712-x", True),
        ("20261122-0712", False),
        ("20261122-0712-", False),
        (".20261122-0712-train-x7k2.99", False),
        ("backup-20261122-0712-train", False),
        ("", False),
    ],
    ids=str,
)
def test_a_name_is_an_id_or_is_none(name, is_one):
    assert is_experiment_id(name) is is_one
    assert is_experiment_id(experiment_id(name, AT, last))


IDS = ["20261120-0900-a-aaaa", "20261121-0900-a-abba", "20261121-0900-a-abba-2-cccc"]


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        (IDS[1], [IDS[1]]),
        ("20261121", IDS[1:]),
        ("cccc", [IDS[2]]),
        ("a", IDS[:2]),
        ("0900", []),
        ("AAAA", []),
        ("", IDS),
    ],
    ids=["equal wins", "prefix", "suffix", "several", "middle", "case", "empty"],
)
def test_a_reference_means_the_ids_it_equals_begins_or_ends(reference, found):
    assert matching(reference, iter(IDS)) == found
