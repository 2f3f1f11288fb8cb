"""Start the driver of an experiment, or a new one where the old one died."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.model.event import CAUGHT_UP, EventType
from nemorun_discover.store.home import cannot_write
from nemorun_discover.store.journal import read_events
from nemorun_discover.store.lock import try_lock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nemorun_discover.store.home import Home

DRIVER_MODULE = "nemorun_discover.lifecycle.drive"
CATCH_UP_S = 5.0
_POLL_S = 0.02

# Drivers this process has started: kept until they end, so that they are reaped and not complained about.
_drivers: list[subprocess.Popen[bytes]] = []


def carry_on(home: Home, experiment_id: str) -> bool:
    """Make sure that somebody drives this experiment, if it is not over.

    Returns:
        True when a new driver had to be started; it has then taken in what happened meanwhile.

    Raises:
        StoreError: The experiment's folder cannot be read or written.
    """
    layout = home.layout.experiment(experiment_id)
    if _is_over(home, experiment_id):
        return False
    lock = try_lock(layout.driver_lock)
    if lock is None:
        return False
    _, end = read_events(layout.events)
    start_driver(home, experiment_id, lock=lock, secrets={})
    _wait_for_a_note(layout.events, end)
    return True


def _is_over(home: Home, experiment_id: str) -> bool:
    return all(job.state.is_final for job in observe(home, experiment_id).jobs)


def _wait_for_a_note(journal: Path, offset: int) -> None:
    """Until the new driver has written that it has caught up; not for ever, as its disk may be full."""
    deadline = time.monotonic() + CATCH_UP_S
    while time.monotonic() < deadline:
        events, offset = read_events(journal, offset)
        if any(event.type is EventType.NOTE and event.message == CAUGHT_UP for event in events):
            return
        time.sleep(_POLL_S)


def start_driver(
    home: Home,
    experiment_id: str,
    *,
    lock: int,
    secrets: Mapping[str, Mapping[str, str]],
) -> None:
    """Start the driver in a session of its own; it outlives this process and its terminal.

    Args:
        home: Where the experiment is.
        experiment_id: Which.
        lock: The driver's lock, held; it is handed over.
        secrets: By executor, the values that are not in the record; they travel over stdin.
    """
    layout = home.layout.experiment(experiment_id)
    # -P: the working directory is the user's, and a random.py in it must not become ours.
    argv = [sys.executable, "-P", "-m", DRIVER_MODULE]
    try:
        with layout.driver_log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own module
                [*argv, str(home.layout.root), experiment_id, str(lock)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[lock],
                start_new_session=True,
            )
    except OSError as error:
        raise cannot_write(layout.root, error) from error
    finally:
        os.close(lock)
    _drivers[:] = [process, *(one for one in _drivers if one.poll() is None)]
    if process.stdin is not None:
        with process.stdin as stdin:
            stdin.write(json.dumps(secrets).encode())
