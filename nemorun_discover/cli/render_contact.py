"""How clusters are heard: what is old and why, and what is being sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.cli.cells import cut
from nemorun_discover.cli.moments import age

if TYPE_CHECKING:
    from datetime import datetime

    from nemorun_discover.cli.console import Channel, Line
    from nemorun_discover.model.status import Contact, ExperimentStatus


def contact_lines(status: ExperimentStatus, channel: Channel, now: datetime) -> list[Line]:
    """What holds all up, and a line for every executor that has something to say; none where all is well."""
    lines: list[Line] = []
    if status.trouble:
        lines.append(((trouble_words(status.trouble), "odd"),))
    alive = {job.executor for job in status.jobs if not job.is_settled}
    for name, contact in status.contacts.items():
        words = _words(contact, now)
        if words and name in alive:
            text = f"{name}: {words}"
            style = "odd" if contact.trouble else ""
            lines.append(((cut(text, channel.width or len(text), channel.ellipsis), style),))
    return lines


def trouble_words(trouble: str) -> str:
    """What holds the whole experiment up, and that it goes on by itself."""
    return f"waits: {trouble}; the jobs go on when that is over"


def _words(contact: Contact, now: datetime) -> str:
    if contact.trouble:
        known = f"as of {age(contact.as_of, now)}" if contact.as_of else "not heard yet"
        return f"{known}; {contact.trouble}"
    return contact.progress or ""
