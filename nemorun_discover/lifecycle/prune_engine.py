"""What Docker's engine still has of experiments that are over."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nemorun_discover.errors import ExecutorRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.schedulers.docker.leftovers import Leftover
    from nemorun_discover.store.home import Home


def engine_leftovers(home: Home, over: Sequence[str]) -> tuple[list[Leftover], list[str]]:
    """Containers and networks of these experiments, and a note when the engine cannot be asked.

    The engine is not asked when none of them had a container.
    """
    ids = [one for one in over if _had_containers(home, one)]
    if not ids:
        return [], []
    from nemorun_discover.schedulers.docker.leftovers import find_leftovers  # noqa: PLC0415 - its SDK

    try:
        return find_leftovers(str(home.layout.experiments), ids, os.environ), []
    except ExecutorRefused as error:
        return [], [f"containers that were left are not removed: {error.message}"]


def remove_from_engine(one: Leftover) -> None:
    """Remove it.

    Raises:
        ExecutorRefused: It cannot be removed.
    """
    from nemorun_discover.schedulers.docker.leftovers import remove_leftover  # noqa: PLC0415 - as above

    remove_leftover(one, os.environ)


def _had_containers(home: Home, experiment_id: str) -> bool:
    jobs = home.layout.experiment(experiment_id).jobs
    return next(jobs.glob("*/attempt-*/container.json"), None) is not None
