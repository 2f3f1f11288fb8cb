"""The failure report, as pytest's: every failed job's traceback, each distinct one once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nemorun_discover.cli.cells import cell_width, cut
from nemorun_discover.cli.sanitise import visible
from nemorun_discover.cli.symbols import reason_words
from nemorun_discover.documents import Failure, read_object
from nemorun_discover.errors import DamagedFile, UnreadableFile
from nemorun_discover.lifecycle.logs import last_lines
from nemorun_discover.model.layout import AttemptLayout
from nemorun_discover.model.state import Reason, State

if TYPE_CHECKING:
    from nemorun_discover.cli.console import Channel, Line
    from nemorun_discover.model.status import ExperimentStatus, JobStatus

_RULER_WIDTH = 80
_LOG_LINES = 10
_LONGEST_LINE = 2000
_TWINS_NAMED = 3


class _Failure(NamedTuple):
    job: JobStatus
    text: str


def failure_report(status: ExperimentStatus, channel: Channel) -> list[Line]:
    """What each failed job has to say; nothing when none failed.

    A task's exception is shown from error.json; for a script, a signal or a timeout the last lines of
    the log are. Jobs that failed in the same words are named under the first of them.
    """
    failures = [
        _explain(job)
        for job in status.jobs
        if job.state is State.FAILED or job.is_refused or job.reason == Reason.DAMAGED
    ]
    if not failures:
        return []
    by_text: dict[str, list[_Failure]] = {}
    for failure in failures:
        key = failure.text or failure.job.id  # a job with nothing to say is its own
        by_text.setdefault(key, []).append(failure)
    lines = [_ruler(" FAILURES ", "=", channel, style="bold")]
    for first, *twins in by_text.values():
        lines += _draw(first, [twin.job.id for twin in twins], channel)
    return lines


def _draw(failure: _Failure, twins: list[str], channel: Channel) -> list[Line]:
    job = failure.job
    log = [(("log: ", ""), (job.log, ""))] if job.log and not job.is_refused else []
    return [
        _ruler(f" {job.id} ", "_", channel, style="bad"),
        *(
            ((cut(line, _LONGEST_LINE, channel.ellipsis), ""),)
            for line in failure.text.splitlines()
        ),
        *([((_name_twins(twins), ""),)] if twins else []),
        *log,
        (),
    ]


def _explain(job: JobStatus) -> _Failure:
    failed = job.last_failure
    if failed is not None and job.attempts[-1].reason == Reason.REFUSED:
        first = _explain_attempt(replace(job, log=failed.log))
        said = visible(_said_at_refusal(job))
        return _Failure(first.job, f"{first.text}\nattempt {job.attempt} was not taken: {said}")
    return _explain_attempt(job)


def _explain_attempt(job: JobStatus) -> _Failure:
    if job.reason in (Reason.DAMAGED, Reason.LOST) and job.message:
        return _Failure(job, visible(f"{reason_words(job)}: {job.message}"))
    try:
        error = read_object(AttemptLayout(Path(job.log).parent).error, Failure) if job.log else None
    except (DamagedFile, UnreadableFile) as damage:
        return _Failure(job, visible(damage.message))
    if error is not None and error.get("traceback"):
        return _Failure(job, visible(str(error["traceback"]).rstrip()))
    if job.is_refused:
        return _Failure(job, visible(_said_at_refusal(job)))
    tail = last_lines(Path(job.log), _LOG_LINES) if job.log else []
    reason = reason_words(job) or "failed"
    if not tail:
        return _Failure(job, f"{reason}; it printed nothing")
    return _Failure(
        job, "\n".join([f"{reason}; the log ends:", *(f"  {visible(line)}" for line in tail)])
    )


def _said_at_refusal(job: JobStatus) -> str:
    """Why nothing of it was submitted, as the driver wrote it where the job's own words would be."""
    said = last_lines(Path(job.log), 1) if job.log else []
    return " ".join(said).removeprefix("nemorun: ") or "refused"


def _name_twins(twins: list[str]) -> str:
    named = ", ".join(twins[:_TWINS_NAMED])
    more = f", and {len(twins) - _TWINS_NAMED} more" if len(twins) > _TWINS_NAMED else ""
    return f"the same in {len(twins)} more {'job' if len(twins) == 1 else 'jobs'}: {named}{more}"


def _ruler(title: str, stroke: str, channel: Channel, *, style: str) -> Line:
    width = min(channel.width or _RULER_WIDTH, _RULER_WIDTH)
    title = cut(title, width, channel.ellipsis)
    left = (width - cell_width(title)) // 2
    right = width - cell_width(title) - left
    return ((f"{stroke * left}{title}{stroke * right}", style),)
