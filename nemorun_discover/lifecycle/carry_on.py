"""Start the driver of an experiment, or a new one where the old one died."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from nemorun_discover.errors import NemorunError
from nemorun_discover.lifecycle.asking import answer_from_here
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.model.event import CAUGHT_UP, EventType
from nemorun_discover.store.home import cannot_write
from nemorun_discover.store.journal import read_events
from nemorun_discover.store.lock import is_held, try_lock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nemorun_discover.model.event import Event
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
        NemorunError: The new driver has failed at once; its log says how.
    """
    layout = home.layout.experiment(experiment_id)
    if is_held(layout.driver_lock) or _is_over(home, experiment_id):
        return False
    lock = try_lock(layout.driver_lock)
    if lock is None:
        return False
    _, end = read_events(layout.events)
    driver = start_driver(home, experiment_id, lock=lock, secrets={})
    _wait_for_a_note(layout.events, end, driver)
    if (driver.poll() or 0) > 0:
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


def start_driver(
    home: Home,
    experiment_id: str,
    *,
    lock: int,
    secrets: Mapping[str, Mapping[str, str]],
) -> subprocess.Popen[bytes]:
    """The driver, started in a session of its own; it outlives this process and its terminal.

    What a login asks while this process lives is put to its user.

    Args:
        home: Where the experiment is.
        experiment_id: Which.
        lock: The driver's lock, held; it is handed over.
        secrets: By executor, the values that are not in the record; they travel over stdin.
    """
    layout = home.layout.experiment(experiment_id)
    # -P: the working directory is the user's, and a random.py in it must not become ours.
    argv = [sys.executable, "-P", "-m", DRIVER_MODULE]
    line = answer_from_here()
    asking = [line.fileno()] if line else []
    try:
        with layout.driver_log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own module
                [*argv, str(home.layout.root), experiment_id, str(lock), *map(str, asking)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[lock, *asking],
                start_new_session=True,
            )
    except OSError as error:
        raise cannot_write(layout.root, error) from error
    finally:
        os.close(lock)
        if line:
            line.close()
    _drivers[:] = [process, *(one for one in _drivers if one.poll() is None)]
    # A driver that has died already is found by whoever waits for what it writes.
    if process.stdin is not None:
        with suppress(BrokenPipeError), process.stdin as stdin:
            stdin.write(json.dumps(secrets).encode())
    return process
