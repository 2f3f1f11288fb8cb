"""The state of an experiment, from those of its jobs."""

from __future__ import annotations

from itertools import combinations

import pytest

from nemorun_discover.model.state import FINAL, State, combine

P, SU, PE, R = State.PLANNED, State.SUBMITTED, State.PENDING, State.RUNNING
OK, FA, CA, SK, UN = (
    State.SUCCEEDED,
    State.FAILED,
    State.CANCELLED,
    State.SKIPPED,
    State.UNKNOWN,
)


@pytest.mark.parametrize(
    ("states", "combined"),
    [
        ([], P),
        ([P, P], P),
        ([P, SU], SU),
        ([P, SU, PE], PE),
        ([SU, PE, UN], UN),
        ([P, R], R),
        ([UN, R], R),
        ([P, OK], R),
        ([PE, FA], R),
        ([UN, CA], R),
        ([SK, P], R),
        ([OK, OK], OK),
        ([OK, SK], SK),
        ([OK, SK, CA], CA),
        ([OK, SK, CA, FA], FA),
        ([FA, OK], FA),
    ],
    ids=lambda value: value if isinstance(value, State) else "+".join(value) or "none",
)
def test_states_combine(states, combined):
    assert combine(states) is combined
    assert combine(reversed(states)) is combined


@pytest.mark.parametrize("state", list(State), ids=str)
def test_jobs_of_one_state_are_an_experiment_of_that_state(state):
    assert combine([state, state]) is state


def test_an_experiment_is_final_exactly_when_all_its_jobs_are():
    for size in (1, 2, 3):
        for states in combinations(State, size):
            assert combine(states).is_final == all(one in FINAL for one in states), states
