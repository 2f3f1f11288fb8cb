"""The example project's ranking of trained networks."""

from __future__ import annotations

from digits.ranking import Entry, draw_ranking, rank

GOOD = Entry({"hidden": 32}, {"accuracy": 0.96, "loss": 0.2})
SURE = Entry({"hidden": 16}, {"accuracy": 0.96, "loss": 0.1})
POOR = Entry({"hidden": 8, "network_file": None}, {"accuracy": 0.7, "loss": 0.9})


def test_the_most_accurate_comes_first_and_the_lower_loss_among_equals():
    assert rank([POOR, GOOD, SURE]) == [SURE, GOOD, POOR]


def test_a_drawn_ranking_names_place_metrics_and_given_settings():
    lines = draw_ranking([SURE, POOR]).splitlines()

    assert lines[1].split() == ["1", "0.9600", "0.1000", "hidden=16"]
    assert lines[2].split() == ["2", "0.7000", "0.9000", "hidden=8"]
