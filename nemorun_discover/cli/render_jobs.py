"""The table of an experiment's jobs, and its one-line summary."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from nemorun_discover.cli.flatten import flatten
from nemorun_discover.cli.moments import duration, elapsed_s
from nemorun_discover.cli.symbols import reason_words, state_span, style_of
from nemorun_discover.cli.table import Column, draw_table
from nemorun_discover.model.state import State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nemorun_discover.cli.console import Channel, Console, Line
    from nemorun_discover.model.status import ExperimentStatus, JobStatus
    from nemorun_discover.model.task import Json

# In the order pytest uses: what went wrong first.
_WORDS = {
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
    State.UNKNOWN: "unknown",
    State.RUNNING: "running",
    State.PENDING: "pending",
    State.SUBMITTED: "submitted",
    State.PLANNED: "planned",
    State.SUCCEEDED: "passed",
    State.SKIPPED: "skipped",
}


def job_table(status: ExperimentStatus, console: Console) -> list[Line]:
    """The jobs, one a line: state, time, reason, result; `-v` adds attempt and native id.

    On a narrow terminal the result goes first, then what `-v` added, then the reason and the time.
    """
    jobs, channel, now = status.jobs, console.out, status.as_of
    columns = [
        Column(heading="JOB", cells=tuple((job.id, "") for job in jobs)),
        Column(
            heading="STATE",
            cells=tuple(state_span(job.state, unicode=channel.unicode) for job in jobs),
        ),
        Column(heading="TIME", cells=tuple((time_words(job, now), "") for job in jobs), drop=4),
        Column(heading="REASON", cells=tuple((reason_words(job), "") for job in jobs), drop=3),
        *(_details(jobs) if console.verbosity > 0 else ()),
        Column(
            heading="RESULT",
            cells=tuple((result_words(job.result), "") for job in jobs),
            drop=0,
            narrowest=16,
        ),
    ]
    return draw_table(columns, channel)


def summary_line(status: ExperimentStatus) -> Line:
    """`3 failed, 20 passed, 1 skipped in 2m14s`, in the colour of the experiment's state."""
    took = elapsed_s(status.created_at, status.ended_at, status.as_of) or 0.0
    return ((f"{count_words(status)} in {duration(took)}", style_of(status.state)),)


def count_words(status: ExperimentStatus) -> str:
    """`3 failed, 20 passed, 1 skipped`; `no jobs` when there are none."""
    counts = Counter("refused" if job.is_refused else _WORDS[job.state] for job in status.jobs)
    order = ("refused", *_WORDS.values())
    words = [f"{counts[word]} {word}" for word in order if counts[word]]
    return ", ".join(words) or "no jobs"


def time_words(job: JobStatus, now: datetime) -> str:
    """How long the job has run, or ran; empty before it starts."""
    seconds = elapsed_s(job.started_at, job.ended_at, now)
    return "" if seconds is None else duration(seconds)


def result_words(result: Json) -> str:
    """A result on one line: `accuracy=0.972 loss=0.11`; other values than objects as JSON."""
    if not isinstance(result, dict):
        return "" if result is None else _short(result)
    return " ".join(f"{name}={_short(value)}" for name, value in flatten(result).items())


def heading_lines(status: ExperimentStatus, channel: Channel) -> list[Line]:
    """The experiment's own line, above its jobs."""
    return [((status.id, "bold"), ("  ", ""), state_span(status.state, unicode=channel.unicode))]


def _details(jobs: Sequence[JobStatus]) -> list[Column]:
    return [
        Column(
            heading="ATTEMPT", cells=tuple((str(job.attempt or ""), "") for job in jobs), drop=1
        ),
        Column(heading="NATIVE ID", cells=tuple((job.native_id or "", "") for job in jobs), drop=2),
    ]


def _short(value: Json) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
