"""What stands at the end of `run`, `wait` and `status`: the summary, and commands to copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.cli.render_jobs import summary_line
from nemorun_discover.errors import ExitCode
from nemorun_discover.model.state import Reason, State

if TYPE_CHECKING:
    from nemorun_discover.cli.console import Line
    from nemorun_discover.model.status import ExperimentStatus


_TO_TRY_AGAIN = (State.FAILED, State.CANCELLED)


def closing_lines(
    status: ExperimentStatus, *, after: str = "", columns: int | None = None
) -> list[Line]:
    """The summary, an empty line, and the commands that show more or carry on.

    Args:
        status: The experiment.
        after: The command that prints this, which need not be named again.
        columns: Of the terminal; where the commands do not fit beside what they do, they stand alone.
    """
    commands = [
        (f"nemorun logs {status.id}", "what the jobs printed"),
        (f"nemorun status {status.id}", "where the jobs stand"),
    ]
    if any(job.result is not None for job in status.jobs):
        commands.append((f"nemorun results {status.id}", "what they returned, as a table"))
    if not all(job.is_settled for job in status.jobs):
        commands.append((f"nemorun cancel {status.id}", "stop them"))
    if any(job.state in _TO_TRY_AGAIN or job.is_refused for job in status.jobs):
        commands.append((f"nemorun rerun {status.id} --failed", "try those again"))
    commands = [one for one in commands if not one[0].startswith(f"nemorun {after} ")]
    width = max(len(command) for command, _ in commands)
    explained = [f"  {command.ljust(width)}  # {what}" for command, what in commands]
    if columns is not None and max(map(len, explained)) > columns:
        explained = [f"  {command}" for command, _ in commands]
    hints: list[Line] = [((text, ""),) for text in explained]
    return [summary_line(status), (), *hints]


def verdict(status: ExperimentStatus) -> ExitCode:
    """The exit code of a command that waited for this experiment.

    0 when every job succeeded, 6 when an executor refused one, 1 when one ended in another way.
    """
    if any(job.reason in (Reason.START_FAILED, Reason.REFUSED) for job in status.jobs):
        return ExitCode.REFUSED
    succeeded = all(job.is_well for job in status.jobs)
    return ExitCode.OK if succeeded else ExitCode.JOB_FAILED
