"""Start a new driver where the old one died."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from nemorun_discover.documents import read_value
from nemorun_discover.errors import DamagedFile, NemorunError, StoreError, UnreadableFile
from nemorun_discover.lifecycle.observe import late_ends, observe
from nemorun_discover.lifecycle.standby import Standby
from nemorun_discover.model.event import CAUGHT_UP, EventType, utc_now
from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.table import scheduler_of
from nemorun_discover.store.journal import read_events
from nemorun_discover.store.lock import is_held, try_lock

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

    from nemorun_discover.model.event import Event
    from nemorun_discover.model.status import ExperimentStatus, JobStatus
    from nemorun_discover.store.home import Home

CATCH_UP_S = 5.0
LOOK_AGAIN_S = 10.0
# Longer than jobs wait and run: evidence is not looked for after that.
LOOKED_FOR = timedelta(days=30)
_POLL_S = 0.02


def carry_on(home: Home, experiment_id: str) -> bool:
    """Make sure that somebody drives this experiment, if it is not over.

    Returns:
        True when a new driver had to be started; it has then taken in what happened meanwhile.

    Raises:
        StoreError: The experiment's folder cannot be read or written, or is another user's.
        NemorunError: The new driver has failed at once; its log says how.
    """
    layout = home.layout.experiment(experiment_id)
    if is_held(layout.driver_lock):
        return False
    status = observe(home, experiment_id)
    is_over = all(job.is_settled for job in status.jobs)
    is_news = is_over and _is_news(home, experiment_id, status.jobs)
    if is_over and not is_news and not _may_be_found(home, status):
        return False
    home.require_own(experiment_id)
    with Standby(home, experiment_id, log=layout.driver_log) as driver:
        lock = try_lock(layout.driver_lock)
        if lock is None:
            return False
        _, end = read_events(layout.events)
        driver.begin(experiment_id, lock)
    _wait_for_a_note(layout.events, end, driver.process, LOOK_AGAIN_S if is_over else CATCH_UP_S)
    code = driver.process.poll() or 0
    if code == StoreError.exit_code:
        raise StoreError(
            _last_line(layout.driver_log), hint=f"its driver's log: {layout.driver_log}"
        )
    if code > 0:
        raise NemorunError(
            f"the driver of {experiment_id} has failed: {_last_line(layout.driver_log)}",
            hint=f"its log: {layout.driver_log}",
        )
    return True


def _may_be_found(home: Home, status: ExperimentStatus) -> bool:
    """True when a job was taken for lost that may have left evidence since: it is looked for once more."""
    since = utc_now() - LOOKED_FOR
    lost = [
        job
        for job in status.jobs
        if job.is_lost and job.ended_at is not None and job.ended_at > since
    ]
    if not lost:
        return False
    executors = home.read_record(status.id).executors
    kinds = {job.executor: executors[job.executor]["kind"] for job in lost}
    with suppress(NemorunError):  # the plugin that drove it is gone
        return any(
            scheduler_of(name, kind, os.environ).has_late_evidence for name, kind in kinds.items()
        )
    return False


def _is_news(home: Home, experiment_id: str, jobs: Sequence[JobStatus]) -> bool:
    """True when a job that was taken for lost has told its end since."""
    layout = home.layout.experiment(experiment_id)
    known = {job.id: job for job in jobs}
    for job_id, fact in late_ends(layout, jobs).items():
        job = known[job_id]
        path = layout.job(job.slug).result
        is_kept_back = job.reason == Reason.DAMAGED and str(path) in (job.message or "")
        if fact.state is not State.SUCCEEDED or not is_kept_back or not _is_damaged(path):
            return True
    return False


def _is_damaged(path: Path) -> bool:
    try:
        read_value(path)
    except DamagedFile:
        return True
    except UnreadableFile:
        return False
    return False


def _wait_for_a_note(
    journal: Path, offset: int, driver: subprocess.Popen[bytes], patience_s: float
) -> None:
    """Until the new driver has written that it has caught up; not for ever, as its disk may be full.

    Where no driver wrote anything before, there is nothing to catch up with: its first event will do.
    """
    deadline = time.monotonic() + patience_s
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
