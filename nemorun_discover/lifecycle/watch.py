"""Follow an experiment until it is over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from nemorun_discover.lifecycle.carry_on import carry_on
from nemorun_discover.lifecycle.observe import observe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemorun_discover.model.status import ExperimentStatus
    from nemorun_discover.store.home import Home

LOOK_AFTER_DRIVER_S = 2.0


def watch(
    home: Home, experiment_id: str, *, interval_s: float = 0.05
) -> Iterator[ExperimentStatus]:
    """Where the experiment stands: at once, then after each change, until every job is final.

    A driver that dies meanwhile is replaced.

    Args:
        home: Where the experiment is.
        experiment_id: Which.
        interval_s: Between two looks at the journal's size.
    """
    path = home.layout.experiment(experiment_id).events
    size = -1
    looked_after = time.monotonic()
    while True:
        grown_to = path.stat().st_size if path.exists() else 0
        if grown_to != size:
            size = grown_to
            status = observe(home, experiment_id)
            yield status
            if all(job.state.is_final for job in status.jobs):
                return
        if time.monotonic() - looked_after > LOOK_AFTER_DRIVER_S:
            carry_on(home, experiment_id)
            looked_after = time.monotonic()
        time.sleep(interval_s)
