"""One look for all processes of a home."""

from __future__ import annotations

import os

import pytest

from nemorun_discover.schedulers.slurm.looking import Answer
from nemorun_discover.schedulers.slurm.shared_look import SharedLook, pause_s


@pytest.fixture
def shared(tmp_path):
    return SharedLook(tmp_path / "cluster")


@pytest.mark.parametrize(
    ("quiet_s", "pause"), [(0, 2), (7, 2), (8, 2), (40, 10), (240, 60), (86400, 60)]
)
def test_the_longer_nothing_has_changed_the_less_often_it_is_asked(quiet_s, pause):
    assert pause_s(quiet_s) == pause


def test_what_one_process_heard_another_reads(shared, tmp_path):
    heard = Answer(
        queue="7|RUNNING",
        accounts="8",
        cancelled=frozenset({"9"}),
        trouble="x",
        has_accounting=False,
        evidence=b"is in the folders",
    )

    shared.write(heard, as_of=100.0, has_news=False)

    look = SharedLook(tmp_path / "cluster").read()
    assert look.as_of == 100.0
    assert look.answer == Answer(
        queue="7|RUNNING",
        accounts="8",
        cancelled=frozenset({"9"}),
        trouble="x",
        has_accounting=False,
    )


def test_quiet_counts_from_the_last_answer_that_said_something_new(shared):
    same = Answer(queue="7|RUNNING")

    shared.write(same, as_of=100.0, has_news=False)
    assert shared.write(same, as_of=110.0, has_news=False).changed_at == 100.0
    assert shared.write(same, as_of=120.0, has_news=True).changed_at == 120.0
    assert shared.write(Answer(queue=""), as_of=130.0, has_news=False).changed_at == 130.0


def test_only_one_has_the_turn(shared, tmp_path):
    other = SharedLook(tmp_path / "cluster")

    with shared.turn() as ours, other.turn() as theirs:
        assert (ours, theirs) == (True, False)
    with other.turn() as theirs:
        assert theirs


def test_what_is_wanted_is_known_to_all_until_it_is_taken_back_or_forgotten(shared, tmp_path):
    other = SharedLook(tmp_path / "cluster")
    shared.want("one", ("7", "8"))
    shared.want("two", ())
    shared.want("old", ("9",))
    os.utime(tmp_path / "cluster" / "wanted" / "old", (1, 1))

    shared.want_no_more("two")

    assert other.wanted() == {"one": ("7", "8")}


def test_somebody_who_asks_is_heard_by_the_others(shared, tmp_path):
    assert shared.asked_at() == 0.0

    asked = SharedLook(tmp_path / "cluster").ask()

    assert shared.asked_at() == pytest.approx(asked, abs=1e-3)
