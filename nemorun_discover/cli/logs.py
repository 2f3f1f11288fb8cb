"""`nemorun logs`: what jobs printed, and what they go on to print."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

import click

from nemorun_discover.cli.complete import complete_experiment_or_job
from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.options import all_projects_option, nemorun_command
from nemorun_discover.cli.reference import find_experiment_and_jobs, keep_going, pick_jobs
from nemorun_discover.errors import UsageError
from nemorun_discover.lifecycle.log_lines import pick_lines, wanted_of
from nemorun_discover.lifecycle.logs import stream_logs, whole_lines
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.lifecycle.remote_logs import RemoteLogs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemorun_discover.cli.console import Console
    from nemorun_discover.cli.settings import Settings
    from nemorun_discover.lifecycle.log_lines import Wanted
    from nemorun_discover.lifecycle.logs import LogPiece
    from nemorun_discover.model.status import ExperimentStatus


@nemorun_command("logs", short_help="Print the logs of jobs.")
@click.argument(
    "words", metavar="[EXP] [JOB]...", nargs=-1, shell_complete=complete_experiment_or_job
)
@click.option("-k", "keyword", metavar="EXPR", help="Jobs whose name and parameters match.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the jobs are final.")
@click.option(
    "-n", "--lines", metavar="N", type=click.IntRange(min=0), help="Begin N lines before the end."
)
@click.option("--grep", metavar="REGEX", help="Only lines in which this is found.")
@click.option(
    "--rank",
    metavar="N",
    type=click.IntRange(min=0),
    help="Only lines of this process, of jobs whose lines begin with its number.",
)
@click.option(
    "--attempt",
    metavar="N",
    type=click.IntRange(min=1),
    help="The log of this attempt, not of the last.",
)
@all_projects_option
def logs_command(
    settings: Settings,
    words: tuple[str, ...],
    *,
    keyword: str | None,
    follow: bool,
    lines: int | None,
    grep: str | None,
    rank: int | None,
    attempt: int | None,
) -> None:
    """Print the logs of jobs, as they are; those of several jobs with the job's name before each line.

    EXP is an id, a unique beginning or end of one, or @last; without it, the project's last experiment.
    JOB is a job's id, with or without its executor, a task's name, or a glob; without it, all jobs.
    """
    console = open_console(settings)
    wanted = wanted_of(grep, rank)
    home, experiment_id, names = find_experiment_and_jobs(words, settings, console)
    keep_going(home, experiment_id, console)
    status = observe(home, experiment_id)
    jobs = pick_jobs(status, names, keyword)
    _check_attempt(status, jobs, attempt)
    remote = RemoteLogs(
        home,
        home.read_record(experiment_id),
        jobs,
        os.environ,
        lambda sentence: console.note(f"note: {sentence}"),
    )

    pieces = stream_logs(remote.look, jobs, attempt=attempt, lines=lines, follow=follow)
    with closing(remote), closing(pieces):
        seen = _print(pieces, jobs, console, as_json=settings.json, wanted=wanted)
    if not seen and not follow and wanted.is_all:
        _say_why_empty(status, jobs, console)


def _print(
    pieces: Iterator[LogPiece],
    jobs: tuple[str, ...],
    console: Console,
    *,
    as_json: bool,
    wanted: Wanted,
) -> bool:
    """Print everything; whether there was anything. Ends early when the reader has gone."""
    seen = False
    write = _print_json if as_json else _print_prefixed if len(jobs) > 1 else _print_line
    is_merged = as_json or len(jobs) > 1 or not wanted.is_all
    for piece in pick_lines(whole_lines(pieces), wanted) if is_merged else pieces:
        seen = seen or is_merged or bool(piece.text)
        if is_merged:
            write(piece, console)
        else:
            console.out.raw(piece.text)
        if console.out.is_closed:
            break
    return seen


def _print_json(piece: LogPiece, console: Console) -> None:
    console.stream_document(
        {
            "schema": "nemorun.log/1",
            "job": piece.job,
            "attempt": piece.attempt,
            "line": piece.text.decode(errors="replace"),
        }
    )


def _print_prefixed(piece: LogPiece, console: Console) -> None:
    prefix = console.out.paint(((f"{piece.job} | ", "bold"),))
    console.out.raw(prefix.encode(errors="backslashreplace") + piece.text + b"\n")


def _print_line(piece: LogPiece, console: Console) -> None:
    console.out.raw(piece.text + b"\n")


def _check_attempt(status: ExperimentStatus, jobs: tuple[str, ...], attempt: int | None) -> None:
    if attempt is None:
        return
    most = max((job.attempt for job in status.jobs if job.id in jobs), default=0)
    if attempt > most:
        raise UsageError(
            f"there is no attempt {attempt} of {jobs[0] if len(jobs) == 1 else 'these jobs'}",
            hint=f"the last one is {most}" if most else "none has begun yet",
        )


def _say_why_empty(status: ExperimentStatus, jobs: tuple[str, ...], console: Console) -> None:
    for job in status.jobs:
        if job.id in jobs:
            console.note(f"{job.id} is {job.state} and has printed nothing")
