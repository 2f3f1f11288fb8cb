"""What a terminal shows while jobs run: what runs or failed first, with the last line of each log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.cli.cells import cut
from nemorun_discover.cli.moments import duration, elapsed_s
from nemorun_discover.cli.render_contact import contact_lines
from nemorun_discover.cli.render_jobs import count_words, time_words
from nemorun_discover.cli.symbols import reason_words, state_span, style_of
from nemorun_discover.cli.table import Column, draw_table
from nemorun_discover.lifecycle.logs import last_lines
from nemorun_discover.model.state import State

if TYPE_CHECKING:
    from datetime import datetime

    from nemorun_discover.cli.console import Channel, Line
    from nemorun_discover.model.status import ExperimentStatus, JobStatus

_LINES_AROUND = 4  # the summary, the table's headings, "+ 37 more", and the cursor's own line
_LOG_END = 4096
_URGENCY = (
    State.RUNNING,
    State.FAILED,
    State.UNKNOWN,
    State.CANCELLED,
    State.PENDING,
    State.SUBMITTED,
    State.PLANNED,
    State.SKIPPED,
    State.SUCCEEDED,
)


def live_lines(status: ExperimentStatus, channel: Channel, now: datetime) -> list[Line]:
    """The picture of this moment, in at most the terminal's lines."""
    room = max(1, channel.height - _LINES_AROUND)
    ranked = sorted(status.jobs, key=lambda job: _URGENCY.index(job.state))
    told = contact_lines(status, channel, now)
    room = max(1, room - len(told))
    lines = [_summary(status, channel, now), *told, *_table(ranked[:room], channel, now)]
    if len(ranked) > room:
        lines.append(((f"+ {len(ranked) - room} more", ""),))
    return lines


def _summary(status: ExperimentStatus, channel: Channel, now: datetime) -> Line:
    took = duration(elapsed_s(status.created_at, status.ended_at, now) or 0.0)
    text = f"{status.id}  {count_words(status)}  {took}"
    return ((cut(text, channel.width or len(text), channel.ellipsis), style_of(status.state)),)


def _table(jobs: list[JobStatus], channel: Channel, now: datetime) -> list[Line]:
    states = tuple(state_span(job.state, unicode=channel.unicode) for job in jobs)
    return draw_table(
        [
            Column(heading="JOB", cells=tuple((job.id, "") for job in jobs)),
            Column(heading="STATE", cells=states),
            Column(heading="TIME", cells=tuple((time_words(job, now), "") for job in jobs), drop=2),
            Column(
                heading="LAST LINE",
                cells=tuple((_last_words(job), "") for job in jobs),
                drop=1,
                narrowest=12,
            ),
        ],
        channel,
    )


def _last_words(job: JobStatus) -> str:
    if job.state is not State.RUNNING or not job.log:
        return reason_words(job)
    return "".join(last_lines(Path(job.log), 1, block=_LOG_END))
