"""How the backends of an experiment are heard: what is true for a moment, and so stays out of the journal."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nemorun_discover.documents import ContactDocument, read_object, time_of
from nemorun_discover.errors import DamagedFile, UnreadableFile
from nemorun_discover.files import write_json
from nemorun_discover.model.state import State
from nemorun_discover.model.status import Contact
from nemorun_discover.shortage import full_disk
from nemorun_discover.store.lock import read_note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.model.layout import ExperimentLayout
    from nemorun_discover.model.status import ExperimentStatus, JobStatus


def keep_contacts(layout: ExperimentLayout, contacts: Mapping[str, Contact]) -> None:
    """Write down how the backends are heard now; a disk that is full keeps what was known before."""
    with suppress(OSError):
        write_json(layout.contact, {name: _to_json(one) for name, one in contacts.items()})


def read_contacts(layout: ExperimentLayout) -> dict[str, Contact]:
    """By executor, how its backend was heard last; empty when that is not written down, or damaged."""
    return _read(layout)[0]


def with_contacts(status: ExperimentStatus, layout: ExperimentLayout) -> ExperimentStatus:
    """The status with what the driver heard last of the jobs that have not ended, and what it waits for."""
    if all(job.is_settled for job in status.jobs):
        return status
    status = replace(status, trouble=read_note(layout.driver_lock) or full_disk(layout.root))
    contacts, trouble = _read(layout)
    if trouble is not None:
        return replace(status, notes=(*status.notes, trouble))
    if not contacts:
        return status
    jobs = tuple(_with_contact(job, contacts.get(job.executor)) for job in status.jobs)
    return replace(status, jobs=jobs, contacts=contacts)


def _read(layout: ExperimentLayout) -> tuple[dict[str, Contact], str | None]:
    try:
        known = read_object(layout.contact, dict[str, ContactDocument])
    except (DamagedFile, UnreadableFile) as error:
        # What was true for a moment: the driver writes it again when it hears something.
        return {}, error.message
    return {name: _from_json(one) for name, one in (known or {}).items()}, None


def _with_contact(job: JobStatus, contact: Contact | None) -> JobStatus:
    if contact is None or job.is_settled:
        return job
    as_of = max(filter(None, (job.as_of, contact.as_of)), default=None)
    if job.state not in (State.PENDING, State.PLANNED, State.RUNNING):
        return replace(job, as_of=as_of)
    return replace(
        job,
        as_of=as_of,
        waits_for=contact.waiting.get(job.id),
        expected_start_at=contact.expected.get(job.id),
    )


def _to_json(contact: Contact) -> dict[str, Any]:
    return {
        "as_of": contact.as_of and contact.as_of.isoformat(),
        "trouble": contact.trouble,
        "progress": contact.progress,
        "waiting": dict(contact.waiting),
        "expected": {job: at.isoformat() for job, at in contact.expected.items()},
    }


def _from_json(document: Mapping[str, Any]) -> Contact:
    as_of = document.get("as_of")
    return Contact(
        as_of=time_of(as_of),
        trouble=document.get("trouble"),
        progress=document.get("progress"),
        waiting=document.get("waiting", {}),
        expected={
            job: at
            for job, text in document.get("expected", {}).items()
            if (at := time_of(text)) is not None
        },
    )
