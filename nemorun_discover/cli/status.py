"""`nemorun status`: where the jobs of an experiment stand."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING

import click

from nemorun_discover.cli.boundary import print_error
from nemorun_discover.cli.complete import complete_experiment
from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.documents import status_document
from nemorun_discover.cli.options import all_projects_option, nemorun_command
from nemorun_discover.cli.progress import follow
from nemorun_discover.cli.reference import find_experiment, keep_going
from nemorun_discover.cli.render_contact import contact_lines
from nemorun_discover.cli.render_failures import failure_report
from nemorun_discover.cli.render_jobs import heading_lines, job_table
from nemorun_discover.cli.render_summary import closing_lines
from nemorun_discover.errors import UsageError
from nemorun_discover.lifecycle.freshness import until_fresh
from nemorun_discover.lifecycle.watch import watch
from nemorun_discover.model.event import CAUGHT_UP
from nemorun_discover.model.state import Reason, State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nemorun_discover.cli.console import Console
    from nemorun_discover.cli.settings import Settings
    from nemorun_discover.model.status import ExperimentStatus
    from nemorun_discover.store.home import Home

# SkyPilot's JobExitCode, for scripts that know it.
_FAILED, _UNFINISHED, _NOT_FOUND, _CANCELLED = 100, 101, 102, 103
_EXIT_CODES = {State.SUCCEEDED: 0, State.FAILED: _FAILED, State.CANCELLED: _CANCELLED}


@nemorun_command("status", short_help="Show where the jobs of an experiment stand.")
@click.argument("experiment", metavar="[EXP]", required=False, shell_complete=complete_experiment)
@click.option("-w", "--watch", "watching", is_flag=True, help="Go on until every job is final.")
@click.option(
    "--exit-code",
    "as_exit_code",
    is_flag=True,
    help="Leave with 0 when it succeeded, 100 failed, 101 not finished, 102 not found, 103 cancelled.",
)
@all_projects_option
def status_command(
    settings: Settings, experiment: str | None, *, watching: bool, as_exit_code: bool
) -> int | None:
    """Show where the jobs of an experiment stand.

    EXP is an id, a unique beginning or end of one, or @last; without it, the project's last experiment.
    """
    console = open_console(settings)
    try:
        home, experiment_id = find_experiment(experiment, settings, console)
    except UsageError as error:
        if not as_exit_code:
            raise
        print_error(error, _NOT_FOUND, settings.argv)
        return _NOT_FOUND
    keep_going(home, experiment_id, console)
    status = until_fresh(home, home.read_record(experiment_id), os.environ)
    if watching:
        status = _follow(home, experiment_id, console, as_json=settings.json)
    elif settings.json:
        console.document(status_document(status))
    if not settings.json:
        _show(status, console, has_told=watching)
        _tell_of_clusters(home.layout.experiment(experiment_id).clusters, status, console)
    return _EXIT_CODES.get(status.state, _code_of_others(status)) if as_exit_code else None


def _follow(home: Home, experiment_id: str, console: Console, *, as_json: bool) -> ExperimentStatus:
    """The status when every job is final; where JSON is wanted, a document a line is printed for each change."""
    if not as_json:
        return follow(console, watch(home, experiment_id))
    return deque(_streamed(watch(home, experiment_id), console), maxlen=1)[0]


def _streamed(statuses: Iterator[ExperimentStatus], console: Console) -> Iterator[ExperimentStatus]:
    """The statuses, each printed as a document on a line; no more when the reader has gone."""
    for status in statuses:
        console.stream_document(status_document(status))
        yield status
        if console.out.is_closed:
            return


def _show(status: ExperimentStatus, console: Console, *, has_told: bool) -> None:
    console.out.lines(heading_lines(status, console.out))
    console.out.lines(contact_lines(status, console.out, status.as_of))
    console.out.lines(job_table(status, console))
    for job in status.jobs:
        if job.message and job.reason in (Reason.DAMAGED, Reason.LOST):
            console.note(f"note: {job.id}: {job.message}")
    for note in status.notes:
        if has_told and note != CAUGHT_UP:
            continue
        console.note(f"note: {note}")
    summary, _, *hints = closing_lines(status, after="status", columns=console.err.width)
    console.out.lines([summary])
    if console.verbosity > 0:
        console.out.lines(failure_report(status, console.out))
    for hint in hints:
        console.note(*hint)


def _tell_of_clusters(clusters: Path, status: ExperimentStatus, console: Console) -> None:
    if not clusters.exists():
        return
    from nemorun_discover.schedulers.skypilot.leftover import probably_up  # noqa: PLC0415 - few have one

    for sentence in probably_up(clusters, status.ended_at):
        console.note(f"note: {sentence}; `nemorun doctor` looks")


def _code_of_others(status: ExperimentStatus) -> int:
    return 0 if status.state.is_final else _UNFINISHED
