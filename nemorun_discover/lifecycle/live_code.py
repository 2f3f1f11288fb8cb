"""Jobs that run the project's own files: what those were when the jobs were planned, and what each job ran.

The working tree stays what local jobs run, so that it may change between the plan and a job's start. It is compared
at every start, and at every end, since a job reads its files some time after it was started. A difference is written
into the journal with the attempt; nothing is written where there is none.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.config.import_roots import declared_roots, editable_outside, is_within
from nemorun_discover.config.locate import user_cache_dir
from nemorun_discover.errors import NemorunError
from nemorun_discover.executors.codec import executor_from_dict
from nemorun_discover.executors.packagers import Packager
from nemorun_discover.files import read_json
from nemorun_discover.lifecycle.secrets import hidden_in, reveal
from nemorun_discover.model.event import Event, EventType, utc_now
from nemorun_discover.model.record import EditableInstall
from nemorun_discover.model.status import CodeChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nemorun_discover.executors.base import Executor
    from nemorun_discover.model.job import Job
    from nemorun_discover.model.layout import ExperimentLayout
    from nemorun_discover.model.record import Record
    from nemorun_discover.model.status import JobStatus
    from nemorun_discover.packaging.live import LiveCode

START, END = "start", "end"
# Jobs that start together are started with one comparison; what changes meanwhile is found at their end.
_FRESH_S = 0.02
_FILES_SHOWN = 3
_FILES_KEPT = 50  # in an event: a `git checkout` changes thousands, and each job that starts later has an event


def executors_with_live_code(record: Record) -> frozenset[str]:
    """The executors whose jobs run the project's own files on this machine."""
    return frozenset(
        name
        for name, table in record.executors.items()
        if name not in record.packages and _runs_live_code(table)
    )


def executors_here(record: Record) -> frozenset[str]:
    """The executors whose jobs run under an interpreter of this machine."""
    return frozenset(
        name
        for name, table in record.executors.items()
        if (one := _executor_of(table)) is not None and not one.CODE
    )


def _runs_live_code(table: Mapping[str, Any]) -> bool:
    executor = _executor_of(table)
    if executor is None:
        return False
    return executor.runs_live_code and executor.packager.kind == Packager.kind


def _executor_of(table: Mapping[str, Any]) -> Executor | None:
    try:
        return executor_from_dict(reveal(table, dict.fromkeys(hidden_in(table), "")))
    except NemorunError:  # of a plugin that is gone
        return None


def load_for(table: Mapping[str, Any]) -> None:
    """Load what the first start of a job of this executor needs: best done while there is nothing else to do."""
    if _runs_live_code(table):
        import nemorun_discover.packaging.live  # noqa: F401, PLC0415


def code_now(record: Record, leave_out: Sequence[Path]) -> LiveCode | None:
    """The code that is not packaged, as it is now: the project's own files, and editable installations.

    Args:
        record: The experiment; the project's files count where jobs run them.
        leave_out: Directories that hold no code: the home's.

    Returns:
        None where there is none, or no project.

    Raises:
        OSError: The project cannot be read.
    """
    live = executors_with_live_code(record)
    jobs = [job for job in record.jobs if job.executor in live]
    root = Path(record.project.root)
    if not root.is_dir():
        return None
    outside = editable_outside(root)
    if not jobs and not outside:
        return None
    # Only where a job needs it: a rerun of packages does not.
    from nemorun_discover.packaging.live import read_code  # noqa: PLC0415

    paths = (*record.project.pythonpath, *(one for job in jobs for one in job.import_roots))
    files = [job.script.path if job.script else job.file for job in jobs]
    return read_code(
        root,
        [root / one for one in dict.fromkeys(("", *paths))] if jobs else [],
        installed=[
            Path(one)
            for place in outside.values()
            if not _is_around(place, root)
            for one in declared_roots(place)
        ],
        cache_dir=user_cache_dir(),
        leave_out=leave_out,
        more=[one for one in dict.fromkeys(files) if one],
    )


def editable_code(root: Path, code: LiveCode | None) -> dict[str, EditableInstall]:
    """By name, the editable installations outside of the repository, and what `code` says of them."""
    return {
        name: EditableInstall(
            path=place,
            digest=None
            if code is None or _is_around(place, root)
            else code.of_installed(*declared_roots(place)).digest,
        )
        for name, place in editable_outside(root).items()
    }


def _is_around(place: str, root: Path) -> bool:
    """True for a directory that is too wide to be read: it holds the project, or the user's home directory."""
    return any(
        is_within(os.path.realpath(one), os.path.realpath(place)) for one in (root, Path.home())
    )


def planned_code(layout: ExperimentLayout) -> LiveCode | None:
    """What `code.json` of an experiment says; None where it is not there, or damaged."""
    document = read_json(layout.live_code)
    if document is None:
        return None
    from nemorun_discover.packaging.live import live_code_from  # noqa: PLC0415 - likewise

    try:
        return live_code_from(document)
    except ValueError:
        return None


class CodeWatch:
    """Compares the project's files with what was planned, for the attempts of one experiment.

    Args:
        record: The experiment.
        layout: Its folder.
    """

    def __init__(self, record: Record, layout: ExperimentLayout) -> None:
        self._layout = layout
        has_editable = record.interpreter is not None and bool(record.interpreter.editable)
        self._live = executors_with_live_code(record) if record.live_code else frozenset[str]()
        self._packaged = executors_here(record) - self._live if has_editable else frozenset[str]()
        self._planned: LiveCode | None = None
        self._now: LiveCode | None = None
        self._looked_at = 0.0
        self._has_ended = False  # since the last look
        self._started: dict[tuple[str, int], LiveCode] = {}
        self._told: set[str] = set()
        self._written: dict[
            tuple[str, int], str | None
        ] = {}  # of attempts that are started again and again

    def load(self) -> None:
        """Read what was planned, before the first job starts."""
        if (self._live or self._packaged) and self._planned is None:
            self._planned = self._now = planned_code(self._layout)

    def at_start(self, job: Job, attempt: int) -> tuple[Event, ...]:
        """What is to be written down before an attempt starts."""
        if job.executor not in self._live | self._packaged:
            return ()
        now = self._look()
        if now is None or self._planned is None:
            change: CodeChange | None = CodeChange(when=START)
        else:
            change = self._difference(job, START, self._planned, now)
            self._started[job.id, attempt] = now
        key = (job.id, attempt)
        if change is None or (key in self._written and self._written[key] == change.digest):
            return ()
        self._written[key] = change.digest
        return (_event(job, attempt, change), *self._note(job, change))

    def attempts_have_ended(self) -> None:
        """What is asked next about ends wants a look that is made from now on: one for all that have ended."""
        self._has_ended = True

    def at_end(self, job: Job, attempt: int, known: Iterable[CodeChange] = ()) -> tuple[Event, ...]:
        """What is to be written down when an attempt has ended.

        Args:
            job: The job.
            attempt: The attempt.
            known: What was written down of it before, maybe by another driver, which has started it.
        """
        if job.executor not in self._live | self._packaged:
            return ()
        now = self._look(at_end=True)
        before = self._started.pop((job.id, attempt), self._planned)
        self._written.pop((job.id, attempt), None)
        if now is None or before is None:
            return (_event(job, attempt, CodeChange(when=END)),)
        part = now.of_installed() if job.executor in self._packaged else now
        if any(one.digest == part.digest for one in known):
            return ()
        change = self._difference(job, END, before, now)
        return () if change is None else (_event(job, attempt, change),)

    def _look(self, *, at_end: bool = False) -> LiveCode | None:
        self.load()
        is_due = self._has_ended if at_end else time.monotonic() - self._looked_at > _FRESH_S
        if self._now is not None and is_due:
            self._now = self._now.look()
            self._looked_at = time.monotonic()
            self._has_ended = False
        return self._now

    def _difference(
        self, job: Job, when: str, before: LiveCode, now: LiveCode
    ) -> CodeChange | None:
        if before is now:
            return None
        from nemorun_discover.packaging.live import changes  # noqa: PLC0415 - likewise

        if job.executor in self._packaged:
            before, now = before.of_installed(), now.of_installed()
        files = changes(before, now)
        if not files:
            return None
        entries = now.entries
        listed = dict(list(files.items())[:_FILES_KEPT])
        return CodeChange(
            when=when,
            digest=now.digest,
            files=listed,
            sha256={path: entries[path].sha256 for path in listed if path in entries},
            more=len(files) - len(listed),
        )

    def _note(self, job: Job, change: CodeChange) -> tuple[Event, ...]:
        """A sentence for the reader, once for each state of the code."""
        if change.digest is None or change.digest in self._told:
            return ()
        self._told.add(change.digest)
        message = (
            "the project's files have changed since the jobs were planned:"
            f" {named(change.files, change.more)};"
            f" {job.id} and what starts later run them as they are now"
        )
        return (Event(at=utc_now(), type=EventType.NOTE, message=message),)


def code_sentences(jobs: Iterable[JobStatus]) -> list[str]:
    """What is to be said of jobs whose last attempt ran other files than those they were planned with."""
    alike: dict[tuple[str, str | None, str], list[str]] = {}
    for job in jobs:
        for one in job.attempts[-1].code if job.attempts else ():
            alike.setdefault((one.when, one.digest, named(one.files, one.more)), []).append(job.id)
    return [
        _CODE_WORDS["unknown" if digest is None else when].format(jobs=_some(ids), files=files)
        for (when, digest, files), ids in alike.items()
    ]


_CODE_WORDS = {
    START: "{jobs} ran files that had changed since the plan: {files}",
    END: "files changed while {jobs} ran, so that nobody can tell which it ran: {files}",
    "unknown": "the files that {jobs} ran could not be compared with the plan",
}


def _some(ids: Sequence[str]) -> str:
    more = len(ids) - _FILES_SHOWN
    return f"{', '.join(ids[:_FILES_SHOWN])} and {more} more" if more > 0 else ", ".join(ids)


def named(files: Mapping[str, str], more: int = 0) -> str:
    """`a.py changed, b.py added and 3 more`."""
    shown = [f"{path} {how}" for path, how in list(files.items())[:_FILES_SHOWN]]
    more += len(files) - len(shown)
    return f"{', '.join(shown)} and {more} more" if more else ", ".join(shown)


def _event(job: Job, attempt: int, change: CodeChange) -> Event:
    return Event(
        at=utc_now(), type=EventType.CODE, job=job.id, attempt=attempt, value=asdict(change)
    )
