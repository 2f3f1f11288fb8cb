"""Start a new driver where the old one died."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from nemorun_discover.errors import NemorunError
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.lifecycle.standby import Standby
from nemorun_discover.model.event import CAUGHT_UP, EventType
from nemorun_discover.store.journal import read_events
from nemorun_discover.store.lock import is_held, try_lock

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from nemorun_discover.model.event import Event
    from nemorun_discover.store.home import Home

CATCH_UP_S = 5.0
_POLL_S = 0.02


def carry_on(home: Home, experiment_id: str) -> bool:
    """Make sure that somebody drives this experiment, if it is not over.

    Returns:
        True when a new driver had to be started; it has then taken in what happened meanwhile.

    Raises:
        StoreError: The experiment's folder cannot be read or written.
        NemorunError: The new driver has failed at once; its log says how.
    """
    layout = home.layout.experiment(experiment_id)
    if is_held(layout.driver_lock) or _is_over(home, experiment_id):
        return False
    with Standby(home, experiment_id, log=layout.driver_log) as driver:
        lock = try_lock(layout.driver_lock)
        if lock is None:
            return False
        _, end = read_events(layout.events)
        driver.begin(experiment_id, lock)
    _wait_for_a_note(layout.events, end, driver.process)
    if (driver.process.poll() or 0) > 0:
        raise NemorunError(
            f"the driver of {experiment_id} has failed: {_last_line(layout.driver_log)}",
            hint=f"its log: {layout.driver_log}",
        )
    return True


def _is_over(home: Home, experiment_id: str) -> bool:
    return all(job.is_settled for job in observe(home, experiment_id).jobs)


def _wait_for_a_note(journal: Path, offset: int, driver: subprocess.Popen[bytes]) -> None:
    """Until the new driver has written that it has caught up; not for ever, as its disk may be full.

    Where no driver wrote anything before, there is nothing to catch up with: its first event will do.
    """
    deadline = time.monotonic() + CATCH_UP_S
    is_first = offset == 0
    while time.monotonic() < deadline and driver.poll() is None:
        events, offset = read_events(journal, offset)
        if any(is_first or _has_caught_up(event) for event in events):
            return
        time.sleep(_POLL_S)


def _has_caught_up(event: Event) -> bool:
    return event.type is EventType.NOTE and event.message == CAUGHT_UP


def _last_line(log: Path) -> str:
    lines = log.read_bytes().decode("utf-8", "replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "it said nothing")
