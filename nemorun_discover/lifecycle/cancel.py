"""Ask for jobs to be cancelled; the driver does it, and a new one is started where there is none."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from nemorun_discover.lifecycle.carry_on import carry_on
from nemorun_discover.lifecycle.provenance import user_name
from nemorun_discover.model.event import Event, EventType, utc_now
from nemorun_discover.store.journal import append_events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.store.home import Home


def cancel(home: Home, experiment_id: str, job_ids: Sequence[str]) -> None:
    """Ask for these jobs to be cancelled; those that have ended stay as they are.

    Raises:
        StoreError: The request could not be written down; nothing was cancelled.
    """
    home.require_own(experiment_id)
    who = f"{user_name()}@{socket.gethostname()}"
    now = utc_now()
    events = [
        Event(at=now, type=EventType.CANCEL, job=job_id, message=f"asked by {who}")
        for job_id in job_ids
    ]
    append_events(home.layout.experiment(experiment_id).events, events)
    carry_on(home, experiment_id)
