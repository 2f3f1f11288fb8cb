"""Follow an experiment until it is over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from nemorun_discover.errors import WaitTimeout
from nemorun_discover.lifecycle.board import Board
from nemorun_discover.lifecycle.carry_on import carry_on

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from nemorun_discover.model.status import ExperimentStatus
    from nemorun_discover.store.home import Home

LOOK_AFTER_DRIVER_S = 2.0


def watch(
    home: Home,
    experiment_id: str,
    *,
    job_ids: Collection[str] | None = None,
    timeout_s: float | None = None,
    interval_s: float = 0.05,
) -> Iterator[ExperimentStatus]:
    """Where the experiment stands: at once, then after each change, until these jobs are final.

    A driver that has died, or dies meanwhile, is replaced.

    Args:
        home: Where the experiment is.
        experiment_id: Which.
        job_ids: Which jobs to wait for; None for all.
        timeout_s: How long to wait; None for ever, 0 to look once.
        interval_s: Between two looks at the journal.

    Raises:
        WaitTimeout: The jobs are not final after `timeout_s`.
    """
    board = Board(home.read_record(experiment_id), home.layout.experiment(experiment_id))
    wanted = set(board.jobs) if job_ids is None else set(job_ids)
    size, began, looked_after = (-1, 0), time.monotonic(), float("-inf")
    if board.is_over:
        carry_on(home, experiment_id)  # of what was taken for lost more may be known by now
    while True:
        now = time.monotonic()
        if now - looked_after > LOOK_AFTER_DRIVER_S and not board.is_over:
            carry_on(home, experiment_id)
            looked_after = now
        board.refresh()
        if (board.size, board.contact_mark) != size:
            size = (board.size, board.contact_mark)
            yield board.status()
        if all(board.jobs[one].is_settled for one in wanted):
            return
        if timeout_s is not None and now - began >= timeout_s:
            raise _too_late(experiment_id, timeout_s)
        time.sleep(interval_s)


def _too_late(experiment_id: str, timeout_s: float) -> WaitTimeout:
    return WaitTimeout(
        f"{experiment_id} is not over after {timeout_s:g} s; its jobs go on",
        hint=f"`nemorun status {experiment_id}` shows where they stand",
    )
