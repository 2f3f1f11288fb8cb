"""What came out of a job, and the error of jobs that failed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.cli.symbols import reason_words
from nemorun_discover.documents import Failure, read_object
from nemorun_discover.errors import DamagedFile, JobFailed, UnreadableFile
from nemorun_discover.lifecycle.logs import last_lines
from nemorun_discover.model.layout import AttemptLayout
from nemorun_discover.model.state import Reason, State, combine

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from nemorun_discover.model.status import ExperimentStatus, JobStatus
    from nemorun_discover.model.task import Json

_EXPLAINED = 3
_LOG_LINES = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What came out of a job, or stands there now.

    Attributes:
        exit_code: What its process returned; None before its end, or when a signal ended it. For a group
            the worst of its members'.
        value: What the task returned, as JSON; for a group the list of its members' values.
        log: The latest attempt's log; None when there is none.
        experiment_id: None for a task that was called in this process.
        reason: Why it is in its state, in one word (`EXIT_CODE`, `TIMEOUT`, …); None when there is no more
            to say.
    """

    state: State
    exit_code: int | None = None
    value: Json = None
    log: Path | None = None
    job_id: str = ""
    experiment_id: str | None = None
    reason: str | None = None


def results_of(status: ExperimentStatus, groups: Mapping[str, Sequence[str]]) -> dict[str, Result]:
    """By id, what came out of each job, and of each group."""
    results = {job.id: _result(job, status.id) for job in status.jobs}
    return results | {
        group_id: _worst(group_id, [results[one] for one in members])
        for group_id, members in groups.items()
    }


def failure_of(status: ExperimentStatus, expected: Collection[str] = ()) -> JobFailed | None:
    """The error of an experiment with jobs that failed or were cancelled; None when there are none.

    Args:
        status: The experiment.
        expected: Ids of the jobs that are not expected to succeed: those the caller cancelled.
    """
    failed = [
        job
        for job in status.jobs
        if job.state is State.FAILED or (job.state is State.CANCELLED and job.id not in expected)
    ]
    if not failed:
        return None
    told = [f"{job.id} {_words(job)}" for job in failed]
    more = [f"and {len(told) - _EXPLAINED} more"] if len(told) > _EXPLAINED else []
    explained = [_explained(job, alone=len(failed) == 1) for job in failed[:_EXPLAINED]]
    traces = [text for text in explained if text]
    return JobFailed(
        "\n".join([f"{', '.join([*told[:_EXPLAINED], *more])} in {status.id}", *traces]),
        hint=f"nemorun logs {status.id}",
        results=tuple(_result(job, status.id) for job in status.jobs),
    )


def _result(job: JobStatus, experiment_id: str) -> Result:
    return Result(
        state=job.state,
        exit_code=job.exit_code,
        value=job.result,
        log=Path(job.log) if job.log else None,
        job_id=job.id,
        experiment_id=experiment_id,
        reason=job.reason,
    )


def _worst(group_id: str, members: Sequence[Result]) -> Result:
    state = combine(one.state for one in members)
    codes = [one.exit_code for one in members if one.exit_code is not None]
    first = next((one for one in members if one.state is state), members[0])
    return Result(
        state=state,
        exit_code=max(codes, default=None) if first.exit_code is not None else None,
        value=[one.value for one in members],
        job_id=group_id,
        experiment_id=first.experiment_id,
        reason=first.reason,
    )


def _words(job: JobStatus) -> str:
    reason = reason_words(job)
    state = job.state.lower()
    return f"{state} ({reason})" if reason else state


def _explained(job: JobStatus, *, alone: bool) -> str:
    if not job.log:
        return ""
    log = Path(job.log)
    try:
        error = read_object(AttemptLayout(log.parent).error, Failure)
        text = str(error["traceback"]).rstrip() if error and "traceback" in error else _end_of(log)
    except (DamagedFile, UnreadableFile) as damage:
        text = damage.message
    if job.reason in (Reason.DAMAGED, Reason.LOST) and job.message:
        text = job.message
    return text if alone or not text else f"\n{job.id}:\n{text}"


def _end_of(log: Path) -> str:
    lines = last_lines(log, _LOG_LINES)
    return "\n".join(["the log ends:", *(f"  {line}" for line in lines)]) if lines else ""
