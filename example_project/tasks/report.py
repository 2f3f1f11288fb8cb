"""Rank every network of an experiment."""

from __future__ import annotations

from typing import Any

import nemorun

from digits.ranking import Entry, draw_ranking, rank


@nemorun.task(tags=["summary"], after=["evaluate"])
def report() -> dict[str, Any]:
    """Print the networks of this experiment, the best first.

    The best is chosen by the held-out images, so its own accuracy is a little too kind to it.

    Returns:
        Accuracy and loss of the best network, and the settings it was trained with.
    """
    entries = [Entry(job.params, job.result) for job in nemorun.upstreams("evaluate")]
    ranking = rank(entries)
    print(draw_ranking(ranking), flush=True)
    best = ranking[0]
    settings = {name: value for name, value in best.settings.items() if value is not None}
    return {"accuracy": best.metrics["accuracy"], "loss": best.metrics["loss"], **settings}
