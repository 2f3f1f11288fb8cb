"""How long to leave a cluster alone that does not answer."""

from __future__ import annotations

from datetime import UTC, datetime

from nemorun_discover.schedulers.slurm.mood import Mood


def test_the_pause_doubles_up_to_a_minute():
    mood, pauses = Mood(), []

    for _ in range(8):
        mood.is_ill("away", now=100.0)
        pauses.append(mood.retry_at - 100.0)

    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]


def test_an_answer_ends_the_trouble_and_the_pause():
    mood = Mood()
    mood.is_ill("away", now=100.0)

    mood.is_well()

    assert (mood.trouble, mood.was_heard) == (None, True)
    assert mood.may_try(100.0)


def test_it_is_not_asked_during_the_pause_nor_where_only_a_person_can_help():
    mood = Mood()
    mood.is_ill("away", now=100.0)

    assert not mood.may_try(101.9)
    assert mood.may_try(102.0)
    mood.needs_login = True
    assert not mood.may_try(1e9)


def test_when_it_was_heard_is_a_time_or_never():
    assert Mood().heard_at() is None
    assert Mood(as_of=0.0).heard_at() == datetime(1970, 1, 1, tzinfo=UTC)
