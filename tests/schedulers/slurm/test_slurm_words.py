"""Slurm's words, and ours."""

from __future__ import annotations

import pytest

from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.slurm.words import STATES, meaning_of, waits_for


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("COMPLETED", (State.SUCCEEDED, None)),
        ("COMPLETING", (State.RUNNING, None)),
        ("CANCELLED by 1001", (State.CANCELLED, None)),
        ("CANCELLED+", (State.CANCELLED, None)),
        ("OUT_OF_MEMORY", (State.FAILED, Reason.OUT_OF_MEMORY)),
        ("NODE_FAIL", (State.FAILED, Reason.NODE_FAIL)),
        ("PREEMPTED", (State.FAILED, Reason.PREEMPTED)),
        ("TIMEOUT", (State.FAILED, Reason.TIMEOUT)),
        ("REQUEUED", (State.PENDING, None)),
        ("A_STATE_OF_TOMORROW", (State.UNKNOWN, None)),
        ("", (State.UNKNOWN, None)),
    ],
)
def test_the_first_word_of_a_state_counts(words, meaning):
    assert meaning_of(words) == meaning


def test_every_state_that_slurm_ends_in_is_final_here():
    ends = "COMPLETED FAILED TIMEOUT NODE_FAIL OUT_OF_MEMORY CANCELLED BOOT_FAIL DEADLINE PREEMPTED"

    assert all(STATES[word][0].is_final for word in ends.split())


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("Priority", "jobs of higher priority"),
        ("JobArrayTaskLimit", "the others of its sweep (max_parallel)"),
        (
            "ReqNodeNotAvail, UnavailableNodes:a2",
            "nodes that are not available (UnavailableNodes:a2)",
        ),
        ("job requeued in held state", "job requeued in held state"),
        ("A_reason_of_tomorrow", "A_reason_of_tomorrow"),
    ],
)
def test_a_reason_is_told_in_words_or_as_it_is(reason, words):
    assert waits_for(reason) == words
