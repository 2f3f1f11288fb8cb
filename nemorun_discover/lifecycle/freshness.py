"""Wait for what another process finds out: that jobs are handed over, that a cluster was looked at just now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from nemorun_discover.lifecycle.board import Board
from nemorun_discover.lifecycle.carry_on import carry_on
from nemorun_discover.lifecycle.contact import read_contacts
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.lifecycle.reading import is_at_hand, readers_of
from nemorun_discover.model.state import State
from nemorun_discover.store.lock import is_held

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from nemorun_discover.model.layout import ExperimentLayout
    from nemorun_discover.model.record import Record
    from nemorun_discover.model.status import Contact, ExperimentStatus
    from nemorun_discover.store.home import Home

# A cluster answers in less than a second, or its login takes some, or it does not answer.
PATIENCE_S = 8.0
# What is not handed over by then is left to the driver.
SILENCE_S = 30.0
_PAUSE_S = 0.015
_LOOK_AFTER_DRIVER_S = 2.0


def runs_here_only(record: Record) -> bool:
    """True when all jobs of an experiment run on this machine, and so are handed over when it is launched."""
    return all(map(is_at_hand, record.executors.values()))


def until_handed_over(home: Home, record: Record) -> Iterator[ExperimentStatus]:
    """Where the experiment stands, until nothing that could be submitted still has to be.

    Jobs that wait for others, or for room, are not waited for; nor is a cluster that has not answered for half a
    minute: the driver goes on asking it.
    """
    layout = home.layout.experiment(record.id)
    board = Board(record, layout)
    mark, looked_after = (-1, -1), time.monotonic()
    silent_since: dict[str, float] = {}
    while True:
        board.refresh()
        if (board.size, board.contact_mark) != mark:
            mark = (board.size, board.contact_mark)
            yield board.status()
        is_begun = layout.contact.exists() or board.is_over
        waited_for = {job.executor for job in board.jobs.values() if job.state is State.SUBMITTED}
        if is_begun and not waited_for - _silent(layout, silent_since):
            return
        if time.monotonic() - looked_after > _LOOK_AFTER_DRIVER_S:
            carry_on(home, record.id)
            looked_after = time.monotonic()
        time.sleep(_PAUSE_S)


def look_for_lost(home: Home, experiment_id: str, env: Mapping[str, str]) -> ExperimentStatus:
    """Where an experiment stands, before jobs of it are ended or run again: those taken for lost may be there.

    A driver that was started for them has looked; one that runs for others is asked to look now.
    """
    status = observe(home, experiment_id)
    if not any(job.is_lost for job in status.jobs):
        return status
    return until_fresh(home, home.read_record(experiment_id), env)


def _silent(layout: ExperimentLayout, since: dict[str, float]) -> set[str]:
    """The executors that have not answered for a while; `since` keeps when each was heard to be silent first."""
    troubled = {name for name, contact in read_contacts(layout).items() if contact.trouble}
    for name in [*since]:
        if name not in troubled:
            del since[name]
    now = time.monotonic()
    return {name for name in troubled if now - since.setdefault(name, now) > SILENCE_S}


def until_fresh(home: Home, record: Record, env: Mapping[str, str]) -> ExperimentStatus:
    """Have the clusters of an experiment looked at, and wait until its driver has taken in what they say.

    A cluster that does not answer is waited for a few seconds only: then its facts are old, and say so.

    Returns:
        Where the experiment stands then.
    """
    layout = home.layout.experiment(record.id)
    # Asked before the journal is read, which takes as long as a cluster needs to answer. Where nobody drives, nobody looks.
    asked = _ask_for_looks(home, record, env) if is_held(layout.driver_lock) else {}
    board = Board(record, layout)
    alive = {
        job.executor
        for job in board.jobs.values()
        if job.attempt and (job.is_lost or not job.is_settled)
    }
    wanted = {name: at for name, at in asked.items() if name in alive}
    deadline, mark = time.monotonic() + PATIENCE_S, -1
    while wanted and time.monotonic() < deadline:
        if board.contact_mark != mark:
            mark = board.contact_mark
            contacts = read_contacts(layout)
            wanted = {
                name: at for name, at in wanted.items() if not _is_told(contacts.get(name), at)
            }
        board.refresh()
        if not wanted or board.is_over:
            break
        time.sleep(_PAUSE_S)
    return board.status()


def _ask_for_looks(home: Home, record: Record, env: Mapping[str, str]) -> dict[str, datetime]:
    """Ask for a look at every cluster; by executor, when that was."""
    # All jobs of an executor are in one place: one of them stands for the others.
    some = {job.executor: job for job in record.jobs}
    asked: dict[str, datetime] = {}
    for scheduler, submissions in readers_of(
        home, record, env, [(job, 1) for job in some.values()]
    ):
        asked_at = scheduler.freshen(submissions)
        if asked_at is not None:
            asked |= {one.job.executor: asked_at for one in submissions}
    return asked


def _is_told(contact: Contact | None, asked_at: datetime) -> bool:
    """True when the cluster was looked at since then, or cannot be."""
    if contact is None:
        return False
    return bool(contact.trouble or (contact.as_of and contact.as_of >= asked_at))
